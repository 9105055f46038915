// The server: trials come, votes go. A vote is kept in the browser until the server has said that it is on disk.

import type { NoTrial, Trial, Vote } from "./messages.ts";
import { recall, remember } from "./rater.ts";

const PENDING = "openlpm.arena.pending";
const PAUSES_MS = [500, 1000, 2000, 4000];

/** The server answered, and the answer is no. */
export class Refused extends Error {}

export class Api {
  readonly #rater: string;
  readonly #waiting: (waits: boolean) => void;

  /** `waiting` hears when the server does not answer, and when it does again. */
  constructor(rater: string, waiting: (waits: boolean) => void) {
    this.#rater = rater;
    this.#waiting = waiting;
  }

  async next(): Promise<Trial | NoTrial> {
    return (await this.#persistent("/api/trials", {})) as Trial | NoTrial;
  }

  /** Resolves when the vote is on disk; a vote that was sent twice is one vote. */
  async vote(vote: Vote): Promise<void> {
    remember(PENDING, JSON.stringify(vote));
    await this.#persistent("/api/votes", vote);
    remember(PENDING, null);
  }

  /** A vote that a closed page left behind. */
  async sendPending(): Promise<void> {
    const left = recall(PENDING);
    if (left === null) return;
    try {
      await this.#persistent("/api/votes", JSON.parse(left));
    } catch (error) {
      if (!(error instanceof Refused) && !(error instanceof SyntaxError)) throw error;
    }
    remember(PENDING, null);
  }

  /** A clip as an address within this page, so that nothing stalls while it plays. */
  async load(address: string): Promise<string> {
    const response = await this.#answer(() => fetch(address));
    return URL.createObjectURL(await response.blob());
  }

  async #persistent(path: string, body: unknown): Promise<unknown> {
    const asked = { method: "POST", headers: { "content-type": "application/json", "x-rater": this.#rater }, body: JSON.stringify(body) };
    return (await this.#answer(() => fetch(path, asked))).json();
  }

  async #answer(ask: () => Promise<Response>): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await ask();
        if (response.ok || (response.status < 500 && response.status !== 429)) {
          this.#waiting(false);
          if (response.ok) return response;
          throw new Refused(await sentence(response));
        }
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      this.#waiting(true);
      await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)]));
    }
  }
}

async function sentence(response: Response): Promise<string> {
  try {
    return ((await response.json()) as { error: { message: string } }).error.message;
  } catch {
    return `The server answered ${response.status}.`;
  }
}
