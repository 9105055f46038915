// What went wrong, in words that help.

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly retry_s: number | null;

  constructor(status: number, code: string, message: string, retry_s: number | null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retry_s = retry_s;
  }
}

export interface Advice {
  title: string;
  text: string;
  /** When trying again makes sense; null if it does not by itself. */
  retry_s: number | null;
}

const DEFAULT_RETRY_S = 10;

const ADVICE: Record<string, { title: string; text: string | null; retry: boolean }> = {
  busy: { title: "All places are taken", text: "Someone else is in conversation right now.", retry: true },
  too_many: { title: "A moment, please", text: "There were many requests in a short time.", retry: true },
  draining: { title: "The server is about to restart", text: "It takes no new conversations for a moment.", retry: true },
  starting: { title: "The server is warming up", text: "The model is being loaded.", retry: true },
  unauthorized: { title: "A key is needed", text: "This server asks for its key.", retry: false },
  forbidden_origin: { title: "This address is not allowed", text: "Open the page at the server's own address, or start the server with --origin and this address.", retry: false },
  not_found: { title: "No longer there", text: "This character is gone from the server. Choose or make another one.", retry: false },
  too_large: { title: "The picture is too large", text: "Use one of at most 8 MiB and 16 megapixels.", retry: false },
  unsupported: { title: "This file cannot be used", text: "Use a PNG, JPEG or WebP picture.", retry: false },
  bad_request: { title: "That did not work", text: null, retry: false },
  internal: { title: "Something broke on the server", text: "Its log says what. Try again.", retry: false },
  offline: { title: "The server cannot be reached", text: "Is it running, and is this device connected?", retry: true },
};

export function adviceFor(error: unknown): Advice {
  if (!(error instanceof ApiError)) {
    return { title: "Something went wrong", text: error instanceof Error ? error.message : String(error), retry_s: null };
  }
  const known = ADVICE[error.code];
  if (!known) return { title: "That did not work", text: error.message, retry_s: error.retry_s };
  const retry_s = known.retry ? (error.retry_s ?? DEFAULT_RETRY_S) : null;
  return { title: known.title, text: known.text ?? error.message, retry_s };
}

const ENDINGS: Record<string, string> = {
  closed: "The conversation has ended.",
  idle: "It was quiet for a long time, so the conversation was closed.",
  longest: "This was as long as one conversation may be. Start another one whenever you like.",
  draining: "The server is restarting. Come back in a moment.",
  failed: "The performance broke off. Starting again usually helps.",
};

export function endingFor(reason: string): string {
  return ENDINGS[reason] ?? "The conversation has ended.";
}

/** Seconds of a Retry-After header, which may also be a date. */
export function retryAfter_s(header: string | null, now_ms: number): number | null {
  if (header === null) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const until_ms = Date.parse(header);
  return Number.isNaN(until_ms) ? null : Math.max(0, (until_ms - now_ms) / 1000);
}
