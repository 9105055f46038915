// A conversation with one character, from the ticket to the end: the socket, the media, the pings.

import { Rate, ServerClock } from "../media/clock.ts";
import type { Microphone } from "../media/microphone.ts";
import type { Picture } from "../media/painter.ts";
import type { Sound } from "../media/sound.ts";
import type { Api } from "./api.ts";
import type { Character, ClientMessage, ServerMessage, SessionTicket } from "./messages.ts";
import { EPOCHS } from "./packet.ts";
import { ControlSocket } from "./socket.ts";
import type { Change } from "./state.ts";
import { MediaTransport } from "./transport.ts";

const PING_EVERY_MS = 2000;

export interface Stage {
  video: HTMLVideoElement;
  show(picture: Picture): void;
}

export interface Measured {
  fps: number;
  ping_ms: number | null;
  late_ms: number | null;
  buffer_ms: number | null;
  dropped: number | null;
}

export class Call {
  readonly #api: Api;
  readonly #sound: Sound;
  readonly #stage: Stage;
  readonly #change: (change: Change) => void;
  readonly #server = new ServerClock();
  readonly #shown = new Rate();
  #ticket: SessionTicket | null = null;
  #socket: ControlSocket | null = null;
  #media: MediaTransport | null = null;
  #microphone: Microphone | null = null;
  #ping = 0;
  #late_ms: number | null = null;
  #closed = false;

  constructor(api: Api, sound: Sound, stage: Stage, change: (change: Change) => void) {
    this.#api = api;
    this.#sound = sound;
    this.#stage = stage;
    this.#change = change;
  }

  /** Throws ApiError if there is no place, and the like. */
  async open(character: Character, microphone: Microphone | null, first: readonly ClientMessage[]): Promise<void> {
    this.#microphone = microphone;
    const ticket = await this.#api.openSession(character.id);
    if (this.#closed) return this.#api.close(ticket);
    this.#ticket = ticket;
    const socket = new ControlSocket(ticket, {
      message: (message) => this.#heard(message, ticket, socket, first),
      packet: (packet) => this.#media?.packet(packet),
      closed: () => this.#lost(),
    });
    this.#socket = socket;
  }

  send(message: ClientMessage): void {
    this.#socket?.send(message);
  }

  async useMicrophone(microphone: Microphone | null): Promise<void> {
    this.#microphone = microphone;
    await this.#media?.useMicrophone(microphone);
  }

  measured(): Measured {
    const ping_s = this.#server.ping_s;
    return {
      fps: this.#shown.perSecond(performance.now() / 1000),
      ping_ms: ping_s === null ? null : 1000 * ping_s,
      late_ms: this.#late_ms,
      buffer_ms: this.#media?.buffer_ms ?? null,
      dropped: this.#media?.dropped ?? null,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ping);
    this.#media?.close();
    this.#socket?.close();
    if (this.#ticket) this.#api.close(this.#ticket);
  }

  #heard(message: ServerMessage, ticket: SessionTicket, socket: ControlSocket, first: readonly ClientMessage[]): void {
    if (this.#closed) return;
    if (message.type === "hello") this.#begin(message.fps, ticket, socket, first);
    if (message.type === "pong") this.#server.pong(message.t, message.server_s, performance.now() / 1000);
    if (message.type === "interrupted") this.#media?.interrupt(message.epoch % EPOCHS);
    this.#change({ kind: "heard", message });
    if (message.type === "bye") this.close();
  }

  #begin(fps: number, ticket: SessionTicket, socket: ControlSocket, first: readonly ClientMessage[]): void {
    for (const message of first) socket.send(message);
    socket.send({ type: "microphone", on: this.#microphone?.on ?? false });
    this.#media = new MediaTransport({
      api: this.#api,
      ticket,
      socket,
      sound: this.#sound,
      video: this.#stage.video,
      server: this.#server,
      show: (picture) => {
        this.#shown.tick(performance.now() / 1000);
        this.#stage.show(picture);
      },
      chosen: (by) => this.#change({ kind: "transport", by }),
      failed: (text) => this.#change({ kind: "notice", tone: "warning", text }),
    });
    this.#media.start(this.#microphone, fps);
    this.#ping = window.setInterval(() => void this.#measure(socket), PING_EVERY_MS);
    socket.send({ type: "ping", t: performance.now() / 1000 });
  }

  async #measure(socket: ControlSocket): Promise<void> {
    socket.send({ type: "ping", t: performance.now() / 1000 });
    this.#late_ms = (await this.#media?.late_ms()) ?? null;
    if (this.#late_ms !== null) socket.send({ type: "seen", ms: Math.max(0, Math.round(this.#late_ms)) });
  }

  #lost(): void {
    if (this.#closed) return;
    this.close();
    this.#change({ kind: "phase", phase: "lost" });
  }
}
