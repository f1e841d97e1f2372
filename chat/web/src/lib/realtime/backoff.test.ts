import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoff } from "@/lib/realtime/backoff";

describe("the wait before an attempt", () => {
  it("doubles, and never exceeds its bound", () => {
    expect([0, 1, 2, 3].map((attempt) => backoff(attempt, 0.5))).toEqual([500, 1000, 2000, 4000]);
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
        expect(backoff(attempt, random)).toBeGreaterThanOrEqual(350);
        expect(backoff(attempt, random)).toBeLessThanOrEqual(19_500);
      }),
    );
  });
});
