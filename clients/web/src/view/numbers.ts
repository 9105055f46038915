// Live numbers, for those who want to know.

import type { Measured } from "../live/call.ts";
import type { Conversation } from "../live/state.ts";
import { el } from "./dom.ts";

type Row = [label: string, value: (now: Conversation, measured: Measured) => string, about: string];

const ROWS: readonly Row[] = [
  ["Shown", (_, m) => `${m.fps} fps`, "Pictures shown in the last second"],
  ["Rendered", (now) => number(now.numbers?.render_fps, "fps", 1), "Pictures a second while one is made"],
  ["Chunk", (now) => number(now.numbers?.chunk_ms, "ms"), "How long a chunk takes"],
  ["Ping", (_, m) => number(m.ping_ms, "ms"), "To the server and back"],
  ["Delay", (_, m) => number(m.late_ms, "ms"), "From a picture's moment to the screen"],
  ["Buffer", (_, m) => number(m.buffer_ms, "ms"), "Sound that waits; by socket only"],
  ["Voice", (now) => number(scaled(now.numbers?.voice_delay_s), "ms"), "From the voice's first sample to its moment"],
  ["Late", (now) => number(now.numbers?.held, ""), "Pictures that were not ready in time"],
  ["Drift", (now) => number(now.numbers?.av_drift_ms, "ms", 1), "Between picture and sound"],
  ["State", (now) => `${now.activity} · ${now.epoch}`, "What it does, and how often it was interrupted"],
  ["By", (now) => ({ webrtc: "WebRTC", socket: "Socket" })[now.transport ?? "webrtc"] ?? "", "How pictures and sound travel"],
];

export class NumbersPanel {
  readonly element: HTMLDetailsElement;
  readonly #values: HTMLElement[];
  readonly #summary = el("span", { className: "brief" });

  constructor() {
    this.#values = ROWS.map(() => el("dd"));
    const pairs = ROWS.map(([label, , about], i) => el("div", { title: about }, [el("dt", { textContent: label }), this.#values[i] ?? null]));
    this.element = el("details", { className: "numbers" }, [
      el("summary", {}, ["Live numbers", this.#summary]),
      el("dl", {}, pairs),
    ]);
  }

  update(now: Conversation, measured: Measured): void {
    this.#summary.textContent = now.transport === null ? "" : `${measured.fps} fps`;
    if (!this.element.open) return;
    ROWS.forEach(([, value], i) => {
      const cell = this.#values[i];
      if (cell) cell.textContent = now.transport === null ? "–" : value(now, measured);
    });
  }
}

function number(value: number | null | undefined, unit: string, digits = 0): string {
  return value === null || value === undefined ? "–" : `${value.toFixed(digits)} ${unit}`.trim();
}

function scaled(seconds: number | null | undefined): number | null {
  return seconds === null || seconds === undefined ? null : 1000 * seconds;
}
