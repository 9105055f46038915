// What raters are asked, in words.

import type { Choice, Question, Track } from "./messages.ts";

export interface Words {
  readonly title: string;
  readonly ask: string;
  readonly hint: string;
  /** Whether it can be answered without having heard both. */
  readonly needsSound: boolean;
}

const WORDS: Record<Question, Words> = {
  lip: {
    title: "Lips",
    ask: "Where do the lips fit the voice better?",
    hint: "Turn the sound on, listen to A, then to B. Half speed helps.",
    needsSound: true,
  },
  reaction: {
    title: "Listening",
    ask: "Who listens better?",
    hint: "A quiet mouth while the partner speaks, and a face that answers what is said, at the right moment.",
    needsSound: true,
  },
  motion: {
    title: "Motion",
    ask: "Who moves more naturally?",
    hint: "Head, eyes and body: neither frozen nor restless, no shaking, nothing that comes again and again.",
    needsSound: false,
  },
  identity: {
    title: "Likeness",
    ask: "Who looks more like the picture?",
    hint: "Face, hair, clothes and style, from beginning to end. How well somebody moves is not asked here.",
    needsSound: false,
  },
  instruction: {
    title: "Instruction",
    ask: "Who does better what was asked for?",
    hint: "Everything that was asked for, in its order and at its time.",
    needsSound: false,
  },
  overall: {
    title: "Overall",
    ask: "Which performance is better as a whole?",
    hint: "Watch it as you would watch a person in a call.",
    needsSound: false,
  },
};

export function wordsFor(question: Question, track: Track): Words {
  const words = WORDS[question];
  if (question !== "reaction" || track !== "C") return words;
  return { ...words, ask: "Who listens and takes turns better?", hint: "Quiet while the partner speaks, soon there when it is their turn." };
}

export const CHOICES: readonly { value: Choice; label: string; key: string }[] = [
  { value: "L", label: "A is better", key: "1" },
  { value: "S", label: "About the same", key: "2" },
  { value: "R", label: "B is better", key: "3" },
  { value: "X", label: "Can’t tell", key: "0" },
];
