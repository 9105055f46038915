// What the conversation view shows, and the one function that changes it.

import type { Activity, Character, Numbers, ServerMessage, Transport } from "./messages.ts";

export type Phase = "connecting" | "live" | "lost" | "over";

export interface Line {
  key: number;
  who: "user" | "agent";
  text: string;
  final: boolean;
  /** Which utterance of the agent it is, if the server says. */
  utterance: number | null;
  /** The user spoke before it was all heard. */
  cut: boolean;
  /** The user typed it, and no agent has repeated it so far. */
  typed: boolean;
}

export interface Notice {
  key: number;
  tone: "calm" | "warning";
  text: string;
}

export interface Conversation {
  phase: Phase;
  character: Character;
  activity: Activity;
  epoch: number;
  interrupted: number;
  lines: readonly Line[];
  emotion: { name: string; intensity: number };
  numbers: Numbers | null;
  transport: Transport | null;
  notice: Notice | null;
  ending: string | null;
  nextKey: number;
}

export type Change =
  | { kind: "heard"; message: ServerMessage }
  | { kind: "transport"; by: Transport }
  | { kind: "phase"; phase: Phase }
  | { kind: "notice"; tone: Notice["tone"]; text: string }
  | { kind: "quiet" }
  | { kind: "typed"; text: string };

const MOST_LINES = 200;

export function begin(character: Character): Conversation {
  return {
    phase: "connecting",
    character,
    activity: "idle",
    epoch: 0,
    interrupted: 0,
    lines: [],
    emotion: { name: "neutral", intensity: 1 },
    numbers: null,
    transport: null,
    notice: null,
    ending: null,
    nextKey: 1,
  };
}

export function reduce(now: Conversation, change: Change): Conversation {
  switch (change.kind) {
    case "heard":
      return hear(now, change.message);
    case "transport":
      return { ...now, transport: change.by, phase: "live" };
    case "phase":
      return { ...now, phase: change.phase, activity: change.phase === "live" ? now.activity : "idle" };
    case "notice":
      return notify(now, change.tone, change.text);
    case "quiet":
      return { ...now, notice: null };
    case "typed":
      return append(now, { who: "user", text: change.text, final: true, utterance: null, typed: true });
  }
}

function hear(now: Conversation, message: ServerMessage): Conversation {
  switch (message.type) {
    case "hello":
      return { ...now, character: { ...now.character, ...message.character } };
    case "state":
      return { ...now, activity: message.activity, epoch: message.epoch };
    case "words":
      return addLine(now, message.who, message.text, message.final, message.line ?? null);
    case "interrupted":
      return { ...now, epoch: message.epoch, interrupted: now.interrupted + 1, lines: cutLast(now.lines) };
    case "emotion":
      return { ...now, emotion: { name: message.name, intensity: message.intensity } };
    case "numbers": {
      const { type: _, ...numbers } = message;
      return { ...now, numbers };
    }
    case "trouble":
    case "error":
      return notify(now, "warning", message.message);
    case "bye":
      return { ...now, phase: "over", activity: "idle", ending: message.reason };
    case "turn":
    case "pong":
      return now;
    default:
      return now; // a newer server may say more
  }
}

function notify(now: Conversation, tone: Notice["tone"], text: string): Conversation {
  return { ...now, notice: { key: now.nextKey, tone, text }, nextKey: now.nextKey + 1 };
}

/** While a line is not final the next of the same speaker takes its place; of a numbered one also what comes later. */
function addLine(now: Conversation, who: Line["who"], text: string, final: boolean, utterance: number | null): Conversation {
  // Some agents repeat what was typed, some do not.
  const echo = now.lines.find((line) => line.typed && who === "user" && line.text === text);
  if (echo) return { ...now, lines: now.lines.map((line) => (line === echo ? { ...echo, typed: false } : line)) };
  const same = (line: Line) => (utterance === null ? !line.final : line.utterance === utterance);
  const open = now.lines.findLastIndex((line) => line.who === who && same(line));
  const old = now.lines[open];
  if (old) {
    const without = now.lines.filter((line) => line !== old);
    if (text === "") return { ...now, lines: without };
    const cut = old.cut || (old.final && text !== old.text);
    return { ...now, lines: now.lines.map((line) => (line === old ? { ...old, text, final, cut } : line)) };
  }
  return text === "" ? now : append(now, { who, text, final, utterance, typed: false });
}

function append(now: Conversation, said: Omit<Line, "key" | "cut">): Conversation {
  const line: Line = { ...said, key: now.nextKey, cut: false };
  return { ...now, lines: [...now.lines, line].slice(-MOST_LINES), nextKey: now.nextKey + 1 };
}

function cutLast(lines: readonly Line[]): readonly Line[] {
  const last = lines[lines.length - 1];
  return last?.who === "agent" ? [...lines.slice(0, -1), { ...last, cut: true }] : lines;
}
