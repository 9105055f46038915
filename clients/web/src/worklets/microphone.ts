// The microphone as pieces of 40 ms at 16 kHz.

import { toInts } from "../live/packet.ts";
import { Resampler } from "../media/resample.ts";

const RATE_HZ = 16_000;
const PIECE = RATE_HZ / 25;

class Microphone extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate, RATE_HZ);
  readonly #piece = new Float32Array(PIECE);
  #filled = 0;
  #closed = false;

  constructor() {
    super();
    // The one message there is: no more is wanted.
    this.port.onmessage = () => (this.#closed = true);
  }

  process(inputs: Float32Array[][]): boolean {
    const heard = inputs[0]?.[0];
    if (this.#closed || !heard) return !this.#closed;
    for (const sample of this.#resampler.push(heard)) {
      this.#piece[this.#filled++] = sample;
      if (this.#filled < PIECE) continue;
      const ints = toInts(this.#piece);
      this.port.postMessage(ints, [ints.buffer]);
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
