// What an Engine.IO client sees; the packets of Socket.IO are written out by hand.
// `world.engine` is engine.io-client; the rest is as in scenarios.js.
import { WITHIN, equal, fail, next } from "./world.js";

function open(world, options = {}) {
  const socket = new world.engine.Socket(world.url, {
    path: "/socket.io/",
    transports: world.transports,
    ...options,
  });
  world.opened.push(socket);
  return socket;
}

/** Every message of `socket`, in order: `take()` resolves with the next one. */
function inbox(socket) {
  const messages = [];
  let wake = () => {};
  socket.on("message", (data) => {
    messages.push(data);
    wake();
  });
  return async function take() {
    if (!messages.length) {
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no message within ${WITHIN} ms`)), WITHIN);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return messages.shift();
  };
}

/** A session that has joined the main namespace and been upgraded when it may. */
async function joined(world, options) {
  const socket = open(world, options);
  const take = inbox(socket);
  await next(socket, "open");
  socket.send("0");
  const [connect, welcome] = [await take(), await take()];
  if (!connect.startsWith('0{"sid":"') || !welcome.startsWith('2["welcome",')) fail(`${connect} ${welcome}`);
  if (socket.transport.name !== world.transports.at(-1)) await next(socket, "upgrade");
  return { socket, take };
}

export const scenarios = {
  async "the handshake"(world) {
    const socket = open(world);
    const [handshake] = await next(socket, "handshake");
    const { sid, ...rest } = handshake;
    if (!/^[\w-]{20,}$/.test(sid)) fail(`weak session id ${sid}`);
    equal(
      rest,
      {
        upgrades: world.transports[0] === "polling" ? ["websocket"] : [],
        pingInterval: 25_000,
        pingTimeout: 20_000,
        maxPayload: 1_000_000,
      },
      "open packet",
    );
    equal(socket.id, sid, "session id");
  },

  async "the upgrade keeps the session"(world) {
    const { socket, take } = await joined(world);
    const before = socket.id;
    equal(socket.transport.name, world.transports.at(-1), "transport");
    socket.send('2["echo",1]');
    equal(await take(), '2["echo",1]', "answer");
    equal(socket.id, before, "session");
  },

  async "binary messages"(world) {
    const { socket, take } = await joined(world);
    for (const data of [Buffer.alloc(0), Buffer.from([0, 1, 2, 255]), Buffer.alloc(100_000, 7)]) {
      socket.send('51-["echo",{"_placeholder":true,"num":0}]');
      socket.send(data);
      equal(await take(), '51-["echo",{"_placeholder":true,"num":0}]', "header");
      equal(Buffer.from(await take()), data, "attachment");
    }
  },

  async "many messages in one request stay within maxPayload"(world) {
    const { socket, take } = await joined(world);
    for (let number = 0; number < 30; number++) socket.send(`2["echo",${number},"${"x".repeat(90_000)}"]`);
    for (let number = 0; number < 30; number++) {
      const answer = await take();
      equal([answer.slice(0, 12), answer.length > 90_000], [`2["echo",${number},"`.slice(0, 12), true], "echo");
    }
  },

  async "a close by the client"(world) {
    const { socket } = await joined(world);
    const { id } = socket;
    const closed = next(socket, "close");
    socket.close();
    equal((await closed)[0], "forced close", "reason");
    // The session is gone as soon as the server has read the close.
    const deadline = Date.now() + WITHIN;
    for (;;) {
      const answer = await fetch(`${world.url}/socket.io/?EIO=4&transport=polling&sid=${id}`);
      const body = await answer.json();
      if (answer.status === 400 && body.code === 1) break;
      if (Date.now() > deadline) fail(`${answer.status} ${JSON.stringify(body)}`);
    }
  },

  async "a close by the server"(world) {
    const { socket } = await joined(world);
    const closed = next(socket, "close");
    socket.send('2["disconnect-me",true]');
    equal((await closed)[0], "transport close", "reason");
  },

  async "what breaks the Socket.IO protocol closes the session"(world) {
    const { socket } = await joined(world);
    const closed = next(socket, "close");
    socket.send("9 no such packet");
    equal((await closed)[0], "transport close", "reason");
  },
};

export const heartbeat = "ping and pong at the interval announced";
scenarios[heartbeat] = async (world) => {
  const since = performance.now();
  const { socket } = await joined(world);
  for (let pings = 0; pings < 4; pings++) await next(socket, "ping");
  // However late each of them comes, four take four intervals.
  const took = performance.now() - since;
  if (took < 1150) fail(`four pings in ${took} ms, 300 announced for each`);
  equal(socket.readyState, "open", "state");
};

export const refusedUpgrade = "a refused transport falls back to the next";
scenarios[refusedUpgrade] = async (world) => {
  const socket = open(world, { transports: ["websocket", "polling"], tryAllTransports: true });
  await next(socket, "open");
  equal(socket.transport.name, "polling", "transport");
};
