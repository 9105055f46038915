// Two clocks: what sounds now (sound leads, pictures follow), and the server's.

export interface Heard {
  /** The frame that was handed to the loudspeaker, with its fraction. */
  frame: number;
  /** When, on the sound device's clock. */
  at_s: number;
}

const LONGEST_GUESS_S = 0.15;

export class PlayClock {
  #heard: Heard | null = null;
  readonly #fps: number;

  constructor(fps: number) {
    this.#fps = fps;
  }

  heard(heard: Heard | null): void {
    this.#heard = heard;
  }

  /** The frame that reaches the ear now; null while nothing sounds. */
  frame(now_s: number, outputLatency_s: number): number | null {
    if (!this.#heard) return null;
    const since_s = Math.min(LONGEST_GUESS_S, Math.max(0, now_s - this.#heard.at_s));
    return this.#heard.frame + (since_s - outputLatency_s) * this.#fps;
  }
}

const KEPT = 12;

/** How far the server's clock is ahead of this one, from the pings that came back soonest. */
export class ServerClock {
  #samples: { offset_s: number; trip_s: number }[] = [];

  pong(sent_s: number, server_s: number, now_s: number): void {
    const trip_s = now_s - sent_s;
    this.#samples.push({ offset_s: server_s - (sent_s + trip_s / 2), trip_s });
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  /** The last round trip. */
  get ping_s(): number | null {
    return this.#samples[this.#samples.length - 1]?.trip_s ?? null;
  }

  get offset_s(): number | null {
    if (this.#samples.length === 0) return null;
    return this.#samples.reduce((best, sample) => (sample.trip_s < best.trip_s ? sample : best)).offset_s;
  }

  /** How long ago something was due; null before the first pong. */
  late_s(due_s: number, now_s: number): number | null {
    return this.offset_s === null ? null : now_s + this.offset_s - due_s;
  }
}

/** How many of the last second. */
export class Rate {
  #times_s: number[] = [];

  tick(now_s: number): void {
    this.#times_s.push(now_s);
    this.#trim(now_s);
  }

  perSecond(now_s: number): number {
    this.#trim(now_s);
    return this.#times_s.length;
  }

  #trim(now_s: number): void {
    while (this.#times_s.length > 0 && now_s - (this.#times_s[0] ?? 0) >= 1) this.#times_s.shift();
  }
}
