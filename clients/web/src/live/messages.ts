// The messages of docs/live.md, word for word.

export type Activity = "idle" | "listen" | "speak" | "both";
export type Transport = "webrtc" | "socket";

export interface Character {
  id: string;
  name: string;
  style: string;
  about: string;
  picture: string;
}

export interface Cast {
  characters: Character[];
  emotions: string[];
  styles: string[];
}

export interface SessionTicket {
  session: string;
  media_token: string;
  socket: string;
  offer: string;
  size: number;
  idle_s: number;
  longest_s: number;
}

export interface Numbers {
  render_fps: number | null;
  chunk_ms: number | null;
  held: number | null;
  frames: number | null;
  voice_delay_s: number | null;
  queued_voice_s: number | null;
  av_drift_ms: number | null;
  queue_depth: number | null;
}

export type ClientMessage =
  | { type: "media"; by: Transport }
  | { type: "say"; text: string }
  | { type: "ask"; text: string }
  | { type: "prompt"; text: string }
  | { type: "emotion"; name: string; intensity: number }
  | { type: "interrupt" }
  | { type: "microphone"; on: boolean }
  | { type: "ping"; t: number }
  | { type: "seen"; ms: number };

export type ServerMessage =
  | { type: "hello"; size: number; fps: number; sound_rate_hz: number; microphone_rate_hz: number; character: Character }
  | { type: "state"; activity: Activity; epoch: number }
  | { type: "words"; who: "user" | "agent"; text: string; final: boolean; line?: number }
  | { type: "turn"; hangover_s: number }
  | { type: "interrupted"; epoch: number; by: "voice" | "button" }
  | { type: "emotion"; name: string; intensity: number }
  | ({ type: "numbers" } & Numbers)
  | { type: "trouble"; message: string }
  | { type: "error"; code: string; message: string }
  | { type: "pong"; t: number; server_s: number }
  | { type: "bye"; reason: string };

export const SAY_LIMIT = 1000;
export const PROMPT_LIMIT = 500;

/** A text message, or null if it is none that this page knows. */
export function readMessage(text: string): ServerMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("type" in value)) return null;
  return typeof value.type === "string" ? (value as ServerMessage) : null;
}
