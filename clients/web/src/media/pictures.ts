// Pictures that wait for their sound: of those that are due the newest is shown, the others are dropped.

export interface Closable {
  close(): void;
}

interface Waiting<P> {
  frame: number;
  due_s: number;
  picture: P;
}

const LARGEST = 24;

export class PictureQueue<P extends Closable> {
  #waiting: Waiting<P>[] = [];
  #shown = -1;
  #dropped = 0;

  get dropped(): number {
    return this.#dropped;
  }

  /** Decoding may end out of order; what is older than the picture shown is of no use. */
  push(frame: number, due_s: number, picture: P): void {
    if (frame <= this.#shown) return this.#drop(picture);
    const place = this.#waiting.findIndex((other) => other.frame > frame);
    this.#waiting.splice(place < 0 ? this.#waiting.length : place, 0, { frame, due_s, picture });
    if (this.#waiting.length > LARGEST) {
      const oldest = this.#waiting.shift();
      if (oldest) this.#drop(oldest.picture);
    }
  }

  /** The picture for this moment; null if the one that is shown stays. The taker closes it. */
  take(frame: number): { picture: P; due_s: number } | null {
    let taken: Waiting<P> | null = null;
    while (this.#waiting.length > 0 && (this.#waiting[0]?.frame ?? Infinity) <= frame) {
      if (taken) this.#drop(taken.picture);
      taken = this.#waiting.shift() ?? null;
    }
    if (taken) this.#shown = taken.frame;
    return taken;
  }

  clear(): void {
    for (const { picture } of this.#waiting) picture.close();
    this.#waiting = [];
  }

  #drop(picture: P): void {
    this.#dropped += 1;
    picture.close();
  }
}
