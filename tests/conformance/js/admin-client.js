// Speaks to an admin namespace as the UI does: node admin-client.js URL
import assert from "node:assert/strict";
import { once } from "node:events";
import { io } from "socket.io-client";

const [url] = process.argv.slice(2);
const opened = [];

function connect(namespace, options) {
  const socket = io(url + namespace, { forceNew: true, reconnection: false, ...options });
  opened.push(socket);
  return socket;
}

function within(promise, what, limit = 60_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limit} ms: ${what}`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function refused(auth) {
  const socket = connect("/admin", { auth });
  const error = await within(
    new Promise((resolve, reject) => {
      socket.on("connect_error", resolve);
      socket.on("connect", () => reject(new Error("was let in")));
    }),
    "a refusal",
  );
  socket.close();
  return error;
}

/** Everything that an administrator is told, to be waited for in any order. */
class Page {
  constructor(socket) {
    this.socket = socket;
    this.told = [];
    this.waiting = new Set();
    socket.onAny((...event) => {
      this.told.push(event);
      for (const look of this.waiting) look();
    });
  }

  /** The first event of this name whose arguments fit; it is told once. */
  hear(name, fits = () => true) {
    const wait = new Promise((resolve) => {
      const look = () => {
        const at = this.told.findIndex(([told, ...args]) => told === name && fits(...args));
        if (at < 0) return;
        this.waiting.delete(look);
        resolve(this.told.splice(at, 1)[0].slice(1));
      };
      this.waiting.add(look);
      look();
    });
    return within(wait, `${name}; told: ${JSON.stringify(this.told).slice(0, 2000)}`);
  }
}

async function open(auth) {
  const socket = connect("/admin", { auth });
  const page = new Page(socket);
  await within(once(socket, "connect"), "connect");
  return page;
}

const isDate = (text) => new Date(text).toISOString() === text;

async function authentication() {
  for (const auth of [
    undefined,
    {},
    { username: "admin" },
    { username: "admin", password: "wrong" },
    { username: "root", password: "changeit" },
    { sessionId: "made up" },
    { username: ["admin"], password: { $ne: "" } },
  ]) {
    assert.equal((await refused(auth)).message, "invalid credentials", JSON.stringify(auth));
  }
  const first = await open({ username: "admin", password: "changeit" });
  const [sessionId] = await first.hear("session");
  first.socket.close();
  const second = await open({ sessionId });
  await second.hear("config");
  assert.deepEqual(second.told.filter(([name]) => name === "session"), []);
  return second;
}

async function looking(page, client) {
  const [sockets] = await page.hear("all_sockets");
  assert.deepEqual(new Set(sockets.map(({ nsp }) => nsp)), new Set(["/", "/admin"]));
  const [stats] = await page.hear(
    "server_stats",
    ({ clientsCount, pollingClientsCount }) => clientsCount === 2 && pollingClientsCount === 0,
  );
  assert.equal(stats.serverId, "one");
  assert.equal(typeof stats.pid, "number");
  assert.ok(stats.uptime > 0 && stats.hostname);
  assert.deepEqual(
    stats.namespaces.filter(({ socketsCount }) => socketsCount),
    [
      { name: "/", socketsCount: 1 },
      { name: "/admin", socketsCount: 1 },
    ],
  );
  const seen = sockets.find(({ id }) => id === client.id);
  assert.notEqual(seen.clientId, sockets.find(({ id }) => id === page.socket.id).clientId);
  assert.equal(seen.transport, "websocket");
  assert.deepEqual(seen.data, { name: "early" });
  assert.deepEqual(seen.rooms.sort(), ["lobby", client.id].sort());
  assert.equal(seen.handshake.address, "127.0.0.1");
  assert.equal(seen.handshake.headers["user-agent"], "a client");
  assert.ok(isDate(new Date(seen.handshake.issued).toISOString()));
  const text = JSON.stringify(sockets);
  for (const secret of ["s3cret", "changeit", client.io.engine.id]) assert.ok(!text.includes(secret), secret);
}

async function telling(page, client) {
  const late = connect("/", { query: { name: "late" } });
  await within(once(late, "connect"), "connect");
  const [socket, at] = await page.hear("socket_connected", ({ data }) => data.name === "late");
  assert.ok(isDate(at));
  assert.deepEqual(socket.rooms.sort(), ["lobby", late.id].sort());
  // By long-polling at first.
  if (socket.transport === "polling") {
    const [updated] = await page.hear("socket_updated", ({ id, transport }) => id === late.id && transport);
    assert.deepEqual(updated, { id: late.id, nsp: "/", transport: "websocket" });
  }
  await page.hear("event_sent", (nsp, id, args) => id === late.id && args[0] === "welcome");

  client.emit("join", "den");
  const joined = await page.hear("room_joined");
  assert.deepEqual(joined.slice(0, 3), ["/", "den", client.id]);
  assert.ok(isDate(joined[3]));
  assert.equal(await client.emitWithAck("say", "ahoy"), 4);
  const received = await page.hear("event_received", (nsp, id, args) => args[0] === "say");
  assert.deepEqual(received.slice(0, 3), ["/", client.id, ["say", "ahoy"]]);
  for (const { id } of [client, late]) {
    const sent = await page.hear("event_sent", (nsp, to, args) => to === id && args[0] === "said");
    assert.deepEqual(sent.slice(0, 3), ["/", id, ["said", "ahoy"]]);
    assert.ok(isDate(sent[3]));
  }
  await client.emitWithAck("rename", "Ann");
  const [{ data }] = await page.hear("socket_updated", ({ id, data }) => id === client.id && data);
  assert.deepEqual(data, { name: "Ann" });

  late.close();
  const left = await page.hear("socket_disconnected");
  assert.deepEqual(left.slice(0, 3), ["/", socket.id, "client namespace disconnect"]);
  await page.hear("room_left", (nsp, room, id) => room === "lobby" && id === socket.id);
  const [{ aggregatedEvents }] = await page.hear("server_stats", ({ aggregatedEvents: events }) =>
    events.some(({ type }) => type === "rawDisconnection"),
  );
  for (const event of aggregatedEvents) assert.ok(event.count > 0 && event.timestamp % 1000 === 0);
  assert.equal(aggregatedEvents.find(({ type }) => type === "rawDisconnection").subType, "transport close");
  await page.hear("server_stats", ({ aggregatedEvents: events }) => events.some(({ type }) => type === "bytesIn"));
  await page.hear("server_stats", ({ aggregatedEvents: events }) => events.some(({ type }) => type === "bytesOut"));
}

async function changing(page, client) {
  const command = (...args) => page.socket.timeout(60_000).emitWithAck(...args);
  const error = async (...args) => (await command(...args))?.error?.code;
  await command("join", "/", "vip", client.id);
  await page.hear("room_joined", (nsp, room) => room === "vip");
  const heard = within(once(client, "notice"), "an event of the administrator");
  await command("emit", "/", "vip", "notice", { n: 1 }, "two");
  assert.deepEqual(await heard, [{ n: 1 }, "two"]);
  await command("leave", "/", "vip");
  await page.hear("room_left", (nsp, room) => room === "vip");
  const everybody = within(once(client, "notice"), "an event to everybody");
  await command("emit", "/", undefined, "notice");
  await everybody;

  assert.equal(await error("join", "/nowhere", "a"), "unknown_namespace");
  assert.equal(await error("emit", "/", null, "connect"), "invalid_payload");
  for (const wrong of [
    ["join", "/"],
    ["join", "/", 3],
    ["join", "/", "a", ["b"]],
    ["join", "/", "a", ""],
    ["join", "/", "a".repeat(5000)],
    ["_disconnect", "/", "yes", client.id],
    ["_disconnect", "/", true, ""],
    ["leave", { toString: "/" }, "a"],
    ["emit", "/", null, null],
  ]) {
    assert.equal(await error(...wrong), "invalid_payload", JSON.stringify(wrong).slice(0, 80));
  }
  assert.ok(client.connected);
  const [reason] = await Promise.all([
    within(once(client, "disconnect"), "the client is disconnected"),
    command("_disconnect", "/", true, client.id),
  ]);
  assert.equal(reason[0], "io server disconnect");
}

try {
  const client = connect("/", {
    transports: ["websocket"],
    query: { name: "early", token: "s3cret" },
    auth: { token: "s3cret" },
    extraHeaders: { cookie: "sid=s3cret", authorization: "Bearer s3cret", "x-api-key": "s3cret", "user-agent": "a client" },
  });
  await within(once(client, "connect"), "connect");
  const page = await authentication();
  await looking(page, client);
  await telling(page, client);
  await changing(page, client);
} catch (error) {
  console.log(error.stack);
  process.exitCode = 1;
} finally {
  for (const socket of opened) socket.close();
}
