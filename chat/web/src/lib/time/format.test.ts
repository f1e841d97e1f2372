import { describe, expect, it } from "vitest";
import { formatClock, formatClockFace, formatDay, formatSeen } from "@/lib/time/format";

const now = new Date(2024, 4, 15, 12, 0);
const at = (...parts: [number, number, number, number]) => new Date(...parts).toISOString();

describe("times", () => {
  it("names days as people do", () => {
    expect(formatDay(at(2024, 4, 15, 0), now)).toBe("Today");
    expect(formatDay(at(2024, 4, 14, 23), now)).toBe("Yesterday");
    expect(formatDay(at(2024, 4, 12, 12), now)).toBe("Sunday");
    expect(formatDay(at(2023, 4, 12, 12), now)).toContain("2023");
  });

  it("tells the time as narrow as a clock's face", () => {
    const noon = at(2024, 4, 15, 14);
    expect(formatClockFace(noon)).toMatch(/^(2|14):00$/);
    expect(formatClock(noon)).toContain(formatClockFace(noon));
  });

  it("says how long ago somebody was here", () => {
    expect(formatSeen(null, now)).toBe("not seen yet");
    expect(formatSeen(new Date(now.getTime() - 30_000).toISOString(), now)).toBe("seen just now");
    expect(formatSeen(new Date(now.getTime() - 300_000).toISOString(), now)).toBe("seen 5 min ago");
    expect(formatSeen(new Date(now.getTime() - 7_200_000).toISOString(), now)).toBe("seen 2 h ago");
  });
});
