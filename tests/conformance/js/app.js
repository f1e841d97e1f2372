// The application of ../app.py on the original: what passes against this one is right about the protocol.
// usage: node app.js PORT, options as JSON in WINDSOCK_TEST_OPTIONS, named as in Python, times in seconds.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { Server } from "socket.io";
import * as json from "socket.io-parser";
import msgpack from "socket.io-msgpack-parser";

const NAMES = {
  allow_upgrades: ["allowUpgrades", (value) => value],
  connection_state_recovery: ["connectionStateRecovery", recovery],
  connect_timeout: ["connectTimeout", (value) => value * 1000],
  cors_allowed_origins: ["cors", (value) => ({ origin: value })],
  max_http_buffer_size: ["maxHttpBufferSize", (value) => value],
  parser: ["parser", (value) => ({ json, msgpack })[value]],
  path: ["path", (value) => value],
  per_message_deflate: ["perMessageDeflate", (value) => value],
  ping_interval: ["pingInterval", (value) => value * 1000],
  ping_timeout: ["pingTimeout", (value) => value * 1000],
  transports: ["transports", (value) => value],
  upgrade_timeout: ["upgradeTimeout", (value) => value * 1000],
};

/** Options of connection state recovery; what the original does not bound, it is not told. */
function recovery({ max_disconnection_duration: duration = 120, skip_middlewares: skipMiddlewares = true }) {
  return { maxDisconnectionDuration: duration * 1000, skipMiddlewares };
}

const options = {};
for (const [name, value] of Object.entries(JSON.parse(process.env.WINDSOCK_TEST_OPTIONS ?? "{}"))) {
  if (!(name in NAMES)) throw new Error(`no counterpart of the option ${name}`);
  const [counterpart, convert] = NAMES[name];
  options[counterpart] = convert(value);
}

const FILES = {
  "/": ["page.html", "text/html"],
  "/socket.io.js": ["node_modules/socket.io-client/dist/socket.io.min.js", "text/javascript"],
  "/scenarios.js": ["scenarios.js", "text/javascript"],
  "/world.js": ["world.js", "text/javascript"],
};

const http = createServer(async (request, response) => {
  const file = FILES[request.url];
  if (!file) return void response.writeHead(404).end();
  const body = await readFile(new URL(file[0], import.meta.url));
  response.writeHead(200, { "content-type": file[1] }).end(body);
});
const io = new Server(http, { serveClient: false, ...options });

const refusal = (message, data) => Object.assign(new Error(message), { data });
const names = (socket) => [...socket.rooms].filter((room) => room !== socket.id).sort();

io.use((socket, next) => {
  const { middleware, refuse } = socket.handshake.auth;
  if (middleware === "refuse") next(refusal("refused by the middleware", { by: "middleware" }));
  else if (refuse) next(refusal("refused by the handler", { code: 42, details: [refuse] }));
  else next();
});

io.on("connection", (socket) => {
  socket.emit("welcome", { id: socket.id, auth: socket.handshake.auth });
  socket.on("disconnect", (reason) => io.to("watchers").emit("left", { id: socket.id, reason }));
  socket.on("watch", (reply) => {
    socket.join("watchers");
    reply(true);
  });
  socket.on("echo", (...values) => socket.emit("echo", ...values));
  socket.on("echo-ack", (...values) => values.pop()(...values));
  socket.on("ask", async (...values) => {
    socket.emit("answer", await socket.timeout(30_000).emitWithAck("question", ...values));
  });
  socket.on("ask-in-vain", () => {
    socket.timeout(50).emit("silence", (error) => error && socket.emit("timed-out"));
  });
  socket.on("answer-never", () => {});
  socket.on("heartbeats", (count, reply) => {
    socket.conn.on("heartbeat", () => --count === 0 && reply(true));
  });
  socket.on("answer-late", (reply) => setTimeout(() => reply(true), 300));
  socket.on("handshake", (reply) => {
    const { headers, query, address, secure, xdomain, url, auth } = socket.handshake;
    reply({
      header: headers["x-conformance"] ?? null,
      query: query.colour ?? null,
      address: address.replace("::ffff:", ""),
      secure,
      xdomain,
      url: url.split("?")[0],
      auth,
    });
  });
  socket.on("join", (...rooms) => {
    const reply = rooms.pop();
    socket.join(rooms);
    reply(names(socket));
  });
  socket.on("leave", (...rooms) => {
    const reply = rooms.pop();
    for (const room of rooms) socket.leave(room);
    reply(names(socket));
  });
  socket.on("publish", (order, reply) => {
    const source = order.from === "socket" ? socket.broadcast : io;
    source.to(order.to ?? []).except(order.except ?? []).emit(order.event, ...(order.arguments ?? []));
    reply(true);
  });
  socket.on("move", async (order, reply) => {
    const target = io.in(order.room);
    if (order.action === "join") target.socketsJoin(order.other);
    else if (order.action === "leave") target.socketsLeave(order.other);
    else if (order.action === "disconnect") target.disconnectSockets();
    const members = await target.fetchSockets();
    reply(members.map((member) => member.id).sort());
  });
  socket.on("disconnect-me", (close) => socket.disconnect(close));
  socket.on("big", (size, binary, reply) => reply(binary ? Buffer.alloc(size) : "x".repeat(size)));
  socket.on("medley", (rounds, reply) => {
    const room = io.to("medley");
    for (let round = 0; round < rounds; round++) {
      room.emit("piece", round, "short");
      room.emit("piece", round, "long ".repeat(1000));
      io.to("medley").compress(false).emit("piece", round, "plain ".repeat(1000));
      room.emit("piece", round, "other ".repeat(500 + round));
      room.emit("piece", round, Buffer.alloc(3000, round));
      if (round % 7 === 6) socket.emit("piece", round, "to you ".repeat(500));
    }
    reply(true);
  });
  socket.on("count", (number) => {
    const expected = socket.data.counted ?? 0;
    if (number !== expected) socket.data.gap ??= [expected, number];
    socket.data.counted = expected + 1;
  });
  socket.on("counted", (reply) => {
    reply({ counted: socket.data.counted ?? 0, gap: socket.data.gap ?? null });
  });
  socket.on("stream", async (total, burst) => {
    for (let number = 0; number < total; number++) {
      socket.emit("item", number);
      if (number % burst === burst - 1) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
  socket.on("listen", (reply) => {
    const data = (values) => values.filter((value) => typeof value !== "function");
    socket.data.heard = { in: [], out: [] };
    socket.onAny((...values) => socket.data.heard.in.push(data(values)));
    socket.onAnyOutgoing((...values) => socket.data.heard.out.push(data(values)));
    reply(true);
  });
  socket.on("heard", (reply) => {
    socket.offAny();
    socket.offAnyOutgoing();
    reply(socket.data.heard);
  });
  socket.on("expire", (seconds) =>
    setTimeout(() => {
      socket.emit("auth_expired");
      socket.disconnect();
    }, 1000 * seconds),
  );
  socket.on("volatile", () => socket.volatile.emit("perhaps", 1));
});

io.of("/admin")
  .use((socket, next) => next(socket.handshake.auth.token === "secret" ? undefined : refusal("no token")))
  .on("connection", (socket) => socket.on("whoami", (reply) => reply("admin")));

io.of(/^\/dynamic-\d+$/).on("connection", (socket) => {
  socket.emit("welcome", { id: socket.id });
  socket.on("echo-ack", (...values) => values.pop()(...values));
});

const quiet = io.of("/quiet").on("connection", (socket) => {
  socket.on("publish", (event, ...values) => {
    const reply = values.pop();
    quiet.emit(event, ...values);
    reply(true);
  });
});

io.of("/closed").use((_, next) => next(refusal("closed", { namespace: "/closed" })));

process.once("SIGTERM", () => {
  io.close();
  // A browser keeps connections open that it never used.
  http.closeAllConnections();
});
http.listen(Number(process.argv[2]), "127.0.0.1");
