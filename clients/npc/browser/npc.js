// Several characters on one connection, for the browser. The protocol is the last section of docs/live.md.

const HEADER_BYTES = 20;
const PICTURES = { 1: "image/jpeg", 3: "image/webp", 4: "image/png" };
const SOUND = 2;
const HEARS = 1;
const SAYS = 2;

/** Emits `message` (what the server says), `picture` ({id, frame, bitmap}) and `sound` ({id, frame, due_s, samples}). */
export class Npcs extends EventTarget {
  #socket;
  #ids = new Map();
  #streams = new Map();
  #shown = new Map();

  /** `token` comes from POST /api/tokens, which whoever holds the server key asks for. */
  constructor(server, token) {
    super();
    const address = new URL("/api/npc", server);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    this.#socket = new WebSocket(address, ["openlpm.npc.1", `token.${token}`]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = ({ data }) => (typeof data === "string" ? this.#heard(JSON.parse(data)) : this.#media(data));
    this.#socket.onclose = () => this.#emit("closed", {});
  }

  /** join, say, prompt, emotion, interrupt or leave. */
  send(type, id, fields = {}) {
    this.#socket.send(JSON.stringify({ type, id, ...fields }));
  }

  /** What a character hears: an Int16Array of 20 to 200 ms. */
  hear(id, samples, rate_hz) {
    this.#voice(HEARS, 0, id, samples, rate_hz);
  }

  /** What a character says, if the game makes its voice. */
  speak(id, samples, rate_hz, last) {
    this.#voice(SAYS, last ? 1 : 0, id, samples, rate_hz);
  }

  close() {
    this.#socket.close();
  }

  #voice(kind, flags, id, samples, rate_hz) {
    const message = new Uint8Array(8 + samples.byteLength);
    const view = new DataView(message.buffer);
    view.setUint8(0, kind);
    view.setUint8(1, flags);
    view.setUint16(2, this.#streams.get(id), true);
    view.setUint32(4, rate_hz, true);
    message.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), 8);
    this.#socket.send(message);
  }

  #heard(message) {
    if (message.type === "joined") {
      this.#ids.set(message.stream, message.id);
      this.#streams.set(message.id, message.stream);
      this.#shown.set(message.id, -1);
    } else if (message.type === "left") {
      this.#ids.delete(this.#streams.get(message.id));
      this.#streams.delete(message.id);
    }
    this.#emit("message", message);
  }

  async #media(data) {
    const view = new DataView(data);
    const kind = view.getUint8(0);
    const frame = view.getUint32(4, true);
    const due_s = Number(view.getBigUint64(8, true)) / 1e6;
    const id = this.#ids.get(view.getUint16(16, true));
    if (id === undefined) return;
    const payload = data.slice(HEADER_BYTES);
    if (kind === SOUND) return this.#emit("sound", { id, frame, due_s, samples: new Int16Array(payload) });
    if (!(kind in PICTURES) || payload.byteLength === 0) return;
    const bitmap = await createImageBitmap(new Blob([payload], { type: PICTURES[kind] }));
    // Decoding may end out of order; an old picture is not shown after a new one.
    if (frame <= this.#shown.get(id)) return bitmap.close();
    this.#shown.set(id, frame);
    this.#emit("picture", { id, frame, due_s, bitmap });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
