// What a Socket.IO client sees, as scenarios that run under Node and, unchanged, in a browser.
//
// A scenario is an async function of one world:
//   io          the client of socket.io-client
//   url         the server
//   transports  "polling", "websocket", or both, which begins with the first and upgrades to the second
//   parser      "json" or "msgpack"
//   host(name)  asks the test to do something to the server: "stop", "kill", "start"
//   browser     whether it runs in one
//   opened      every socket, closed by the runner afterwards
// It throws when what it saw is not what the protocol says.

import { WITHIN, collect, connected, equal, fail, flushed, next, open, reasonOf, settled } from "./world.js";

const VALUES = [
  null, true, false, 0, 1, -1, 1.5, -2.25e-7, 1e21, 2 ** 31, -(2 ** 31), Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER, "", "text", [], {}, [[[]]], { a: { b: { c: [1, { d: null }] } } },
  { "": 1, "a.b": 2, __proto: 3, constructor: 4, length: 5, 0: 6 }, [null, null], "4", "451-[]",
  "a\\b\"c/d\n\r\t\b\f",
];

const STRINGS = [
  "é", "日本語", "🎉👩‍👩‍👧‍👦", "\u0000", "\u001e", "a\u001eb", "\u2028\u2029", "\ufeff", "\uffff", "\u0080\u07ff\u0800",
  "\u{10ffff}", "שלום", "e\u0301", "\u007f", "<script>&amp;", "b64",
];

export const scenarios = {
  async "connect with auth"(world) {
    const auth = { token: "abc", nested: { list: [1, null, "é"] } };
    const socket = open(world, "/", { auth });
    const [[greeting]] = await Promise.all([next(socket, "welcome"), next(socket, "connect")]);
    equal(greeting, { id: socket.id, auth }, "welcome");
    if (typeof socket.id !== "string" || socket.id.length < 20) fail(`weak id ${socket.id}`);
    if (socket.id === socket.io.engine.id) fail("the socket's id gives away the session's");
    await settled(world, socket);
  },

  async "auth from a function"(world) {
    const socket = open(world, "/", { auth: (reply) => reply({ token: "later" }) });
    const [greeting] = await next(socket, "welcome");
    equal(greeting.auth, { token: "later" }, "auth");
  },

  async "connect refused by the handler"(world) {
    const socket = open(world, "/", { auth: { refuse: "because" } });
    const [error] = await next(socket, "connect_error");
    equal(error.message, "refused by the handler", "message");
    equal(error.data, { code: 42, details: ["because"] }, "data");
    equal(socket.connected, false, "connected");
  },

  async "connect refused by a middleware, then accepted"(world) {
    const socket = open(world, "/", { auth: { middleware: "refuse" } });
    const [error] = await next(socket, "connect_error");
    equal(error.message, "refused by the middleware", "message");
    equal(error.data, { by: "middleware" }, "data");
    socket.auth = {};
    socket.connect();
    await next(socket, "connect");
  },

  async "a namespace refused, then accepted on the same connection"(world) {
    const socket = await connected(world);
    const admin = socket.io.socket("/admin", { auth: { token: "wrong" } });
    const [error] = await next(admin, "connect_error");
    equal(error.message, "no token", "message");
    admin.auth = { token: "secret" };
    admin.connect();
    await next(admin, "connect");
    equal(await admin.timeout(WITHIN).emitWithAck("whoami"), "admin", "admin's answer");
    equal(await socket.timeout(WITHIN).emitWithAck("echo-ack", 1), 1, "echo");
  },

  async "an unknown namespace is refused, others stay"(world) {
    const socket = await connected(world);
    const stranger = socket.io.socket("/nowhere");
    const [error] = await next(stranger, "connect_error");
    equal(error.message, "Invalid namespace", "message");
    equal(await socket.timeout(WITHIN).emitWithAck("echo-ack", 1), 1, "echo");
  },

  async "namespaces share a connection and nothing else"(world) {
    const socket = await connected(world);
    const manager = socket.io;
    const admin = manager.socket("/admin", { auth: { token: "secret" } });
    await next(admin, "connect");
    equal(admin.io.engine.id, socket.io.engine.id, "session");
    if (admin.id === socket.id) fail("two sockets with one id");
    equal(await admin.timeout(WITHIN).emitWithAck("whoami"), "admin", "admin's answer");
    const outcome = await socket.timeout(50).emitWithAck("whoami").catch(() => "no answer");
    if (outcome === "admin") fail("the handler of another namespace");
    admin.disconnect();
    equal(await socket.timeout(WITHIN).emitWithAck("echo-ack", "still here"), "still here", "echo");
    const shut = manager.socket("/closed");
    const [error] = await next(shut, "connect_error");
    equal([error.message, error.data], ["closed", { namespace: "/closed" }], "refusal");
  },

  async "dynamic namespaces"(world) {
    const socket = open(world, "/dynamic-101");
    const [greeting] = await next(socket, "welcome");
    equal(greeting.id, socket.id, "id");
    equal(await socket.timeout(WITHIN).emitWithAck("echo-ack", "a"), "a", "echo");
    const other = socket.io.socket("/dynamic-x");
    const [error] = await next(other, "connect_error");
    equal(error.message, "Invalid namespace", "message");
  },

  async "events emitted before the connection arrive in order"(world) {
    const socket = open(world);
    const echoes = collect(socket, "echo");
    for (let number = 0; number < 50; number++) socket.emit("echo", number);
    const seen = await echoes.until(50);
    equal(seen.flat(), [...seen.keys()], "order");
  },

  async "every JSON type there and back"(world) {
    const socket = await connected(world);
    // The official parser of msgpack writes whole numbers as integers of 64 bits, whatever is lost.
    const values = VALUES.filter((value) => world.parser !== "msgpack" || value !== 1e21);
    for (const value of values) {
      socket.emit("echo", value);
      const [answer] = await next(socket, "echo");
      equal(answer, value, "event");
    }
    equal(await socket.timeout(WITHIN).emitWithAck("echo-ack", values), values, "acknowledgement");
    socket.emit("echo", ...values);
    equal(await next(socket, "echo"), values, "as arguments");
    socket.emit("echo");
    equal(await next(socket, "echo"), [], "no argument");
  },

  async "what only msgpack carries there and back"(world) {
    const socket = await connected(world);
    const values = [Number.NaN, Number.POSITIVE_INFINITY, [Number.NEGATIVE_INFINITY], { a: 2 ** 53 }, -(2 ** 63)];
    equal(await socket.timeout(WITHIN).emitWithAck("echo-ack", values), values, "numbers");
    const instants = [0, -1, 1_700_000_000_123, Date.UTC(1, 0), Date.UTC(9999, 11, 31), -62_135_596_800_000];
    for (const instant of instants) {
      const [date] = await socket.timeout(WITHIN).emitWithAck("echo-ack", [new Date(instant)]);
      if (!(date instanceof Date)) fail(`a date became ${date}`);
      equal(date.getTime(), instant, "date");
    }
    // As long as what the same extension says with an undefined and with a date.
    for (const size of [1, 2, 4, 8, 16, 300, 70_000]) {
      const value = { data: new Uint8Array(size).fill(7).buffer, at: new Date(size) };
      const answer = await socket.timeout(WITHIN).emitWithAck("echo-ack", value);
      equal([answer.data, answer.at.getTime()], [value.data, size], `array buffer of ${size}`);
    }
    const [nothing, something] = await socket.timeout(WITHIN).emitWithAck("echo-ack", [undefined, 1]);
    equal([nothing ?? null, something], [null, 1], "undefined");
  },

  async "unicode there and back"(world) {
    const socket = await connected(world);
    for (const value of STRINGS) {
      socket.emit("echo", value, { [value]: value });
      const answer = await next(socket, "echo");
      equal(answer, [value, { [value]: value }], "event");
    }
    const room = "комната 🎉,";
    equal(await socket.timeout(WITHIN).emitWithAck("join", room), [room], "room");
  },

  async "binary there and back"(world) {
    const socket = await connected(world);
    const all = Uint8Array.from({ length: 256 }, (_, index) => index);
    const cases = [
      [all],
      [new Uint8Array(0)],
      [new ArrayBuffer(3)],
      ["text", all, 1, all.slice(0, 5)],
      [{ a: { b: [1, all.slice(9), { c: new Uint8Array([0x1e, 0x34]) }], d: "🎉" } }],
      Array.from({ length: 10 }, (_, index) => new Uint8Array(index)),
      [[[[[[[[all]]]]]]]],
      [{ _placeholder: false, num: 0 }, all],
    ];
    for (const values of cases) {
      socket.emit("echo", ...values);
      equal(await next(socket, "echo"), values, "event");
      const answers = await new Promise((resolve, reject) => {
        socket.timeout(WITHIN).emit("echo-ack", ...values, (error, ...rest) => (error ? reject(error) : resolve(rest)));
      });
      equal(answers, values, "acknowledgement");
    }
    equal(socket.connected, true, "connected");
  },

  async "binary and text stay in order"(world) {
    const socket = await connected(world);
    const echoes = collect(socket, "echo");
    const sent = Array.from({ length: 100 }, (_, n) => (n % 3 ? n : { n, data: new Uint8Array(n) }));
    for (const value of sent) socket.emit("echo", value);
    equal((await echoes.until(sent.length)).flat(), sent, "order");
  },

  async "more attachments than allowed end the connection, and no other"(world) {
    const [socket, bystander] = await Promise.all([connected(world), connected(world)]);
    socket.emit("echo", ...Array.from({ length: 11 }, () => new Uint8Array(1)));
    const [reason] = await next(socket, "disconnect");
    equal(reason, "transport close", "reason");
    equal(await bystander.timeout(WITHIN).emitWithAck("echo-ack", 1), 1, "bystander");
  },

  async "acknowledgements from the server"(world) {
    const socket = await connected(world);
    const several = await new Promise((resolve) => socket.emit("echo-ack", 1, "two", [3], (...all) => resolve(all)));
    equal(several, [1, "two", [3]], "several values");
    const none = await new Promise((resolve) => socket.emit("echo-ack", (...all) => resolve(all)));
    equal(none, [], "no value");
    const many = await Promise.all(
      Array.from({ length: 100 }, (_, number) => socket.timeout(WITHIN).emitWithAck("echo-ack", number)),
    );
    equal(many, [...many.keys()], "each its own");
  },

  async "acknowledgements from the client"(world) {
    const socket = await connected(world);
    socket.on("question", (...values) => values.pop()({ heard: values }));
    const data = new Uint8Array([1, 2, 3]);
    for (const values of [[], [1], ["a", { b: [null] }], [data, { data }]]) {
      socket.emit("ask", ...values);
      equal(await next(socket, "answer"), [{ heard: values }], "answer");
    }
  },

  async "an acknowledgement that comes too late has timed out on the client"(world) {
    const socket = await connected(world);
    const error = await socket.timeout(50).emitWithAck("answer-late").catch((reason) => reason);
    equal(error.message, "operation has timed out", "error");
    equal(await socket.timeout(WITHIN).emitWithAck("answer-late"), true, "in time");
  },

  async "an acknowledgement that never comes times out on the server"(world) {
    const socket = await connected(world);
    const silence = next(socket, "silence");
    socket.emit("ask-in-vain");
    await next(socket, "timed-out");
    const reply = (await silence).at(-1);
    reply("too late");
    await flushed(socket);
    equal(socket.connected, true, "connected");
  },

  async "retries of the client are answered once each"(world) {
    const socket = open(world, "/", { retries: 2, ackTimeout: 2000 });
    await next(socket, "connect");
    const numbers = Array.from({ length: 10 }, (_, number) => number);
    equal(await Promise.all(numbers.map((number) => socket.emitWithAck("echo-ack", number))), numbers, "answers");
  },

  async "what the handshake tells"(world) {
    const socket = await connected(world, {
      query: { colour: "grün & blau" },
      auth: { a: 1 },
      ...(world.browser ? {} : { extraHeaders: { "X-Conformance": "yes" } }),
    });
    const told = await socket.timeout(WITHIN).emitWithAck("handshake");
    equal(
      told,
      {
        header: world.browser ? null : "yes",
        query: "grün & blau",
        address: "127.0.0.1",
        secure: false,
        xdomain: told.xdomain,
        url: "/socket.io/",
        auth: { a: 1 },
      },
      "handshake",
    );
  },

  async "rooms, broadcast, and except"(world) {
    const [a, b, c] = await Promise.all([connected(world), connected(world), connected(world)]);
    const [atA, atB, atC] = [a, b, c].map((socket) => collect(socket, "news"));
    equal(await a.timeout(WITHIN).emitWithAck("join", "red", "blue"), ["blue", "red"], "rooms of a");
    equal(await b.timeout(WITHIN).emitWithAck("join", "red"), ["red"], "rooms of b");
    equal(await c.timeout(WITHIN).emitWithAck("join", "blue"), ["blue"], "rooms of c");
    const orders = [
      [{ from: "server", to: ["red"] }, "a b"],
      [{ from: "server", to: ["red", "blue"] }, "a b c"],
      [{ from: "server", to: ["red"], except: ["blue"] }, "b"],
      [{ from: "server", except: ["blue"] }, "b"],
      [{ from: "server", to: ["nobody"] }, ""],
      [{ from: "server", to: [c.id] }, "c"],
      [{ from: "server", to: ["red"], except: [a.id] }, "b"],
      [{ from: "server" }, "a b c"],
      [{ from: "socket", to: ["red"] }, "b"],
      [{ from: "socket", to: ["blue"] }, "c"],
      [{ from: "socket" }, "b c"],
      [{ from: "socket", except: ["blue"] }, "b"],
      [{ from: "socket", to: [a.id] }, ""],
    ];
    for (const [number, [order]] of orders.entries()) {
      await a.timeout(WITHIN).emitWithAck("publish", { ...order, event: "news", arguments: [number] });
    }
    await Promise.all([flushed(a), flushed(b), flushed(c)]);
    const expected = (name) => orders.flatMap(([, to], number) => (to.split(" ").includes(name) ? [number] : []));
    equal(atA.seen.flat(), expected("a"), "at a");
    equal(atB.seen.flat(), expected("b"), "at b");
    equal(atC.seen.flat(), expected("c"), "at c");
    equal(await a.timeout(WITHIN).emitWithAck("leave", "red"), ["blue"], "rooms of a");
    await b.timeout(WITHIN).emitWithAck("publish", { from: "server", to: ["red"], event: "news", arguments: ["x"] });
    await Promise.all([flushed(a), flushed(b)]);
    equal(atA.seen.flat(), expected("a"), "at a after it left");
    equal(atB.seen.flat(), [...expected("b"), "x"], "at b after a left");
  },

  async "a broadcast carries binary to every transport"(world) {
    const mixed = await Promise.all(
      [["polling"], ["websocket"], world.transports].map((transports) => connected({ ...world, transports })),
    );
    const argument = { data: new Uint8Array([1, 2, 3]), list: [new Uint8Array(1000), "é"] };
    await Promise.all(mixed.map((socket) => socket.timeout(WITHIN).emitWithAck("join", "binary room")));
    const arrived = mixed.map((socket) => next(socket, "blob"));
    const order = { from: "server", to: ["binary room"], event: "blob", arguments: [argument, "é"] };
    await mixed[0].timeout(WITHIN).emitWithAck("publish", order);
    for (const values of await Promise.all(arrived)) equal(values, [argument, "é"], "blob");
  },

  async "broadcasts of every form, to a room that compresses"(world) {
    const sockets = await Promise.all([connected(world), connected(world), connected(world)]);
    for (const { io } of sockets) {
      const { extensions } = io.engine.transport.ws;
      if (!/permessage-deflate/.test(extensions)) fail(`compression was not agreed on: "${extensions}"`);
    }
    await Promise.all(sockets.map((socket) => socket.timeout(WITHIN).emitWithAck("join", "medley")));
    const arrived = sockets.map((socket) => collect(socket, "piece"));
    const rounds = 30;
    await sockets[0].timeout(WITHIN).emitWithAck("medley", rounds);
    const expected = (first) =>
      Array.from({ length: rounds }, (_, round) => [
        [round, "short"],
        [round, "long ".repeat(1000)],
        [round, "plain ".repeat(1000)],
        [round, "other ".repeat(500 + round)],
        [round, new Uint8Array(3000).fill(round)],
        ...(first && round % 7 === 6 ? [[round, "to you ".repeat(500)]] : []),
      ]).flat();
    for (const [index, { until }] of arrived.entries()) {
      const wanted = expected(index === 0);
      equal(await until(wanted.length), wanted, `of socket ${index}`);
    }
  },

  async "sockets moved and found by the server"(world) {
    const [a, b] = await Promise.all([connected(world), connected(world)]);
    const order = (rest) => a.timeout(WITHIN).emitWithAck("move", rest);
    await b.timeout(WITHIN).emitWithAck("join", "first");
    equal(await order({ action: "join", room: "first", other: "second" }), [b.id], "in first");
    equal(await order({ room: "second" }), [b.id], "in second");
    equal(await order({ room: "nobody" }), [], "in an empty room");
    await order({ action: "leave", room: "first", other: "second" });
    equal(await order({ room: "second" }), [], "in second after leaving");
    const gone = next(b, "disconnect");
    await order({ action: "disconnect", room: "first" });
    equal((await gone)[0], "io server disconnect", "reason");
    equal(await order({ room: "first" }), [], "in first after the disconnect");
    equal(a.connected, true, "a");
  },

  async "disconnect by the client"(world) {
    const [watcher, socket] = await Promise.all([connected(world), connected(world)]);
    await watcher.timeout(WITHIN).emitWithAck("watch");
    const { id } = socket;
    const [left, reason] = [reasonOf(watcher, id), next(socket, "disconnect")];
    socket.disconnect();
    equal((await reason)[0], "io client disconnect", "the client's reason");
    // Both the packet and the end of the connection are on their way: whichever the server meets first.
    if (!["client namespace disconnect", "transport close"].includes(await left)) fail(await left);
  },

  async "disconnect by the client from one namespace of two"(world) {
    const watcher = await connected(world);
    await watcher.timeout(WITHIN).emitWithAck("watch");
    const socket = await connected(world);
    const admin = socket.io.socket("/admin", { auth: { token: "secret" } });
    await next(admin, "connect");
    const { id } = socket;
    const left = reasonOf(watcher, id);
    socket.disconnect();
    equal(await left, "client namespace disconnect", "the server's reason");
    equal(await admin.timeout(WITHIN).emitWithAck("whoami"), "admin", "the other namespace");
    socket.connect();
    await next(socket, "connect");
    if (socket.id === id) fail("the id was used twice");
  },

  async "disconnect by the server"(world) {
    const watcher = await connected(world);
    await watcher.timeout(WITHIN).emitWithAck("watch");
    for (const close of [false, true]) {
      const socket = await connected(world);
      const { id } = socket;
      const [left, reason] = [reasonOf(watcher, id), next(socket, "disconnect")];
      socket.emit("disconnect-me", close);
      equal((await reason)[0], "io server disconnect", `the client's reason, close=${close}`);
      equal(await left, "server namespace disconnect", `the server's reason, close=${close}`);
      if (!close) {
        socket.connect();
        await next(socket, "connect");
        if (socket.id === id) fail("the id was used twice");
      }
    }
  },

  async "the connection lost"(world) {
    const watcher = await connected(world);
    await watcher.timeout(WITHIN).emitWithAck("watch");
    const socket = await connected(world);
    const { id } = socket;
    const left = reasonOf(watcher, id);
    socket.io.engine.close();
    equal(await left, "transport close", "the server's reason");
  },

  async "disconnect and connect again, many times"(world) {
    const socket = open(world);
    const seen = new Set();
    for (let round = 0; round < 10; round++) {
      await next(socket, "connect");
      seen.add(socket.id);
      equal(await socket.timeout(WITHIN).emitWithAck("echo-ack", round), round, "echo");
      socket.disconnect();
      socket.connect();
    }
    equal(seen.size, 10, "ids");
  },

  async "large messages both ways"(world) {
    const socket = await connected(world);
    for (const size of [1, 125, 126, 127, 65_535, 65_536, 65_537, 700_000]) {
      const text = "é".repeat(size / 2) + "x".repeat(size % 2);
      equal(await socket.timeout(WITHIN).emitWithAck("echo-ack", text), text, `text of ${size}`);
      const data = new Uint8Array(size).fill(size % 251);
      equal(await socket.timeout(WITHIN).emitWithAck("echo-ack", data), data, `binary of ${size}`);
    }
    for (const binary of [false, true]) {
      const answer = await socket.timeout(WITHIN).emitWithAck("big", 3_000_000, binary);
      equal(binary ? answer.byteLength : answer.length, 3_000_000, "larger than a client may send");
    }
  },

  async "a message too large ends the connection, and no other"(world) {
    const [socket, bystander] = await Promise.all([connected(world), connected(world)]);
    socket.emit("echo", "x".repeat(1_000_001));
    const [reason] = await next(socket, "disconnect");
    if (!["transport close", "transport error"].includes(reason)) fail(reason);
    equal(await bystander.timeout(WITHIN).emitWithAck("echo-ack", 1), 1, "bystander");
  },

  async "order is kept through the upgrade, in both directions"(world) {
    const total = 2000;
    const socket = open(world);
    const items = collect(socket, "item");
    await next(socket, "connect");
    socket.emit("stream", total, 10);
    let sent = 0;
    while (sent < total) {
      for (let burst = 0; burst < 10; burst++) socket.emit("count", sent++);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const counted = await socket.timeout(WITHIN).emitWithAck("counted");
    equal(counted, { counted: total, gap: null }, "what the server counted");
    const seen = (await items.until(total, 20_000)).flat();
    equal(seen, [...seen.keys()], "what the client received");
    await settled(world, socket);
  },

  async "acknowledgements and binary around the upgrade"(world) {
    const sockets = Array.from({ length: 5 }, () => open(world));
    await Promise.all(
      sockets.map(async (socket) => {
        const answers = [];
        for (let number = 0; number < 40; number++) {
          const value = number % 2 ? number : new Uint8Array([number]);
          answers.push(socket.timeout(WITHIN).emitWithAck("echo-ack", value).then((answer) => equal(answer, value, "echo")));
          if (number % 4 === 3) await answers.at(-1);
        }
        await Promise.all(answers);
        await settled(world, socket);
      }),
    );
  },

  async "many clients at once"(world) {
    // A browser opens six connections to a host at most, and each long-polling client holds one.
    const sockets = await Promise.all(Array.from({ length: world.browser ? 4 : 25 }, () => connected(world)));
    equal(new Set(sockets.map((socket) => socket.id)).size, sockets.length, "ids");
    const arrived = sockets.map((socket) => next(socket, "to all"));
    await sockets[0].timeout(WITHIN).emitWithAck("publish", { from: "server", event: "to all", arguments: [1] });
    equal((await Promise.all(arrived)).flat(), sockets.map(() => 1), "broadcast");
  },

  async "a volatile event reaches a client that is ready"(world) {
    const socket = await connected(world);
    // Over long-polling a client is ready while a request of its waits: ask until one did.
    const arrived = next(socket, "perhaps");
    let done = false;
    arrived.then(() => (done = true));
    while (!done) {
      socket.emit("volatile");
      await flushed(socket);
    }
    equal(await arrived, [1], "perhaps");
  },

  async "auth that expires is told before the disconnection"(world) {
    const socket = await connected(world);
    const seen = [];
    socket.on("auth_expired", () => seen.push("auth_expired", socket.connected));
    const gone = next(socket, "disconnect");
    socket.emit("expire", 0.1);
    equal((await gone)[0], "io server disconnect", "reason");
    equal(seen, ["auth_expired", true], "seen");
    socket.connect();
    await next(socket, "connect");
    equal(await socket.timeout(WITHIN).emitWithAck("join", "room"), ["room"], "back");
  },

  async "catch-alls hear what comes and what leaves"(world) {
    const [a, b] = await Promise.all([connected(world), connected(world)]);
    const ask = (socket, ...values) => socket.timeout(WITHIN).emitWithAck(...values);
    const blob = new Uint8Array([0, 255]);
    await ask(a, "join", "room");
    equal(await ask(a, "listen"), true, "listen");
    a.emit("echo", "é", { data: blob }, null);
    a.emit("unheard", 1);
    await ask(a, "join", "other");
    const order = { from: "server", event: "news", arguments: [1, { data: blob }] };
    await ask(b, "publish", { ...order, to: ["room", "other"] });
    await ask(b, "publish", { ...order, to: [a.id] });
    await ask(b, "publish", { ...order, from: "socket" });
    await ask(b, "publish", { ...order, to: ["nobody"] });
    await ask(b, "publish", { ...order, except: ["room"] });
    const news = ["news", 1, { data: blob }];
    const heard = await ask(a, "heard");
    equal(heard.in, [["echo", "é", { data: blob }, null], ["unheard", 1], ["join", "other"], ["heard"]], "what came");
    equal(heard.out, [["echo", "é", { data: blob }, null], news, news, news], "what left");
    await ask(a, "join", "third");
    equal(await ask(a, "heard"), heard, "after the listeners were taken away");
  },

  async "reconnection when the server was stopped and started"(world) {
    await reconnects(world, "stop");
  },

  async "reconnection when the server was killed"(world) {
    await reconnects(world, "kill");
  },
};

/** For a page of another origin that the server allows: with a header that makes the browser ask first. */
scenarios["another origin, allowed"] = async (world) => {
  const socket = await connected(world, { withCredentials: true, extraHeaders: { "X-Conformance": "yes" } });
  equal(await socket.timeout(WITHIN).emitWithAck("echo-ack", "across"), "across", "echo");
  const told = await socket.timeout(WITHIN).emitWithAck("handshake");
  equal(told.xdomain, true, "xdomain");
  // A browser lets no page add headers to a WebSocket.
  equal(told.header, world.transports[0] === "polling" ? "yes" : null, "header");
};

/** For a page of another origin that the server does not allow. */
scenarios["another origin, refused"] = async (world) => {
  const socket = open(world);
  socket.on("connect", () => fail("connected"));
  const [error] = await next(socket, "connect_error");
  equal(error.type, "TransportError", "error");
};

async function reconnects(world, end) {
  const socket = open(world, "/", { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100 });
  await next(socket, "connect");
  await settled(world, socket);
  const { id } = socket;
  const lost = next(socket, "disconnect");
  await world.host(end);
  const [reason] = await lost;
  // With "io server disconnect" the client would not come back.
  if (!["transport close", "transport error"].includes(reason)) fail(reason);
  socket.emit("echo", "written while offline");
  const [connect, echo] = [next(socket, "connect", 10_000), next(socket, "echo", 10_000)];
  await world.host("start");
  await connect;
  if (socket.id === id || socket.recovered) fail("a session of the old server");
  equal(await echo, ["written while offline"], "echo");
  await settled(world, socket);
}
