// What the stock client gets back after its connection was lost. The world has besides (see scenarios.js):
//   url         leads through a proxy
//   direct      the server itself, for who watches
//   host(name)  "cut": tears what goes through the proxy, and lets nobody through; "mend": lets them through again;
//               "strand": what is connected is forwarded no more and does not hear of it, new connections are

import { WITHIN, collect, connected, equal, fail, next, open, reasonOf, settled } from "./world.js";

const BACK = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100 };

async function watching(world) {
  const watcher = await connected({ ...world, url: world.direct });
  await watcher.timeout(WITHIN).emitWithAck("watch");
  return watcher;
}

async function comingBack(world, namespace = "/", options = {}) {
  const socket = open(world, namespace, { ...BACK, ...options });
  await next(socket, "connect");
  await settled(world, socket);
  return socket;
}

const publish = (watcher, ...values) =>
  watcher.timeout(WITHIN).emitWithAck("publish", { from: "server", to: ["there"], event: "item", arguments: values });

/** Loses the connection and waits until both sides know. */
async function lose(world, watcher, socket) {
  const [left, lost] = [reasonOf(watcher, socket.id), next(socket, "disconnect")];
  await world.host("cut");
  await Promise.all([left, lost]);
}

async function mend(world, socket) {
  const back = next(socket, "connect");
  await world.host("mend");
  await back;
}

/** Event arguments without the offset, which comes last. */
const without = (seen) => seen.map((values) => values.slice(0, -1));

/** A client that comes back with what a middleware refuses; the socket, once it was refused. */
async function refusedAgain(world) {
  const watcher = await watching(world);
  const socket = await comingBack(world);
  await lose(world, watcher, socket);
  socket.auth = { middleware: "refuse" };
  const refused = next(socket, "connect_error");
  await world.host("mend");
  // Before it is refused, the client may meet the closed door a few times more.
  let [error] = await refused;
  while (error.message !== "refused by the middleware") [error] = await next(socket, "connect_error");
  return socket;
}

export const scenarios = {
  async "what was missed comes in order, and then what follows"(world) {
    const watcher = await watching(world);
    const socket = await comingBack(world);
    const items = collect(socket, "item");
    const { id } = socket;
    await socket.timeout(WITHIN).emitWithAck("join", "there");
    equal(socket.recovered, false, "recovered at first");
    await publish(watcher, 0);
    await items.until(1);
    for (let round = 0; round < 2; round++) {
      const seen = items.seen.length;
      await lose(world, watcher, socket);
      for (let number = 0; number < 5; number++) await publish(watcher, seen + number, new Uint8Array([number]));
      await mend(world, socket);
      equal([socket.recovered, socket.id], [true, id], "recovered");
      await items.until(seen + 5);
      await publish(watcher, seen + 5, "live");
      await items.until(seen + 6);
    }
    equal(items.seen.map(([number]) => number), [...items.seen.keys()], "order");
    equal(without(items.seen).at(5), [5, new Uint8Array([4])], "binary");
  },

  async "away too long"(world) {
    const watcher = await watching(world);
    const socket = await comingBack(world);
    const { id } = socket;
    await lose(world, watcher, socket);
    // a fixed wait: longer than the server remembers, however late it is
    await new Promise((resolve) => setTimeout(resolve, 400));
    await mend(world, socket);
    equal(socket.recovered, false, "recovered");
    if (socket.id === id) fail("the id was used twice");
  },

  async "sent away"(world) {
    const socket = await comingBack(world);
    const { id } = socket;
    const gone = next(socket, "disconnect");
    socket.emit("disconnect-me", false);
    equal((await gone)[0], "io server disconnect", "reason");
    socket.connect();
    await next(socket, "connect");
    equal(socket.recovered, false, "recovered");
    if (socket.id === id) fail("the id was used twice");
  },

  async "middlewares are skipped"(world) {
    const watcher = await watching(world);
    const socket = await comingBack(world);
    await lose(world, watcher, socket);
    socket.auth = { middleware: "refuse" };
    await mend(world, socket);
    equal(socket.recovered, true, "recovered");
  },

  async "middlewares run again"(world) {
    await refusedAgain(world);
  },

  async "who was refused again is a stranger"(world) {
    const socket = await refusedAgain(world);
    socket.auth = {};
    socket.connect();
    await next(socket, "connect");
    equal(socket.recovered, false, "recovered");
  },

  async "nothing came before the cut"(world) {
    const publisher = open({ ...world, url: world.direct }, "/quiet");
    await next(publisher, "connect");
    const socket = await comingBack(world, "/quiet");
    const items = collect(socket, "item");
    const { id } = socket;
    for (let round = 0; round < 2; round++) {
      const lost = next(socket, "disconnect");
      await world.host("cut");
      await lost;
      if (round) await publisher.timeout(WITHIN).emitWithAck("publish", "item", "first");
      await mend(world, socket);
      equal([socket.recovered, socket.id], [true, id], "recovered");
    }
    await publisher.timeout(WITHIN).emitWithAck("publish", "item", "second");
    await items.until(2);
    equal(without(items.seen).flat(), ["first", "second"], "what it got");
  },

  async "back before the server knew that it was gone"(world) {
    const watcher = await watching(world);
    const socket = await comingBack(world);
    const items = collect(socket, "item");
    const { id } = socket;
    await socket.timeout(WITHIN).emitWithAck("join", "there");
    await publish(watcher, 0);
    await items.until(1);
    const left = reasonOf(watcher, id);
    await world.host("strand");
    for (let number = 1; number < 5; number++) await publish(watcher, number);
    const back = next(socket, "connect");
    socket.io.engine.close();
    await back;
    equal([socket.recovered, socket.id], [true, id], "recovered");
    equal(await left, "transport close", "what the server made of the connection before");
    await publish(watcher, 5);
    await items.until(6);
    equal(without(items.seen).flat(), [0, 1, 2, 3, 4, 5], "what it got");
    equal(await socket.timeout(WITHIN).emitWithAck("join"), ["there"], "rooms");
  },
};
