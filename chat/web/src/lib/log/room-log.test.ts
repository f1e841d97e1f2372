import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  emptyLog,
  hasHole,
  hasOlder,
  MAX_AHEAD,
  mergeNewer,
  mergeOlder,
  openLog,
  receive,
  skipHole,
  trim,
} from "@/lib/log/room-log";
import { bob, entry, page, span } from "@/lib/log/samples";

const seqs = (log: { items: readonly { seq: number }[] }) => log.items.map((item) => item.seq);

describe("a room's log", () => {
  it("opens with the newest page and knows whether there is more", () => {
    const log = openLog("room", page(span(11, 20), { has_more: true }));
    expect([log.low, log.high, hasOlder(log)]).toEqual([11, 20, true]);
    expect(hasOlder(openLog("room", page(span(1, 3))))).toBe(false);
  });

  it("keeps live entries that come before the first page", () => {
    const early = receive(emptyLog("room"), entry(21));
    expect(seqs(openLog("room", page(span(11, 20), { has_more: true }), early))).toEqual([
      ...span(11, 21).map((one) => one.seq),
    ]);
  });

  it("shows an entry once however often it comes", () => {
    const log = receive(openLog("room", page(span(1, 3))), entry(4));
    expect(receive(log, entry(4))).toBe(log);
    expect(receive(log, entry(2))).toBe(log);
    expect(seqs(log)).toEqual([1, 2, 3, 4]);
  });

  it("holds back what lies beyond a hole, and lets it follow when the hole is filled", () => {
    const holed = receive(receive(openLog("room", page(span(1, 3))), entry(6)), entry(5));
    expect(hasHole(holed)).toBe(true);
    expect(seqs(holed)).toEqual([1, 2, 3]);
    const filled = receive(holed, entry(4));
    expect(seqs(filled)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(hasHole(filled)).toBe(false);
  });

  it("bounds what it holds back, and still knows that something is missing", () => {
    let log = openLog("room", page(span(1, 1)));
    for (let seq = 3; seq < MAX_AHEAD * 2; seq++) log = receive(log, entry(seq));
    expect(log.ahead.size).toBe(MAX_AHEAD);
    expect(log.known).toBe(MAX_AHEAD * 2 - 1);
    expect(hasHole(log)).toBe(true);
  });

  it("merges what follows, page by page", () => {
    let log = receive(openLog("room", page(span(1, 3))), entry(9));
    log = mergeNewer(log, page(span(4, 6), { has_more: true, last_seq: 9 }), 3);
    expect([seqs(log), hasHole(log)]).toEqual([[1, 2, 3, 4, 5, 6], true]);
    log = mergeNewer(log, page(span(7, 9), { last_seq: 9 }), 6);
    expect([seqs(log), hasHole(log)]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9], false]);
  });

  it("does not lose what came while a page was on its way", () => {
    const before = openLog("room", page(span(1, 3)));
    const meanwhile = receive(receive(before, entry(4)), entry(5));
    const merged = mergeNewer(meanwhile, page(span(4, 4), { last_seq: 4 }), 3);
    expect(seqs(merged)).toEqual([1, 2, 3, 4, 5]);
  });

  it("starts afresh when the server says that it was too far behind", () => {
    const log = openLog("room", page(span(1, 3)));
    const fresh = mergeNewer(log, page(span(951, 1000), { reset: true, has_more: true }), 3);
    expect([fresh.low, fresh.high, fresh.generation]).toEqual([951, 1000, log.generation + 1]);
    expect(hasOlder(fresh)).toBe(true);
  });

  it("joins an older page on, and only the one it asked for", () => {
    const log = openLog("room", page(span(11, 20), { has_more: true }));
    const older = page(span(1, 10), { last_seq: 20 });
    expect(seqs(mergeOlder(log, older, 11))).toEqual(span(1, 20).map((one) => one.seq));
    expect(mergeOlder(log, older, 9)).toBe(log);
  });

  it("folds edits and deletes into their messages", () => {
    let log = openLog("room", page(span(1, 3)));
    log = receive(log, entry(4, { kind: "edit", target_seq: 2, text: "better" }));
    log = receive(log, entry(5, { kind: "delete", target_seq: 3, text: null }));
    expect(log.items.map((item) => [item.text, item.deleted])).toEqual([
      ["text 1", false],
      ["better", false],
      ["", true],
    ]);
  });

  it("does not fold a change twice that a page had already folded", () => {
    const folded = entry(2, { text: "newest", revised_seq: 5, edited_at: "2024-01-01T13:00:00Z" });
    const log = openLog("room", page([entry(1), folded, entry(3)], { last_seq: 3 }));
    const after = receive(log, entry(4, { kind: "edit", target_seq: 2, text: "older" }));
    expect(after.items[1]?.text).toBe("newest");
  });

  it("remembers a change of a message that an older page, read before it, has yet to bring", () => {
    let log = openLog("room", page(span(11, 20), { has_more: true }));
    const inFlight = page(span(1, 10), { last_seq: 20 });
    log = receive(log, entry(21, { kind: "delete", target_seq: 4, author: bob, text: null }));
    log = mergeOlder(log, inFlight, 11);
    expect(log.items.find((item) => item.seq === 4)?.deleted).toBe(true);
  });

  it("forgets its beginning when trimmed, and can read it again", () => {
    const log = trim(openLog("room", page(span(1, 100))), 10);
    expect([log.low, log.items.length, hasOlder(log)]).toEqual([91, 10, true]);
    const again = mergeOlder(log, page(span(41, 90), { has_more: true, last_seq: 100 }), 91);
    expect(seqs(again)).toEqual(span(41, 100).map((one) => one.seq));
  });

  it("can step over a hole that the server cannot fill", () => {
    const log = skipHole(receive(openLog("room", page(span(1, 3))), entry(6)));
    expect([seqs(log), hasHole(log)]).toEqual([[1, 2, 3, 6], false]);
  });

  it("ends the same in whatever order entries come, once what is missing has been fetched", () => {
    const all = span(1, 40).map((one) =>
      one.seq % 7 === 0
        ? { ...one, kind: "edit" as const, target_seq: one.seq - 3, text: `edited ${one.seq}` }
        : one,
    );
    const inOrder = all.reduce(receive, openLog("room", page([])));
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 0 }), (some) => {
        let log = some.reduce(receive, openLog("room", page([])));
        while (log.high < 40) {
          const from = log.high;
          const entries = all.slice(from, from + 6);
          log = mergeNewer(log, page(entries, { has_more: from + 6 < 40, last_seq: 40 }), from);
        }
        expect(log.items).toEqual(inOrder.items);
        expect(log.ahead.size).toBe(0);
      }),
    );
  });
});
