import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Outbox } from "@/lib/outbox/outbox";
import * as outboxes from "@/lib/outbox/outbox";

const write = (outbox: Outbox, clientId: string, roomId = "room") =>
  outboxes.enqueue(outbox, { clientId, roomId, text: clientId, writtenAt: "2024-01-01T12:00:00Z" });

const ids = (outbox: Outbox) => outbox.map((item) => item.clientId);

describe("the outbox", () => {
  it("sends one at a time in a room, in the order of writing", () => {
    let outbox = write(write([], "a"), "b");
    expect(outboxes.nextToSend(outbox, "room", 0)?.clientId).toBe("a");
    outbox = outboxes.markSending(outbox, "a");
    expect(outboxes.nextToSend(outbox, "room", 0)).toBeNull();
    outbox = outboxes.settle(outboxes.acknowledge(outbox, "a", 1), "room", 1, new Set());
    expect(outboxes.nextToSend(outbox, "room", 0)?.clientId).toBe("b");
  });

  it("keeps rooms apart", () => {
    const outbox = outboxes.markSending(write(write([], "a", "one"), "b", "two"), "a");
    expect(outboxes.nextToSend(outbox, "two", 0)?.clientId).toBe("b");
  });

  it("waits when the server says when to come back, and nothing overtakes", () => {
    let outbox = write(write([], "a"), "b");
    outbox = outboxes.postpone(outboxes.markSending(outbox, "a"), "a", 5_000);
    expect(outboxes.nextToSend(outbox, "room", 4_999)).toBeNull();
    expect(outboxes.nextMoment(outbox, "room")).toBe(5_000);
    expect(outboxes.nextToSend(outbox, "room", 5_000)?.clientId).toBe("a");
  });

  it("asks the person after a few unanswered sends, and goes on with the rest", () => {
    let outbox = write(write([], "a"), "b");
    for (let attempt = 0; attempt < outboxes.MAX_ATTEMPTS; attempt++) {
      outbox = outboxes.giveBack(outboxes.markSending(outbox, "a"), "a", 0);
    }
    expect(outbox[0]?.state).toBe("failed");
    expect(outboxes.nextToSend(outbox, "room", 0)?.clientId).toBe("b");
    outbox = outboxes.retry(outbox, "a");
    expect(outboxes.nextToSend(outbox, "room", 0)).toMatchObject({ clientId: "a", attempts: 0 });
  });

  it("queues what was on its way when the connection goes, without counting an attempt", () => {
    const outbox = outboxes.interrupt(outboxes.markSending(write([], "a"), "a"));
    expect(outbox[0]).toMatchObject({ state: "queued", attempts: 0 });
  });

  it("keeps an acknowledged message until the log has been read that far", () => {
    const outbox = outboxes.acknowledge(write([], "a"), "a", 7);
    expect(ids(outboxes.settle(outbox, "room", 6, new Set()))).toEqual(["a"]);
    expect(ids(outboxes.settle(outbox, "room", 7, new Set()))).toEqual([]);
  });

  it("is bounded", () => {
    let outbox: Outbox = [];
    for (let count = 0; count < outboxes.MAX_OUTBOX; count++) outbox = write(outbox, String(count));
    expect(() => write(outbox, "one more")).toThrow(outboxes.OutboxFull);
  });

  it("never sends two of a room at once, and never out of order", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("write" as const) }),
      fc.record({ kind: fc.constant("send" as const) }),
      fc.record({ kind: fc.constant("acknowledge" as const) }),
      fc.record({ kind: fc.constant("interrupt" as const) }),
      fc.record({ kind: fc.constant("postpone" as const), until: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        let outbox: Outbox = [];
        let written = 0;
        let now = 0;
        const done: number[] = [];
        for (const one of steps) {
          const sending = outbox.find((item) => item.state === "sending");
          now += 10;
          if (one.kind === "write") outbox = write(outbox, String(written++));
          if (one.kind === "send") {
            const next = outboxes.nextToSend(outbox, "room", now);
            if (next) outbox = outboxes.markSending(outbox, next.clientId);
          }
          if (one.kind === "acknowledge" && sending) {
            done.push(Number(sending.clientId));
            outbox = outboxes.acknowledge(outbox, sending.clientId, done.length);
            outbox = outboxes.settle(outbox, "room", done.length, new Set());
          }
          if (one.kind === "interrupt") outbox = outboxes.interrupt(outbox);
          if (one.kind === "postpone" && sending) {
            outbox = outboxes.postpone(outbox, sending.clientId, now + one.until);
          }
          expect(outbox.filter((item) => item.state === "sending").length).toBeLessThan(2);
        }
        expect(done).toEqual(done.map((_, index) => index));
        expect(done.length + outbox.length).toBe(written);
      }),
    );
  });
});
