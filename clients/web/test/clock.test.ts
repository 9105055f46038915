import assert from "node:assert/strict";
import { test } from "node:test";
import { PlayClock, Rate, ServerClock } from "../src/media/clock.ts";
import { PictureQueue } from "../src/media/pictures.ts";
import { Resampler } from "../src/media/resample.ts";

test("pictures follow the loudspeaker, less its own delay", () => {
  const clock = new PlayClock(24);
  assert.equal(clock.frame(1, 0), null);
  clock.heard({ frame: 48, at_s: 2 });
  assert.equal(clock.frame(2.125, 0), 51);
  assert.equal(clock.frame(2.125, 0.125), 48);
});

test("a clock that hears nothing more stands still", () => {
  const clock = new PlayClock(24);
  clock.heard({ frame: 48, at_s: 2 });
  assert.equal(clock.frame(3, 0), clock.frame(60, 0));
  clock.heard(null);
  assert.equal(clock.frame(60, 0), null);
});

test("the server's clock is known from the ping that came back soonest", () => {
  const clock = new ServerClock();
  assert.equal(clock.late_s(1, 1), null);
  clock.pong(10, 110.5, 11);
  clock.pong(20, 120.9, 21.5);
  assert.equal(clock.offset_s, 100);
  assert.equal(clock.ping_s, 1.5);
  assert.ok(Math.abs((clock.late_s(130, 30.25) ?? 0) - 0.25) < 1e-9);
});

test("a rate counts the last second", () => {
  const rate = new Rate();
  for (let i = 0; i < 64; i++) rate.tick(i / 32);
  assert.equal(rate.perSecond(63 / 32), 32);
  assert.equal(rate.perSecond(60), 0);
});

class Picture {
  closed = false;
  close(): void {
    this.closed = true;
  }
}

test("of the pictures that are due the newest is shown and the others are closed", () => {
  const queue = new PictureQueue<Picture>();
  const pictures = [0, 1, 2, 3].map(() => new Picture());
  // Decoding ended out of order.
  for (const frame of [1, 0, 3, 2]) queue.push(frame, frame / 24, pictures[frame] ?? new Picture());
  assert.equal(queue.take(2.5)?.picture, pictures[2]);
  assert.deepEqual(pictures.map((picture) => picture.closed), [true, true, false, false]);
  assert.equal(queue.take(2.9), null);
  assert.equal(queue.dropped, 2);
});

test("a picture older than the one shown is not shown", () => {
  const queue = new PictureQueue<Picture>();
  queue.push(5, 0, new Picture());
  queue.take(5);
  const late = new Picture();
  queue.push(4, 0, late);
  assert.equal(late.closed, true);
  assert.equal(queue.take(9), null);
});

test("pictures do not pile up while nothing sounds", () => {
  const queue = new PictureQueue<Picture>();
  const pictures = Array.from({ length: 100 }, () => new Picture());
  pictures.forEach((picture, frame) => queue.push(frame, 0, picture));
  assert.equal(pictures.filter((picture) => !picture.closed).length, 24);
  queue.clear();
  assert.ok(pictures.every((picture) => picture.closed));
});

function sine(frequency_hz: number, rate_hz: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * frequency_hz * i) / rate_hz));
}

function resampled(samples: Float32Array, from_hz: number): number[] {
  const resampler = new Resampler(from_hz, 16_000);
  const out: number[] = [];
  for (let i = 0; i < samples.length; i += 128) out.push(...resampler.push(samples.subarray(i, i + 128)));
  return out;
}

for (const from_hz of [48_000, 44_100, 16_000]) {
  test(`speech of a microphone at ${from_hz} Hz keeps its level, its pitch and its length`, () => {
    const out = resampled(sine(1000, from_hz, from_hz), from_hz);
    assert.ok(Math.abs(out.length - 16_000) < 60);
    const expected = sine(1000, 16_000, out.length);
    const worst = Math.max(...out.slice(200).map((sample, i) => Math.abs(sample - (expected[i + 200] ?? 9))));
    assert.ok(worst < 0.02, `worst ${worst}`);
  });
}

test("what 16 kHz cannot carry is not folded into it", () => {
  const out = resampled(sine(11_000, 48_000, 48_000), 48_000).slice(200);
  assert.ok(Math.max(...out.map(Math.abs)) < 0.02);
});
