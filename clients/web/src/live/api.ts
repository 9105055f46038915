// The HTTP side of docs/live.md.

import { ApiError, retryAfter_s } from "./failures.ts";
import type { Cast, Character, SessionTicket } from "./messages.ts";

/** Asks the person for the server's key; null if they will not say. */
export type AskForKey = (wrong: boolean) => Promise<string | null>;

export class Api {
  #key: string | null = null;
  readonly #askForKey: AskForKey;

  constructor(askForKey: AskForKey) {
    this.#askForKey = askForKey;
  }

  /** Kept in memory alone. */
  useKey(key: string): void {
    this.#key = key;
  }

  async cast(): Promise<Cast> {
    return (await this.#withKey("/api/characters", {})).json() as Promise<Cast>;
  }

  async create(wish: { seed: number } | { style: string }): Promise<Character> {
    const body = JSON.stringify(wish);
    const headers = { "Content-Type": "application/json" };
    return (await this.#withKey("/api/characters", { method: "POST", headers, body })).json() as Promise<Character>;
  }

  async upload(picture: File): Promise<Character> {
    const body = new FormData();
    body.append("picture", picture);
    return (await this.#withKey("/api/characters", { method: "POST", body })).json() as Promise<Character>;
  }

  async openSession(character: string): Promise<SessionTicket> {
    const { token } = (await (await this.#withKey("/api/tokens", { method: "POST" })).json()) as { token: string };
    const body = JSON.stringify({ token, character });
    const headers = { "Content-Type": "application/json" };
    return (await send("/api/sessions", { method: "POST", headers, body })).json() as Promise<SessionTicket>;
  }

  async offer(ticket: SessionTicket, sdp: string, signal: AbortSignal): Promise<RTCSessionDescriptionInit> {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${ticket.media_token}` };
    const body = JSON.stringify({ sdp, type: "offer" });
    return (await send(ticket.offer, { method: "POST", headers, body, signal })).json() as Promise<RTCSessionDescriptionInit>;
  }

  /** Also while the page is being left. */
  close(ticket: SessionTicket): void {
    const headers = { Authorization: `Bearer ${ticket.media_token}` };
    const path = `/api/sessions/${encodeURIComponent(ticket.session)}`;
    fetch(path, { method: "DELETE", headers, keepalive: true }).catch(() => undefined); // it ends by itself, too
  }

  async #withKey(path: string, init: RequestInit): Promise<Response> {
    for (;;) {
      try {
        const auth = this.#key === null ? {} : { Authorization: `Bearer ${this.#key}` };
        return await send(path, { ...init, headers: { ...init.headers, ...auth } });
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== "unauthorized") throw error;
        const key = await this.#askForKey(this.#key !== null);
        if (key === null) throw error;
        this.#key = key;
      }
    }
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "offline", "The server cannot be reached.", null);
  }
  if (response.ok) return response;
  const retry_s = retryAfter_s(response.headers.get("Retry-After"), Date.now());
  const { code, message } = await errorOf(response);
  throw new ApiError(response.status, code, message, retry_s);
}

async function errorOf(response: Response): Promise<{ code: string; message: string }> {
  const fallback = { code: "internal", message: `The server answered ${response.status}.` };
  try {
    const body = (await response.json()) as { error?: { code?: string; message?: string } };
    return { ...fallback, ...body.error };
  } catch {
    return fallback;
  }
}
