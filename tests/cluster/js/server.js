// A Socket.IO server on Node, a member of a cluster over Redis, that does what the tests ask of it by HTTP.
// node server.js pubsub|sharded|streams[+recovery] REDIS-URL [OPTIONS of the adapter, in JSON]; its port is PORT in the environment.
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createServer } from "node:http";
import { createClient } from "redis";
import { Server } from "socket.io";

const [which, url, options] = process.argv.slice(2);
const [kind, recovery] = which.split("+");
const pub = createClient({ url });
const sub = pub.duplicate();
for (const client of [pub, sub]) client.on("error", () => {});
await Promise.all([pub.connect(), sub.connect()]);

const adapters = { pubsub: createAdapter, sharded: createShardedAdapter };
const http = createServer();
const io = new Server(http, {
  adapter: kind === "streams" ? createStreamsAdapter(pub, JSON.parse(options ?? "{}")) : adapters[kind](pub, sub),
  connectionStateRecovery: recovery ? {} : undefined,
});
const emitter = new Emitter(pub);
const heard = [];

const pack = (value) => {
  if (Buffer.isBuffer(value)) return { $binary: value.toString("base64") };
  if (Array.isArray(value)) return value.map(pack);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, pack(inner)]));
  }
  return value;
};

const unpack = (value) => {
  if (Array.isArray(value)) return value.map(unpack);
  if (value && typeof value === "object") {
    if ("$binary" in value) return Buffer.from(value.$binary, "base64");
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unpack(inner)]));
  }
  return value;
};

const prepare = (namespace) => {
  namespace.on("connection", (socket) => {
    if (!socket.recovered) {
      socket.data.name = socket.handshake.auth.name;
      socket.join(socket.handshake.auth.rooms ?? []);
    }
    // What a crowd of clients asks of a server (tests/workers/crowd.mjs).
    socket.on("who", (answer) => answer({ pid: process.pid }));
    socket.on("echo", (...values) => values.pop()(values));
    socket.on("join", (room, answer) => {
      socket.join(room);
      answer();
    });
    socket.on("say", (room, text, answer) => {
      namespace.to(room).emit("said", text);
      answer();
    });
    socket.on("count", async (room, answer) => answer((await namespace.in(room).fetchSockets()).length));
  });
  namespace.on("news", (...values) => heard.push(values));
  namespace.on("echo", (...values) => values.pop()(values));
};
prepare(io.of("/"));
prepare(io.of("/other"));

// The operator for a target.
const aim = (source, { rooms, except }) => {
  let operator = source;
  if (rooms.length > 0) operator = operator.to(rooms);
  if (except.length > 0) operator = operator.except(except);
  return operator;
};

const operations = {
  emit: (order) => void aim(io.of(order.namespace), order).emit(...order.event),
  volatile: (order) => void aim(io.of(order.namespace).volatile, order).emit(...order.event),
  ask: (order) => aim(io.of(order.namespace), order).timeout(30_000).emitWithAck(...order.event),
  async fetch(order) {
    const sockets = await aim(io.of(order.namespace), order).fetchSockets();
    return sockets.map(({ id, rooms, data, handshake }) => ({ id, rooms: [...rooms], data, handshake }));
  },
  join: (order) => void aim(io.of(order.namespace), order).socketsJoin(order.names),
  leave: (order) => void aim(io.of(order.namespace), order).socketsLeave(order.names),
  disconnect: (order) => void aim(io.of(order.namespace), order).disconnectSockets(true),
  serverEmit: (order) => void io.of(order.namespace).serverSideEmit(...order.event),
  serverAsk: (order) => io.of(order.namespace).serverSideEmitWithAck(...order.event),
  count: (order) => io.of(order.namespace).adapter.serverCount(),
  async rooms(order) {
    const namespace = io.of(order.namespace);
    // Not all adapters have the question.
    if (namespace.adapter.allRooms) return [...(await namespace.adapter.allRooms())];
    return [...new Set((await namespace.fetchSockets()).flatMap((socket) => [...socket.rooms]))];
  },
  heard: () => heard.splice(0),
  // Not of this server: of a program that only emits.
  emitterEmit: (order) => void aim(emitter.of(order.namespace), order).emit(...order.event),
  emitterJoin: (order) => void aim(emitter.of(order.namespace), order).socketsJoin(order.names),
  emitterLeave: (order) => void aim(emitter.of(order.namespace), order).socketsLeave(order.names),
  emitterDisconnect: (order) => void aim(emitter.of(order.namespace), order).disconnectSockets(true),
  emitterServerEmit: (order) => void emitter.of(order.namespace).serverSideEmit(...order.event),
};

http.on("request", async (request, response) => {
  if (request.url !== "/order") return;
  let text = "";
  for await (const piece of request) text += piece;
  let answer;
  try {
    const order = unpack(JSON.parse(text));
    answer = { value: (await operations[order.operation](order)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  response.end(JSON.stringify(pack(answer)));
});
http.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
