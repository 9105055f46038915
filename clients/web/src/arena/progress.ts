// How much of both clips was seen and heard: what has to be before a question can be answered.

export type SideName = "A" | "B";
export const SIDES: readonly SideName[] = ["A", "B"];

const SEEN_SHARE = 0.9;
const HEARD_SHARE = 0.6;

export class Progress {
  readonly #seconds: Record<SideName, number>;
  readonly #seen: Record<SideName, number> = { A: 0, B: 0 };
  readonly #heard: Record<SideName, number> = { A: 0, B: 0 };

  constructor(seconds: Record<SideName, number>) {
    this.#seconds = seconds;
  }

  /** `seconds` of the clips went by, with the sound of one side or of none. */
  passed(seconds: number, sound: SideName | null): void {
    for (const side of SIDES) this.#seen[side] += seconds;
    if (sound) this.#heard[sound] += seconds;
  }

  heard(side: SideName): boolean {
    return this.#heard[side] >= HEARD_SHARE * this.#seconds[side];
  }

  seen(side: SideName): boolean {
    return this.#seen[side] >= SEEN_SHARE * this.#seconds[side];
  }

  /** What is still to do, in words; null: nothing. */
  missing(needsSound: boolean): string | null {
    if (needsSound) {
      const unheard = SIDES.filter((side) => !this.heard(side));
      if (unheard.length === 2) return "Play the clips with the sound of A, then with that of B.";
      if (unheard[0] !== undefined) return `Play them once more with the sound of ${unheard[0]}.`;
    }
    return SIDES.every((side) => this.seen(side)) ? null : "Play both clips to their end.";
  }
}
