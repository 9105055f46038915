// Plays the sound of the socket without gaps and says which frame sounds.

import { JitterBuffer, type Piece } from "../media/jitter.ts";

export type ToPlayer = { type: "piece"; piece: Piece } | { type: "interrupt"; epoch: number } | { type: "close" };

export interface FromPlayer {
  frame: number | null;
  at_s: number;
  target_s: number;
  dry: number;
}

const REPORT_S = 0.02;

class Player extends AudioWorkletProcessor {
  readonly #buffer = new JitterBuffer(sampleRate);
  #reported_s = 0;
  #closed = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToPlayer>) => {
      if (data.type === "piece") this.#buffer.push(data.piece);
      else if (data.type === "interrupt") this.#buffer.interrupt(data.epoch);
      else this.#closed = true;
    };
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const [first, ...others] = outputs[0] ?? [];
    if (this.#closed || !first) return !this.#closed;
    const frame = this.#buffer.position;
    this.#buffer.pull(first);
    for (const other of others) other.set(first);
    if (currentTime - this.#reported_s >= REPORT_S) {
      this.#reported_s = currentTime;
      const report: FromPlayer = { frame, at_s: currentTime, target_s: this.#buffer.target_s, dry: this.#buffer.dry };
      this.port.postMessage(report);
    }
    return true;
  }
}

registerProcessor("player", Player);
