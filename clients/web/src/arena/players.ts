// Two clips that play as one: the same moment, the same speed, the sound of one of them or of none.

import { type SideName, SIDES } from "./progress.ts";

const JUMP_S = 0.12;
const NUDGE_S = 0.02;
const NUDGE = 0.06;

export interface PlayerEvents {
  /** `seconds` of the clips went by since the last time. */
  passed(seconds: number): void;
  changed(): void;
}

export class Players {
  readonly #main: Record<SideName, HTMLVideoElement>;
  /** The partner's pictures, without sound; they follow. */
  readonly #followers: readonly HTMLVideoElement[];
  readonly #events: PlayerEvents;
  #rate = 1;
  #sound: SideName | null = null;
  #last_s = 0;
  #starts = 0;
  #playing = false;

  constructor(main: Record<SideName, HTMLVideoElement>, followers: readonly HTMLVideoElement[], events: PlayerEvents) {
    this.#main = main;
    this.#followers = followers;
    this.#events = events;
    for (const side of SIDES) main[side].addEventListener("ended", () => this.#maybeEnded());
  }

  get playing(): boolean {
    return this.#playing;
  }

  get rate(): number {
    return this.#rate;
  }

  get sound(): SideName | null {
    return this.#sound;
  }

  /** How often the clips were begun anew after the first time. */
  get replays(): number {
    return Math.max(0, this.#starts - 1);
  }

  get length_s(): number {
    return Math.max(...SIDES.map((side) => this.#main[side].duration || 0));
  }

  get position_s(): number {
    return this.#lead.currentTime;
  }

  async play(): Promise<void> {
    if (this.#playing) return;
    this.#playing = true;
    this.#events.changed();
    await Promise.all(this.#all.map(measured));
    if (!this.#playing) return;
    if (this.position_s >= this.length_s - 0.05) this.seek(0);
    if (this.position_s < 0.05) this.#starts += 1;
    this.#last_s = this.position_s;
    const here = this.#all.filter((video) => this.position_s < video.duration - 0.02);
    for (const video of here) video.playbackRate = this.#rate;
    try {
      await Promise.all(here.map((video) => video.play()));
    } catch {
      this.pause(); // the browser wants another gesture
      return;
    }
    requestAnimationFrame(() => this.#tick());
  }

  pause(): void {
    this.#playing = false;
    for (const video of this.#all) video.pause();
    this.#events.changed();
  }

  seek(at_s: number): void {
    for (const video of this.#all) video.currentTime = Math.min(at_s, video.duration || at_s);
    this.#last_s = at_s;
  }

  async restart(): Promise<void> {
    this.pause();
    this.seek(0);
    await this.play();
  }

  set rate(rate: number) {
    this.#rate = rate;
    for (const video of this.#all) video.playbackRate = rate;
    this.#events.changed();
  }

  set sound(sound: SideName | null) {
    this.#sound = sound;
    for (const side of SIDES) this.#main[side].muted = side !== sound;
    this.#events.changed();
  }

  get #lead(): HTMLVideoElement {
    return this.#main.A.duration >= this.#main.B.duration ? this.#main.A : this.#main.B;
  }

  get #all(): HTMLVideoElement[] {
    return [...SIDES.map((side) => this.#main[side]), ...this.#followers];
  }

  #tick(): void {
    if (!this.#playing) return;
    const now_s = this.position_s;
    this.#events.passed(Math.max(0, now_s - this.#last_s));
    this.#last_s = now_s;
    for (const video of this.#all) if (video !== this.#lead && !video.ended) this.#follow(video, now_s);
    requestAnimationFrame(() => this.#tick());
  }

  /** Far off is put right at once, a little off by playing a little faster or slower. */
  #follow(video: HTMLVideoElement, now_s: number): void {
    if (now_s >= video.duration) return;
    const late_s = now_s - video.currentTime;
    if (Math.abs(late_s) > JUMP_S) video.currentTime = now_s;
    const nudge = Math.abs(late_s) > NUDGE_S ? Math.sign(late_s) * NUDGE : 0;
    const rate = this.#rate * (1 + nudge);
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }

  #maybeEnded(): void {
    if (!this.#playing || !SIDES.every((side) => this.#main[side].ended)) return;
    this.#events.passed(Math.max(0, this.length_s - this.#last_s));
    this.pause();
  }
}

/** Resolves once it is known how long a clip is, or that it will not come: until then nothing could be played. */
function measured(video: HTMLVideoElement): Promise<void> {
  if (video.readyState >= HTMLMediaElement.HAVE_METADATA || video.error) return Promise.resolve();
  return new Promise((resolve) => {
    for (const event of ["loadedmetadata", "error"]) video.addEventListener(event, () => resolve(), { once: true });
  });
}
