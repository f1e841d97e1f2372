import { expect, it } from "vitest";
import { isBlank } from "@/lib/blank";

it.each(["", " \n\t\u00a0", "\u200b", "\u2800\u3164", "\u200d\ufe0f\u202e\u0007", "\u{e0041}"])(
  "%j is blank",
  (text) => {
    expect(isBlank(text)).toBe(true);
  },
);

it.each([".", " a ", "👍", "❤️", "👩‍👩‍👧", "김", "\u0301", "\u202eback"])("%j is not", (text) => {
  expect(isBlank(text)).toBe(false);
});
