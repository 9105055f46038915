import assert from "node:assert/strict";
import { test } from "node:test";
import { adviceFor, ApiError, retryAfter_s } from "../src/live/failures.ts";
import type { ServerMessage } from "../src/live/messages.ts";
import { begin, reduce, type Conversation } from "../src/live/state.ts";
import { matching } from "../src/view/filter.ts";

const ADA = { id: "seed:7", name: "Ada", style: "anime", about: "A woman with blue hair.", picture: "/a.webp" };

function after(...messages: ServerMessage[]): Conversation {
  return messages.reduce((now, message) => reduce(now, { kind: "heard", message }), begin(ADA));
}

function words(who: "user" | "agent", text: string, final: boolean): ServerMessage {
  return { type: "words", who, text, final };
}

test("words that are not final are replaced by the next of the same speaker", () => {
  const { lines } = after(words("user", "hel", false), words("agent", "Yes?", true), words("user", "hello", false), words("user", "hello.", true));
  assert.deepEqual(lines.map(({ who, text, final }) => [who, text, final]), [["user", "hello.", true], ["agent", "Yes?", true]]);
});

test("after final words a new line begins", () => {
  const { lines } = after(words("user", "One.", true), words("user", "Two.", true));
  assert.deepEqual(lines.map(({ text }) => text), ["One.", "Two."]);
  assert.notEqual(lines[0]?.key, lines[1]?.key);
});

test("words that were cut take the place of those that were to be said, and words that nobody heard go away", () => {
  const said = (text: string, line: number, final = true): ServerMessage => ({ type: "words", who: "agent", text, final, line });
  const now = after(said("Hello, I am Ada.", 1), said("This waits.", 2), said("Hello, I", 1), said("", 2));
  assert.deepEqual(now.lines.map(({ text, cut }) => [text, cut]), [["Hello, I", true]]);
  const next = after(said("Hel", 1, false), said("Hello.", 1), said("And", 2, false));
  assert.deepEqual(next.lines.map(({ text, cut }) => [text, cut]), [["Hello.", false], ["And", false]]);
});

test("an open line that turns out to be nothing goes away", () => {
  assert.equal(after(words("user", "hm", false), words("user", "", true)).lines.length, 0);
});

test("what the user typed is shown once, whether or not the agent repeats it", () => {
  const typed = reduce(begin(ADA), { kind: "typed", text: "Hello?" });
  const echoed = reduce(typed, { kind: "heard", message: words("user", "Hello?", true) });
  assert.deepEqual(typed.lines.map(({ text }) => text), ["Hello?"]);
  assert.deepEqual(echoed.lines.map(({ text }) => text), ["Hello?"]);
  const again = reduce(echoed, { kind: "heard", message: words("user", "Hello?", true) });
  assert.equal(again.lines.length, 2);
});

test("an interruption is counted, and marks what was cut, whose last words may still be corrected", () => {
  const now = after(words("agent", "Long ago, there was", false), { type: "interrupted", epoch: 3, by: "voice" }, words("agent", "Long ago,", true), words("agent", "Yes?", true));
  assert.equal(now.epoch, 3);
  assert.equal(now.interrupted, 1);
  assert.deepEqual(now.lines.map(({ text, cut }) => [text, cut]), [["Long ago,", true], ["Yes?", false]]);
});

test("trouble is shown and the conversation goes on", () => {
  const now = reduce(after({ type: "trouble", message: "No voice." }), { kind: "transport", by: "socket" });
  assert.equal(now.notice?.text, "No voice.");
  assert.equal(now.phase, "live");
  assert.equal(reduce(now, { kind: "quiet" }).notice, null);
});

test("a goodbye ends it with its reason", () => {
  const now = after({ type: "state", activity: "speak", epoch: 0 }, { type: "bye", reason: "idle" });
  assert.deepEqual([now.phase, now.ending, now.activity], ["over", "idle", "idle"]);
});

test("messages of a newer server change nothing", () => {
  const before = begin(ADA);
  assert.equal(reduce(before, { kind: "heard", message: { type: "weather" } as unknown as ServerMessage }), before);
});

test("a transcript does not grow for ever", () => {
  const messages = Array.from({ length: 300 }, (_, i) => words("agent", String(i), true));
  const { lines } = after(...messages);
  assert.equal(lines.length, 200);
  assert.equal(lines[199]?.text, "299");
});

test("every error code of the protocol has advice of its own", () => {
  const codes = ["bad_request", "unauthorized", "forbidden_origin", "not_found", "too_large", "unsupported", "busy", "too_many", "draining", "starting", "internal"];
  const titles = codes.map((code) => adviceFor(new ApiError(400, code, "Why.", null)).title);
  assert.equal(new Set(titles).size, codes.length);
});

test("trying again waits as long as the server asks", () => {
  assert.equal(adviceFor(new ApiError(429, "busy", "", 17)).retry_s, 17);
  assert.equal(adviceFor(new ApiError(413, "too_large", "", null)).retry_s, null);
  assert.equal(retryAfter_s("12", 0), 12);
  assert.equal(retryAfter_s("Thu, 01 Jan 1970 00:01:00 GMT", 30_000), 30);
  assert.equal(retryAfter_s("soon", 0), null);
  assert.equal(retryAfter_s(null, 0), null);
});

test("the gallery is searched by beginnings of words, and by style", () => {
  const bo = { ...ADA, id: "seed:8", name: "Bo", style: "ink", about: "A man in a blueish coat." };
  const found = (words: string, style: string | null): string[] => matching([ADA, bo], { words, style }).map(({ name }) => name);
  assert.deepEqual(found("BLUE", null), ["Ada", "Bo"]);
  assert.deepEqual(found("blue ha", null), ["Ada"]);
  assert.deepEqual(found("", "ink"), ["Bo"]);
  assert.deepEqual(found("zebra", null), []);
});
