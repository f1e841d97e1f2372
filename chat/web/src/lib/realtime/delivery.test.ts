import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ada } from "@/lib/log/samples";
import { timeline } from "@/lib/log/timeline";
import { Delivery } from "@/lib/realtime/delivery";
import { Clock, Network, Room } from "@/lib/realtime/simulation";

interface World {
  clock: Clock;
  room: Room;
  network: Network;
  delivery: Delivery;
  connect(): void;
  disconnect(): void;
  bobWrites(text: string): void;
}

function world(chance: (p: number) => boolean = () => false): World {
  const clock = new Clock();
  const room = new Room();
  let delivery: Delivery | null = null;
  const network = new Network(clock, room, chance, (entry) => delivery?.receive(entry));
  const made = new Delivery(network.ports());
  delivery = made;
  let count = 0;
  return {
    clock,
    room,
    network,
    delivery: made,
    connect: () => {
      network.connect();
      made.connected();
    },
    disconnect: () => {
      network.disconnect();
      made.disconnected();
    },
    bobWrites: (text) => network.publish(room.append("bob", `his-${count++}`, "message", text).entry),
  };
}

const shown = ({ delivery }: World) => delivery.store.getState().logs.room?.log.items ?? [];
const texts = (here: World) => shown(here).map((item) => item.text);
const outbox = ({ delivery }: World) => delivery.store.getState().outbox;

/** Evenly spread numbers from 0 to 1, the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

describe("delivery", () => {
  it("forgets that older messages did not load, once the connection is back", async () => {
    const here = world();
    for (let count = 0; count < 120; count++) here.bobWrites(`his ${count}`);
    here.connect();
    here.delivery.show("room");
    await here.clock.advance(1_000);
    here.disconnect();
    void here.delivery.loadOlder("room");
    await here.clock.advance(1_000);
    const older = () => here.delivery.store.getState().logs.room?.older;
    expect(older()).toBe("failed");
    here.connect();
    await here.clock.advance(1_000);
    expect(older()).toBe("idle");
  });

  it("shows what was written while the connection was away, on both sides, once and in order", async () => {
    const here = world();
    here.connect();
    here.delivery.show("room");
    await here.clock.advance(1000);
    here.bobWrites("one");
    await here.clock.advance(1000);
    here.disconnect();
    here.delivery.send("room", "mine one");
    here.delivery.send("room", "mine two");
    here.bobWrites("two");
    here.bobWrites("three");
    await here.clock.advance(60_000);
    expect(outbox(here).map((item) => item.state)).toEqual(["queued", "queued"]);
    here.connect();
    await here.clock.advance(5000);
    expect(texts(here)).toEqual(["one", "two", "three", "mine one", "mine two"]);
    expect(texts(here)).toEqual(here.room.read().map((entry) => entry.text));
    expect(outbox(here)).toEqual([]);
  });

  it("sends again with the same client id when the answer was lost, so nothing is doubled", async () => {
    const here = world();
    here.connect();
    here.delivery.show("room");
    await here.clock.advance(1000);
    here.delivery.send("room", "once");
    // On its way to the server: 60 ms each way. It is committed, and the answer is lost.
    await here.clock.advance(90);
    expect(here.room.entries.length).toBe(1);
    here.disconnect();
    await here.clock.advance(1000);
    expect(outbox(here)).toHaveLength(1);
    here.connect();
    await here.clock.advance(1000);
    expect(here.room.entries.length).toBe(1);
    expect(texts(here)).toEqual(["once"]);
    expect(outbox(here)).toEqual([]);
  });

  it("fetches what is missing when it sees a hole", async () => {
    const here = world();
    here.connect();
    here.delivery.show("room");
    await here.clock.advance(1000);
    here.room.append("bob", "lost", "message", "lost on the way");
    here.bobWrites("next");
    await here.clock.advance(1000);
    expect(texts(here)).toEqual(["lost on the way", "next"]);
  });

  it("starts afresh with the newest page when more than 500 behind", async () => {
    const here = world();
    here.connect();
    here.delivery.show("room");
    await here.clock.advance(1000);
    here.disconnect();
    for (let count = 0; count < 700; count++) here.bobWrites(String(count));
    here.connect();
    await here.clock.advance(5000);
    expect(texts(here).at(-1)).toBe("699");
    expect(shown(here)[0]?.seq).toBe(601);
    void here.delivery.loadOlder("room");
    await here.clock.advance(1000);
    expect(shown(here)[0]?.seq).toBeLessThan(601);
  });

  it("shows a message as waiting from the moment of writing, under one key to the end", async () => {
    const here = world();
    here.connect();
    here.delivery.show("room");
    await here.clock.advance(1000);
    here.delivery.send("room", "hello");
    const rows = () => {
      const { logs, outbox: items } = here.delivery.store.getState();
      const log = logs.room?.log;
      return log ? timeline(log, items, { myId: ada.id, readSeq: null }) : [];
    };
    const waiting = rows().at(-1);
    await here.clock.advance(1000);
    const confirmed = rows().at(-1);
    expect([waiting?.type, confirmed?.type]).toEqual(["pending", "message"]);
    expect(confirmed?.key).toBe(waiting?.key);
    expect(rows().filter((row) => row.key === waiting?.key)).toHaveLength(1);
  });

  it("hands over a refused message to the person, and sends the rest", async () => {
    const here = world();
    const ports = here.network.ports();
    const delivery = new Delivery({
      ...ports,
      emit: (event, payload) =>
        payload.text === "bad"
          ? Promise.resolve({ error: { code: "invalid_payload", message: "Not this." } })
          : ports.emit(event, payload),
    });
    here.network.connect();
    delivery.connected();
    delivery.send("room", "bad");
    delivery.send("room", "good");
    await here.clock.advance(1000);
    expect(here.room.entries.map((entry) => entry.text)).toEqual(["good"]);
    expect(delivery.store.getState().outbox).toMatchObject([
      { text: "bad", state: "failed", error: "Not this." },
    ]);
  });

  it("comes back when the server's rate limit says so, and keeps the order", async () => {
    let limited = 2;
    const here = world();
    const ports = here.network.ports();
    const delivery = new Delivery({
      ...ports,
      emit: (event, payload) =>
        limited-- > 0
          ? Promise.resolve({ error: { code: "rate_limited", message: "Slow down.", retry_after: 3 } })
          : ports.emit(event, payload),
    });
    here.network.connect();
    delivery.connected();
    delivery.send("room", "first");
    delivery.send("room", "second");
    await here.clock.advance(5_900);
    expect(here.room.entries).toHaveLength(0);
    await here.clock.advance(1_000);
    expect(here.room.entries.map((entry) => entry.text)).toEqual(["first", "second"]);
  });

  it("is at rest while offline", async () => {
    const here = world();
    here.connect();
    here.delivery.show("room");
    await here.clock.advance(1000);
    here.delivery.hearOf("room", 5);
    here.disconnect();
    await here.clock.advance(3_600_000);
    expect(shown(here)).toEqual([]);
  });

  it("brings both sides together whatever the network did meanwhile", async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constant("bob writes" as const) },
      { weight: 4, arbitrary: fc.constant("ada writes" as const) },
      { weight: 2, arbitrary: fc.constant("bob edits" as const) },
      { weight: 1, arbitrary: fc.constant("bob deletes" as const) },
      { weight: 2, arbitrary: fc.constant("drop" as const) },
      { weight: 2, arbitrary: fc.constant("connect" as const) },
      { weight: 2, arbitrary: fc.constant("older" as const) },
      { weight: 1, arbitrary: fc.constant("elsewhere" as const) },
      { weight: 4, arbitrary: fc.constant("wait" as const) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80, size: "max" }),
        fc.nat({ max: 120 }),
        fc.integer(),
        async (steps, history, seed) => {
          const random = generator(seed);
          const here = world((p) => random() < p);
          const { clock, delivery, network, room } = here;
          for (let count = 0; count < history; count++)
            room.append("bob", `old-${count}`, "message", `old ${count}`);
          const written: string[] = [];
          let change = 0;
          delivery.show("room");
          for (const one of steps) {
            if (one === "bob writes") here.bobWrites(`his ${room.entries.length}`);
            if (one === "ada writes") {
              written.push(`mine ${written.length}`);
              delivery.send("room", written.at(-1) ?? "");
            }
            if (one === "bob edits" || one === "bob deletes") {
              const messages = room.entries.filter((entry) => entry.kind === "message");
              const target = messages[Math.floor(random() * messages.length)];
              const kind = one === "bob edits" ? "edit" : "delete";
              const text = one === "bob edits" ? `edit ${change}` : null;
              const { entry } = room.append("bob", `change-${change++}`, kind, text, target?.seq ?? 1);
              network.publish(entry);
            }
            if (one === "drop" && network.online) here.disconnect();
            if (one === "connect" && !network.online) here.connect();
            if (one === "older") void delivery.loadOlder("room");
            if (one === "elsewhere") {
              delivery.show("other");
              delivery.show("room");
            }
            await clock.advance(one === "wait" ? 700 : 15);
          }
          if (network.online) here.disconnect();
          network.healthy = true;
          here.connect();
          await clock.advance(120_000);

          const mine = room.entries.filter((entry) => entry.author.id === ada.id).map((entry) => entry.text);
          const failed = outbox(here);
          expect(failed.every((item) => item.state === "failed")).toBe(true);
          const gone = new Set(failed.map((item) => item.text));
          expect(mine).toEqual(written.filter((text) => !gone.has(text)));
          const log = delivery.store.getState().logs.room?.log;
          expect(log?.high).toBe(room.entries.length);
          const expected = room
            .read()
            .filter((entry) => entry.seq >= (log?.low ?? 1) && entry.kind === "message")
            .map((entry) => [entry.seq, entry.text ?? "", entry.deleted]);
          expect(log?.items.map((item) => [item.seq, item.text, item.deleted])).toEqual(expected);
        },
      ),
      { numRuns: 400 },
    );
  });
});
