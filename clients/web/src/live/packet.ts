// Binary messages from the server: a header of 16 bytes, little-endian, and a payload.

export const HEADER_BYTES = 16;
export const EPOCHS = 65_536;

export enum Kind {
  Picture = 1,
  Sound = 2,
}

export interface Packet {
  kind: Kind;
  /** The picture is not fresh: there is no payload, and the one before it stays. */
  held: boolean;
  endsSpeech: boolean;
  /** Modulo EPOCHS. */
  epoch: number;
  frame: number;
  /** On the server's clock. */
  due_s: number;
  payload: ArrayBuffer;
}

/** Null if it is too short, or of a kind that this page does not know. */
export function readPacket(data: ArrayBuffer): Packet | null {
  if (data.byteLength < HEADER_BYTES) return null;
  const view = new DataView(data);
  const kind = view.getUint8(0);
  if (kind !== Kind.Picture && kind !== Kind.Sound) return null;
  const flags = view.getUint8(1);
  return {
    kind,
    held: (flags & 1) !== 0,
    endsSpeech: (flags & 2) !== 0,
    epoch: view.getUint16(2, true),
    frame: view.getUint32(4, true),
    due_s: Number(view.getBigUint64(8, true)) / 1e6,
    payload: data.slice(HEADER_BYTES),
  };
}

/** Whether epoch `a` comes before `b`, both modulo EPOCHS. */
export function isOlder(a: number, b: number): boolean {
  const ahead = (b - a + EPOCHS) % EPOCHS;
  return ahead > 0 && ahead < EPOCHS / 2;
}

/** Samples in [-1, 1] of signed 16-bit little-endian ones. */
export function toFloats(payload: ArrayBuffer): Float32Array<ArrayBuffer> {
  const view = new DataView(payload);
  const samples = new Float32Array(payload.byteLength >> 1);
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(2 * i, true) / 32_768;
  return samples;
}

/** The way back; what is louder than 1 is cut. */
export function toInts(samples: Float32Array): Int16Array<ArrayBuffer> {
  const ints = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    ints[i] = Math.round(32_767 * Math.max(-1, Math.min(1, samples[i] ?? 0)));
  }
  return ints;
}
