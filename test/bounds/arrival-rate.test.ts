import { describe, expect, test } from "@jest/globals";
import { ArrivalRate } from "../../src/bounds/arrival-rate.js";

function started() {
  const clock = { nowMs: 5000 };
  const rate = new ArrivalRate({ windowMs: 1000, now: () => clock.nowMs });
  return { clock, rate };
}

describe("the arrival rate", () => {
  test("is measured over the first window until it ends", () => {
    const { clock, rate } = started();
    rate.add(300);
    clock.nowMs += 500;
    expect([rate.bytesPerSecond(), rate.ageMs]).toEqual([600, 500]);
  });

  test("is not arbitrarily high in the first moment", () => {
    const { rate } = started();
    rate.add(100);
    expect(rate.bytesPerSecond()).toBe(2000);
  });

  test("is measured over the previous and the current window", () => {
    const { clock, rate } = started();
    rate.add(1_000_000);
    clock.nowMs += 1000;
    rate.add(3000);
    clock.nowMs += 1000;
    rate.add(150);
    clock.nowMs += 500;
    expect(rate.bytesPerSecond()).toBe(2100);
  });

  test("falls to zero in a pause, however high it was before", () => {
    const { clock, rate } = started();
    rate.add(20_000_000);
    clock.nowMs += 2000;
    expect(rate.bytesPerSecond()).toBe(0);
    rate.add(40);
    clock.nowMs += 999;
    expect(rate.bytesPerSecond()).toBeCloseTo(20, 1);
  });
});
