// Starts and stops recordings, and hands them over as files.

import { Recording } from "./media/recording.ts";
import type { Sound } from "./media/sound.ts";

const KEEP_ADDRESS_MS = 60_000;

export class Recorder {
  readonly #canvas: HTMLCanvasElement;
  readonly #sound: Sound;
  readonly #name: string;
  #recording: Recording | null = null;
  #since_ms = 0;

  static get possible(): boolean {
    return Recording.possible;
  }

  constructor(canvas: HTMLCanvasElement, sound: Sound, name: string) {
    this.#canvas = canvas;
    this.#sound = sound;
    this.#name = name;
  }

  /** Of the running recording; null when none runs. */
  get seconds(): number | null {
    return this.#recording ? (performance.now() - this.#since_ms) / 1000 : null;
  }

  picture(): void {
    this.#recording?.picture(this.#canvas);
  }

  async toggle(): Promise<void> {
    if (this.#recording) return this.stop();
    this.#since_ms = performance.now();
    this.#recording = new Recording(this.#canvas, this.#sound);
  }

  async stop(): Promise<void> {
    const recording = this.#recording;
    if (!recording) return;
    this.#recording = null;
    const { blob, extension } = await recording.stop();
    const address = URL.createObjectURL(blob);
    const link = document.createElement("a");
    link.href = address;
    link.download = `${this.#name} ${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.${extension}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), KEEP_ADDRESS_MS);
  }
}
