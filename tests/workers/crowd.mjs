// Many stock clients in one process, the same number at each server: node crowd.mjs URL[,URL] COUNT TRANSPORT[,TRANSPORT]
// A line of stdin asks, a JSON line of stdout answers:
//   connected   all are connected: {disconnects: {reason: count}, errors: [message], transports: {name: count}}
//   ask         who answers: {pid: count}, after each client has got five echoes back
//   share       each joins a room and says ten things to it: {each: what the least has heard, count: sockets in the room}
//   times       when, in milliseconds of the clock: {dropped: the first was lost, back: [each was connected since]}
//   quit
// A fourth argument: milliseconds after which they come back, four times as many at the most; 50 and 500 by default.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../conformance/js/", import.meta.url));
const { io } = require("socket.io-client");

const WITHIN = 60_000;
const SAID = 10;

const [urls, count, transports, delay] = process.argv.slice(2);
const room = `crowd ${process.pid}`; // those of a crowd before this one may not be missed yet
const disconnects = {};
const errors = [];
let dropped = 0; // when the first was lost
let back = []; // when each was connected since
const add = (counts, key) => {
  counts[key] = (counts[key] ?? 0) + 1;
};
const sockets = Array.from({ length: Number(count) }, (_, index) => {
  const socket = io(urls.split(",")[index % urls.split(",").length], {
    transports: transports.split(","),
    forceNew: true,
    timeout: WITHIN, // workers may have to start first, and handshakes wait for their turn
    withCredentials: true, // it keeps cookies
    reconnectionDelay: Number(delay ?? 50),
    reconnectionDelayMax: delay ? 4 * delay : 500,
  });
  socket.on("connect", () => back.push(Date.now()));
  socket.on("disconnect", (reason, details) => {
    dropped ||= Date.now();
    add(disconnects, reason);
    if (details?.context?.status) errors.push(`${details.message} ${details.context.status}`);
  });
  socket.on("connect_error", (error) => {
    const reason = error.context?.status ?? error.description?.message ?? "";
    errors.push(`${error.message} ${reason}`.trim());
  });
  return socket;
});

const upgraded = (socket) => {
  const engine = socket.io.engine;
  return socket.connected && engine.transport.name === transports.split(",").at(-1);
};

async function connected() {
  while (!sockets.every(upgraded)) await new Promise((resolve) => setTimeout(resolve, 10));
  const names = {};
  for (const socket of sockets) add(names, socket.io.engine.transport.name);
  return { disconnects, errors, transports: names };
}

async function ask() {
  const pids = {};
  await Promise.all(
    sockets.map(async (socket) => {
      for (let number = 0; number < 5; number++) {
        const [back] = await socket.timeout(WITHIN).emitWithAck("echo", number);
        if (back !== number) throw new Error(`expected ${number}, got ${back}`);
      }
      add(pids, (await socket.timeout(WITHIN).emitWithAck("who")).pid);
    }),
  );
  return pids;
}

async function share() {
  await Promise.all(sockets.map((socket) => socket.timeout(WITHIN).emitWithAck("join", room)));
  const heard = sockets.map((socket) => {
    const texts = new Set();
    socket.off("said").on("said", (text) => texts.add(text));
    return texts;
  });
  for (let number = 0; number < SAID; number++) {
    await Promise.all(sockets.map((socket, who) => socket.timeout(WITHIN).emitWithAck("say", room, `${who}: ${number}`)));
  }
  const all = sockets.length * SAID;
  const end = Date.now() + WITHIN;
  while (Date.now() < end && !heard.every((texts) => texts.size === all)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    each: Math.min(...heard.map((texts) => texts.size)),
    count: await sockets[0].timeout(WITHIN).emitWithAck("count", room),
  };
}

const times = async () => {
  const seen = { dropped, back };
  dropped = 0;
  back = [];
  return seen;
};

const commands = { connected, ask, share, times };
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "quit") break;
  let answer;
  try {
    answer = await commands[line]();
  } catch (error) {
    answer = { error: `${error.stack}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
for (const socket of sockets) socket.close();
