// The microphone's rate to 16 kHz, piece by piece: a windowed sinc whose phases are whole numbers, so that it never drifts.

const HALF_TAPS = 24;

export class Resampler {
  /** A sample comes every `down / up` samples of the input. */
  readonly #up: number;
  readonly #down: number;
  readonly #half: number;
  readonly #taps: Float32Array[];
  #history: Float32Array;
  #base: number;
  #phase = 0;

  constructor(from_hz: number, to_hz: number) {
    const shared = gcd(from_hz, to_hz);
    this.#up = to_hz / shared;
    this.#down = from_hz / shared;
    this.#half = Math.ceil(HALF_TAPS * Math.max(1, from_hz / to_hz));
    const cutoff = Math.min(1, to_hz / from_hz) * 0.92;
    this.#taps = Array.from({ length: this.#up }, (_, phase) => tapsOf(phase / this.#up, this.#half, cutoff));
    this.#history = new Float32Array(this.#half);
    this.#base = this.#half;
  }

  push(samples: Float32Array): Float32Array {
    const joined = new Float32Array(this.#history.length + samples.length);
    joined.set(this.#history);
    joined.set(samples, this.#history.length);
    const out: number[] = [];
    while (this.#base + this.#half < joined.length) {
      out.push(this.#at(joined));
      this.#phase += this.#down;
      this.#base += Math.floor(this.#phase / this.#up);
      this.#phase %= this.#up;
    }
    const done = this.#base - this.#half;
    this.#history = joined.slice(done);
    this.#base -= done;
    return Float32Array.from(out);
  }

  #at(samples: Float32Array): number {
    const taps = this.#taps[this.#phase] ?? new Float32Array();
    const first = this.#base - this.#half + 1;
    let sum = 0;
    for (let i = 0; i < taps.length; i++) sum += (samples[first + i] ?? 0) * (taps[i] ?? 0);
    return sum;
  }
}

function tapsOf(fraction: number, half: number, cutoff: number): Float32Array {
  return Float32Array.from({ length: 2 * half }, (_, i) => {
    const x = i - half + 1 - fraction;
    const window = Math.abs(x) < half ? 0.5 + 0.5 * Math.cos((Math.PI * x) / half) : 0;
    return sinc(x * cutoff) * cutoff * window;
  });
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
