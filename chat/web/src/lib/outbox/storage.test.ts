import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { acknowledge, enqueue, MAX_OUTBOX, markSending, type Outbox, refuse } from "@/lib/outbox/outbox";
import { readOutbox, writeOutbox } from "@/lib/outbox/storage";

const write = (outbox: Outbox, clientId: string) =>
  enqueue(outbox, {
    clientId,
    roomId: "room",
    text: `text of ${clientId}`,
    writtenAt: "2024-01-01T12:00:00Z",
  });

describe("the stored outbox", () => {
  it("comes back in order, ready to be sent again under the same ids", () => {
    let outbox = write(write(write(write([], "a"), "b"), "c"), "d");
    outbox = markSending(outbox, "b");
    outbox = refuse(outbox, "c", "Not this.");
    outbox = acknowledge(outbox, "a", 1);
    expect(
      readOutbox(writeOutbox(outbox)).map(({ clientId, state, error }) => [clientId, state, error]),
    ).toEqual([
      ["b", "queued", null],
      ["c", "failed", "Not this."],
      ["d", "queued", null],
    ]);
  });

  it("takes nothing from a storage that holds something else", () => {
    for (const stored of [null, "", "{", "7", "null", '{"a":1}', '[1,null,{"clientId":1}]']) {
      expect(readOutbox(stored)).toEqual([]);
    }
  });

  it("is bounded and never throws, whatever is stored", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (stored) => {
        expect(readOutbox(stored).length).toBeLessThanOrEqual(MAX_OUTBOX);
      }),
    );
  });
});
