import assert from "node:assert/strict";
import { test } from "node:test";
import { JitterBuffer } from "../src/media/jitter.ts";

const RATE_HZ = 48_000;
const PIECE = 2000;
const QUANTUM = 128;

function tone(level: number): Float32Array {
  return new Float32Array(PIECE).fill(level);
}

function pulled(buffer: JitterBuffer, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += QUANTUM) buffer.pull(out.subarray(i, Math.min(count, i + QUANTUM)));
  return out;
}

test("nothing sounds before the target is held, then everything does, without a gap", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  buffer.push({ frame: 0, epoch: 0, samples: tone(0.1) });
  assert.ok(pulled(buffer, 256).every((sample) => sample === 0));
  assert.equal(buffer.position, null);
  buffer.push({ frame: 1, epoch: 0, samples: tone(0.2) });
  const out = pulled(buffer, 2 * PIECE);
  assert.ok(out.subarray(0, PIECE).every((sample) => Math.abs(sample - 0.1) < 1e-6));
  assert.ok(out.subarray(PIECE).every((sample) => Math.abs(sample - 0.2) < 1e-6));
});

test("the position is the frame that sounds, with its fraction", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  for (let frame = 7; frame < 10; frame++) buffer.push({ frame, epoch: 0, samples: tone(0.1) });
  pulled(buffer, PIECE + PIECE / 4);
  assert.ok(Math.abs((buffer.position ?? 0) - 8.25) < QUANTUM / PIECE);
});

test("running dry makes the buffer larger, and it waits until it is full again", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  for (let frame = 0; frame < 2; frame++) buffer.push({ frame, epoch: 0, samples: tone(0.1) });
  const before_s = buffer.target_s;
  pulled(buffer, 3 * PIECE);
  assert.equal(buffer.dry, 1);
  assert.ok(buffer.target_s > before_s);
  buffer.push({ frame: 2, epoch: 0, samples: tone(0.1) });
  assert.ok(pulled(buffer, 256).every((sample) => sample === 0));
});

test("a long calm makes it smaller, but only silence is left out", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  const first_s = buffer.target_s;
  let frame = 0;
  for (; frame < 24 * 20; frame++) {
    buffer.push({ frame, epoch: 0, samples: tone(0.1) });
    if (frame > 4) pulled(buffer, PIECE);
  }
  assert.ok(buffer.target_s < first_s);
  const held_s = buffer.held_s;
  assert.ok(held_s > 0.19, "sound is kept although there is more than needed");
  for (; frame < 24 * 30; frame++) {
    buffer.push({ frame, epoch: 0, samples: tone(0) });
    pulled(buffer, PIECE);
  }
  assert.ok(buffer.held_s < held_s);
});

test("what piles up beyond reason is left out, the oldest first", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  for (let frame = 0; frame < 100; frame++) buffer.push({ frame, epoch: 0, samples: tone(0.1) });
  assert.ok(buffer.held_s < 0.75);
  pulled(buffer, PIECE / 2);
  assert.ok((buffer.position ?? 0) > 80);
});

test("an interruption silences what was said before, within ten milliseconds", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  for (let frame = 0; frame < 4; frame++) buffer.push({ frame, epoch: 0, samples: tone(0.5) });
  pulled(buffer, 1024);
  buffer.interrupt(1);
  buffer.push({ frame: 4, epoch: 0, samples: tone(0.5) });
  buffer.push({ frame: 5, epoch: 1, samples: tone(0.25) });
  const out = pulled(buffer, 6 * PIECE - 1024);
  assert.ok(out.subarray(480, 5 * PIECE - 1024).every((sample) => sample === 0));
  assert.ok((out[5 * PIECE - 1024 + 10] ?? 0) > 0.2);
});

test("sound that comes twice or late is not played", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  for (const frame of [3, 4, 4, 2]) buffer.push({ frame, epoch: 0, samples: tone(0.1) });
  assert.ok(Math.abs(buffer.held_s - (2 * PIECE) / RATE_HZ) < 1e-9);
});
