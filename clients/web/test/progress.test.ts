import assert from "node:assert/strict";
import { test } from "node:test";
import { Progress } from "../src/arena/progress.ts";

test("a question about pictures opens when both were seen", () => {
  const progress = new Progress({ A: 10, B: 10 });
  assert.equal(progress.missing(false), "Play both clips to their end.");
  progress.passed(9.5, null);
  assert.equal(progress.missing(false), null);
});

test("a question about sound opens when each was heard", () => {
  const progress = new Progress({ A: 10, B: 10 });
  progress.passed(10, null);
  assert.equal(progress.missing(true), "Play the clips with the sound of A, then with that of B.");
  progress.passed(10, "A");
  assert.equal(progress.missing(true), "Play them once more with the sound of B.");
  progress.passed(5, "B");
  assert.notEqual(progress.missing(true), null);
  progress.passed(2, "B");
  assert.equal(progress.missing(true), null);
});
