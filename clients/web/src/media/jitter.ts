// A buffer of sound that grows when it runs dry and shrinks, in silence, when it has been calm for long.

import { isOlder } from "../live/packet.ts";

export interface Piece {
  frame: number;
  epoch: number;
  samples: Float32Array;
}

const FIRST_TARGET_S = 0.08;
const LEAST_TARGET_S = 0.05;
const LARGEST_TARGET_S = 0.5;
const GROWTH_S = 0.04;
const CALM_S = 4;
const EXCESS_S = 0.06;
const LARGEST_EXCESS_S = 0.6;
const SILENT = 0.002;

export class JitterBuffer {
  #pieces: Piece[] = [];
  #offset = 0;
  #held = 0;
  #started = false;
  #target_s = FIRST_TARGET_S;
  #calm_s = 0;
  #epoch: number | null = null;
  #dry = 0;
  readonly #rate_hz: number;

  constructor(rate_hz: number) {
    this.#rate_hz = rate_hz;
  }

  get target_s(): number {
    return this.#target_s;
  }

  get held_s(): number {
    return this.#held / this.#rate_hz;
  }

  /** How often it ran dry. */
  get dry(): number {
    return this.#dry;
  }

  /** The frame that sounds now, with its fraction; null before the first. */
  get position(): number | null {
    const piece = this.#pieces[0];
    return piece && this.#started ? piece.frame + this.#offset / piece.samples.length : null;
  }

  /** Sound in order of its frames; what is older than the newest epoch falls silent. */
  push(piece: Piece): void {
    const last = this.#pieces[this.#pieces.length - 1];
    if (last && piece.frame <= last.frame) return;
    if (this.#epoch === null || isOlder(this.#epoch, piece.epoch)) this.interrupt(piece.epoch);
    else if (isOlder(piece.epoch, this.#epoch)) piece.samples.fill(0);
    this.#pieces.push(piece);
    this.#held += piece.samples.length;
    while (this.held_s > this.#target_s + LARGEST_EXCESS_S) this.#drop();
  }

  /** What belongs to epochs before this one is not heard; the first of it fades out. */
  interrupt(epoch: number): void {
    this.#epoch = epoch;
    let offset = this.#offset;
    let gain = 1;
    for (const piece of this.#pieces) {
      if (!isOlder(piece.epoch, epoch)) continue;
      for (let i = offset; i < piece.samples.length; i++) {
        gain = Math.max(0, gain - 1 / 480);
        piece.samples[i] = (piece.samples[i] ?? 0) * gain;
      }
      offset = 0;
    }
  }

  /** Fill `out` with what comes next; zeros where there is nothing. */
  pull(out: Float32Array): void {
    out.fill(0);
    if (!this.#started) {
      if (this.held_s < this.#target_s) return;
      this.#started = true;
    }
    this.#shrink(out.length);
    let filled = 0;
    while (filled < out.length) {
      const piece = this.#pieces[0];
      if (!piece) return this.#ranDry();
      const count = Math.min(out.length - filled, piece.samples.length - this.#offset);
      out.set(piece.samples.subarray(this.#offset, this.#offset + count), filled);
      filled += count;
      this.#offset += count;
      this.#held -= count;
      if (this.#offset >= piece.samples.length) this.#next();
    }
  }

  #ranDry(): void {
    this.#started = false;
    this.#dry += 1;
    this.#calm_s = 0;
    this.#target_s = Math.min(LARGEST_TARGET_S, this.#target_s + GROWTH_S);
  }

  #shrink(count: number): void {
    this.#calm_s += count / this.#rate_hz;
    if (this.#calm_s > CALM_S) {
      this.#calm_s = 0;
      this.#target_s = Math.max(LEAST_TARGET_S, this.#target_s - GROWTH_S / 2);
    }
    const piece = this.#pieces[0];
    if (piece && this.#offset === 0 && this.held_s > this.#target_s + EXCESS_S && isSilent(piece.samples)) this.#drop();
  }

  #drop(): void {
    const piece = this.#pieces[0];
    if (!piece) return;
    this.#held -= piece.samples.length - this.#offset;
    this.#next();
  }

  #next(): void {
    this.#pieces.shift();
    this.#offset = 0;
  }
}

function isSilent(samples: Float32Array): boolean {
  return samples.every((sample) => Math.abs(sample) < SILENT);
}
