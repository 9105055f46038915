import assert from "node:assert/strict";
import { test } from "node:test";
import { readMessage } from "../src/live/messages.ts";
import { HEADER_BYTES, isOlder, Kind, readPacket, toFloats, toInts } from "../src/live/packet.ts";

function packet(kind: number, flags = 0): ArrayBuffer {
  const data = new ArrayBuffer(HEADER_BYTES + 4);
  const view = new DataView(data);
  view.setUint8(0, kind);
  view.setUint8(1, flags);
  view.setUint16(2, 65_535, true);
  view.setUint32(4, 70_000, true);
  view.setBigUint64(8, 12_345_678_901n, true);
  new Uint8Array(data, HEADER_BYTES).set([1, 2, 3, 4]);
  return data;
}

test("a header is read as the protocol says, little-endian", () => {
  const read = readPacket(packet(1));
  assert.ok(read);
  const { payload, ...header } = read;
  const expected = { kind: Kind.Picture, held: false, endsSpeech: false, epoch: 65_535, frame: 70_000, due_s: 12_345.678901 };
  assert.deepEqual(header, expected);
  assert.deepEqual([...new Uint8Array(payload)], [1, 2, 3, 4]);
});

test("flags are told apart", () => {
  assert.equal(readPacket(packet(1, 1))?.held, true);
  assert.equal(readPacket(packet(2, 2))?.endsSpeech, true);
  assert.equal(readPacket(packet(2, 2))?.held, false);
});

test("short messages and unknown kinds are no packets", () => {
  assert.equal(readPacket(new ArrayBuffer(15)), null);
  assert.equal(readPacket(packet(9)), null);
});

test("epochs compare across the end of their range", () => {
  assert.equal(isOlder(65_535, 0), true);
  assert.equal(isOlder(0, 65_535), false);
  assert.equal(isOlder(3, 3), false);
});

test("samples survive the way to sixteen bits and back", () => {
  const samples = Float32Array.from([0, 0.5, -0.5, 0.999, -1]);
  const back = toFloats(toInts(samples).buffer);
  back.forEach((sample, i) => assert.ok(Math.abs(sample - (samples[i] ?? 9)) < 2 / 32_768));
  assert.equal(toInts(Float32Array.from([3]))[0], 32_767);
});

test("text that is no message is none", () => {
  assert.equal(readMessage("{"), null);
  assert.equal(readMessage("[]"), null);
  assert.equal(readMessage('"state"'), null);
  assert.deepEqual(readMessage('{"type":"bye","reason":"idle"}'), { type: "bye", reason: "idle" });
});
