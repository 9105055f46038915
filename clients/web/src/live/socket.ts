// The control socket of a session: text both ways, and media where WebRTC cannot be had.

import { readMessage, type ClientMessage, type ServerMessage, type SessionTicket } from "./messages.ts";
import { readPacket, type Packet } from "./packet.ts";

export interface SocketEvents {
  message(message: ServerMessage): void;
  packet(packet: Packet): void;
  /** Not after `close`. */
  closed(): void;
}

/** Microphone sound waits no longer than this in the browser's own queue. */
const LARGEST_WAITING_BYTES = 64_000;

export class ControlSocket {
  readonly #socket: WebSocket;
  #closing = false;

  constructor(ticket: SessionTicket, events: SocketEvents) {
    const address = new URL(ticket.socket, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    this.#socket = new WebSocket(address, ["openlpm.1", `token.${ticket.media_token}`]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data === "string") {
        const message = readMessage(data);
        if (message) events.message(message);
      } else if (data instanceof ArrayBuffer) {
        const packet = readPacket(data);
        if (packet) events.packet(packet);
      }
    };
    this.#socket.onclose = () => {
      if (!this.#closing) events.closed();
    };
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  send(message: ClientMessage): void {
    if (this.open) this.#socket.send(JSON.stringify(message));
  }

  sendSound(samples: Int16Array<ArrayBuffer>): void {
    if (this.open && this.#socket.bufferedAmount < LARGEST_WAITING_BYTES) this.#socket.send(samples);
  }

  close(): void {
    this.#closing = true;
    this.#socket.close();
  }
}
