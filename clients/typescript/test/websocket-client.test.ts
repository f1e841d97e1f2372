import { getEventListeners } from "node:events";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket as NodeWebSocket } from "ws";
import {
  BufferFull,
  backoff,
  isTransient,
  type Message,
  NotConnected,
  type Options,
  type State,
  WebSocketClient,
} from "../src/websocket-client.js";
import { EchoServer, fileOf, Network } from "./server.js";

const Socket = NodeWebSocket as unknown as NonNullable<Options["WebSocket"]>;
const QUICK = { WebSocket: Socket, reconnectionDelay: 10, reconnectionDelayMax: 100 };

/** A client, closed with the test, and what it tells. */
function make(url: ConstructorParameters<typeof WebSocketClient>[0], options: Options = {}) {
  const ws = new WebSocketClient(url, { ...QUICK, ...options });
  const states: State[] = [];
  const messages: Message[] = [];
  ws.on("state", (state) => states.push(state));
  ws.on("message", (message) => messages.push(message));
  onTestFinished(() => ws.close());
  const names = () => states.map((state) => state.name);
  const named = (name: State["name"]) => states.filter((state) => state.name === name);
  const state = async (name: State["name"], count = 1): Promise<State> => {
    await until(() => named(name).length >= count);
    return named(name)[count - 1] as State;
  };
  const next = async (count = 1): Promise<Message[]> => {
    await until(() => messages.length >= count);
    return messages.splice(0, count);
  };
  return { ws, states, names, named, state, next, messages };
}

const WITHIN = 10_000;
const bytes = (message: Message | undefined) => new Uint8Array(message as ArrayBuffer);

/** A turn of the real event loop, whatever the test's clock says: sockets and files bring what they have. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Waits for a condition; between two looks `then` may let time go by. */
async function until(holds: () => boolean, then: () => unknown = () => {}): Promise<void> {
  const end = performance.now() + WITHIN;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`expected within ${WITHIN} ms: ${holds}`);
    await then();
    await turn();
  }
}

/** The client's clock stands still, and goes on by what `advance` is told; sockets and files are the real ones. */
function holdTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}
const advance = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
/** What a client that looks every ten milliseconds needs to see what happened. */
const look = () => advance(10);

describe("messages", () => {
  test("text, bytes, views and blobs, there and back", async () => {
    const { ws, next, states } = make((await EchoServer.start()).url);
    await ws.connect();
    ws.send("grüße 🎐");
    ws.send("");
    ws.send(new Uint8Array([0, 255]).buffer);
    ws.send(new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
    ws.send(new Blob(["a ", "blob"]));
    const [text, empty, buffer, view, blob] = await next(5);
    expect([text, empty]).toEqual(["grüße 🎐", ""]);
    expect([bytes(buffer), bytes(view)]).toEqual([new Uint8Array([0, 255]), new Uint8Array([2, 3])]);
    expect(new TextDecoder().decode(bytes(blob))).toBe("a blob");
    expect(states).toEqual([
      { name: "connecting", attempt: 0 },
      { name: "open", attempt: 0 },
    ]);
  });

  test("bytes as blobs, when that is asked for", async () => {
    const { ws, next } = make((await EchoServer.start()).url, { binaryType: "blob" });
    await ws.connect();
    ws.send(new Uint8Array([7]));
    const [blob] = await next();
    expect(blob).toBeInstanceOf(Blob);
    expect(new Uint8Array(await (blob as Blob).arrayBuffer())).toEqual(new Uint8Array([7]));
  });

  test("JSON goes to its listeners, and what is none to the others", async () => {
    const { ws, next, messages } = make((await EchoServer.start()).url);
    const values: unknown[] = [];
    const off = ws.on("json", (value) => values.push(value));
    await ws.connect();
    ws.sendJson({ a: [1, null, "ü"] });
    ws.send("no json");
    expect(await next()).toEqual(["no json"]);
    expect(values).toEqual([{ a: [1, null, "ü"] }]);
    off();
    ws.sendJson([]);
    expect(await next()).toEqual(["[]"]);
    expect(messages).toEqual([]);
    expect(() => ws.sendJson(undefined)).toThrow(TypeError);
  });

  test("a listener that fails is its own affair", async () => {
    const { ws, next } = make((await EchoServer.start()).url);
    const reported: Error[] = [];
    const others = process.listeners("uncaughtException"); // the test runner's, to which any is a failure
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => reported.push(error));
    onTestFinished(() => {
      process.removeAllListeners("uncaughtException");
      for (const other of others) process.on("uncaughtException", other);
    });
    ws.on("message", () => {
      throw new Error("mine");
    });
    await ws.connect();
    ws.send("one");
    ws.send("two");
    expect(await next(2)).toEqual(["one", "two"]);
    await until(() => reported.length >= 2);
    expect(reported.map(({ message }) => message)).toEqual(["mine", "mine"]);
  });

  test("the server chooses a subprotocol; the URL may be a function", async () => {
    const server = await EchoServer.start();
    let asked = 0;
    const url = async () => {
      asked += 1;
      return server.url.replace("ws:", "http:");
    };
    const opened: string[] = [];
    class Noting extends Socket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols);
        opened.push(url);
      }
    }
    const { ws, state } = make(url, { protocols: ["one", "two"], WebSocket: Noting });
    await ws.connect();
    expect(ws.protocol).toBe("two");
    ws.send("!close 1012");
    await state("open", 2);
    expect(asked).toBe(2);
    expect(opened).toEqual([server.url, server.url]);
  });
});

describe("files", () => {
  test("in chunks, with others between them", async () => {
    const server = await EchoServer.start();
    const { ws, next } = make(server.url);
    const file = await fileOf(1_000_003);
    const progress: number[] = [];
    await ws.connect();
    const sent = ws.sendFile(file, {
      onProgress: (done) => {
        if (progress.push(done) === 3) ws.send("between");
      },
    });
    expect(await sent).toBe(1_000_003);
    const received = await next(17);
    expect(received[3]).toBe("between");
    const chunks = received.filter((each) => each !== "between").map(bytes);
    expect(Buffer.concat(chunks).equals(Buffer.from(await file.arrayBuffer()))).toBe(true);
    expect(progress).toEqual([...Array(15).keys()].map((n) => (n + 1) * 65_536).concat(1_000_003));
    expect(await ws.sendFile(new Blob([]))).toBe(0);
    await expect(ws.sendFile(file, { chunkSize: 0 })).rejects.toThrow(RangeError);
  });

  test("no more than the network takes is read", async () => {
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    const { ws } = make(network.url);
    const file = await fileOf(64 * 1024 * 1024);
    await ws.connect();
    network.silence();
    let sent = 0;
    const sending = ws.sendFile(file, { onProgress: (done) => (sent = done) });
    await until(() => ws.bufferedAmount > 1024 * 1024);
    // Whoever reads on regardless of the network is through by then.
    for (let at = 0; at < file.size; at += 65_536) await file.slice(at, at + 65_536).arrayBuffer();
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(16 * 1024 * 1024);
    expect(ws.bufferedAmount).toBeLessThan(2 * 1024 * 1024);
    network.resume();
    expect(await sending).toBe(file.size);
    await until(() => server.received.length === 1024);
    expect(Buffer.concat(server.received as Buffer[]).equals(Buffer.from(await file.arrayBuffer()))).toBe(true);
  });

  test("it waits for the connection, and says where that was lost", async () => {
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    const { ws, state } = make(network.url);
    const file = await fileOf(32 * 1024 * 1024);
    await expect(ws.sendFile(file)).rejects.toThrow(NotConnected);
    void ws.connect();
    const early = ws.sendFile(new Blob(["early"]));
    expect(await early).toBe(5);
    network.silence();
    const sending = ws.sendFile(file);
    await until(() => ws.bufferedAmount > 0);
    network.cut();
    await expect(sending).rejects.toThrow(/lost \d+ bytes into the file: 1006/);
    network.resume();
    await state("open", 2);
  });

  test("it is sent when it has left, and not before", async () => {
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    holdTime();
    const { ws } = make(network.url);
    await ws.connect();
    network.silence();
    await until(
      () => ws.bufferedAmount > 0,
      () => ws.send(new Uint8Array(100_000)),
    );
    let given = 0;
    let done = false;
    void ws.sendFile(new Blob(["small"]), { onProgress: (sent) => (given = sent) }).then(() => (done = true));
    await until(() => given === 5);
    await advance(60_000);
    expect(done).toBe(false);
    network.resume();
    await until(() => done, look);
  });

  test("it can be given up", async () => {
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    const { ws } = make(network.url);
    await ws.connect();
    network.silence();
    const giveUp = new AbortController();
    const sending = ws.sendFile(await fileOf(32 * 1024 * 1024), { signal: giveUp.signal });
    await until(() => ws.bufferedAmount > 0);
    giveUp.abort();
    await expect(sending).rejects.toThrow("aborted");
    network.resume();
    await ws.drain();
  });
});

describe("close codes", () => {
  test.each([1001, 1011, 1012, 1013, 1014])("it comes back after %i", async (code) => {
    const { ws, state } = make((await EchoServer.start()).url);
    await ws.connect();
    ws.send(`!close ${code} why`);
    expect(await state("reconnecting")).toMatchObject({ attempt: 1, closure: { code, reason: "why" } });
    await state("open", 2);
  });

  test.each([1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 4000, 4999])("not after %i", async (code) => {
    const { ws, state, names } = make((await EchoServer.start()).url);
    await ws.connect();
    ws.send(`!close ${code} why`);
    expect(await state("closed")).toEqual({ name: "closed", closure: { code, reason: "why" } });
    expect(names()).toEqual(["connecting", "open", "closed"]);
    await ws.connect();
    expect(ws.state.name).toBe("open");
  });

  test("every code has its side", () => {
    for (let code = 0; code < 5000; code++) {
      expect(isTransient({ code, reason: "" })).toBe([1001, 1006, 1011, 1012, 1013, 1014].includes(code));
    }
  });

  test("the application may decide", async () => {
    const server = await EchoServer.start();
    const { ws, state } = make(server.url, { reconnectAfter: ({ code }) => code === 4001 });
    await ws.connect();
    ws.send("!close 4001");
    await state("open", 2);
    ws.send("!close 1012");
    await state("closed");
  });

  test("closing sends first what was sent before", async () => {
    const server = await EchoServer.start();
    const { ws, states } = make(server.url);
    await ws.connect();
    for (let number = 0; number < 100; number++) ws.send(String(number));
    await ws.close(4000, "grüße");
    expect(states.at(-1)).toEqual({ name: "closed", closure: { code: 4000, reason: "grüße" } });
    expect(server.received).toEqual([...Array(100).keys()].map(String));
    for (const code of [999, 1001, 1006, 2999, 5000]) await expect(ws.close(code)).rejects.toThrow(RangeError);
    await expect(ws.close(1000, "é".repeat(62))).rejects.toThrow(RangeError);
    await expect(ws.drain()).resolves.toBeUndefined();
  });

  test("closing ends although the server does not answer", async () => {
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    const { ws, states } = make(network.url);
    await ws.connect();
    network.silence();
    holdTime();
    const closing = ws.close();
    await advance(1999);
    expect(states.at(-1)?.name).toBe("open");
    await advance(1);
    await closing;
    expect(states.at(-1)).toEqual({ name: "closed", closure: { code: 1000, reason: "" } });
  });
});

describe("coming back", () => {
  test("a server that was killed, and is there again", async () => {
    const server = await EchoServer.start();
    const { ws, state, states, named, next } = make(server.url);
    await ws.connect();
    await server.kill();
    expect(await state("reconnecting")).toMatchObject({ attempt: 1, closure: { code: 1006 } });
    await state("reconnecting", 3);
    const buffer = new Uint8Array([1, 2, 3]);
    ws.send("meanwhile");
    ws.send(buffer);
    buffer.fill(9); // it is as it was when it was sent
    ws.sendJson({ also: true });
    await server.start();
    const back = (await state("open", 2)) as State & { attempt: number };
    const [text, binary, json] = await next(3);
    expect([text, bytes(binary), json]).toEqual(["meanwhile", new Uint8Array([1, 2, 3]), '{"also":true}']);
    const paused = named("reconnecting") as (State & { attempt: number; delay: number })[];
    expect(paused.map(({ attempt }) => attempt)).toEqual([...Array(back.attempt).keys()].map((n) => n + 1));
    for (const { delay } of paused) {
      expect(delay).toBeGreaterThan(0);
      expect(delay).toBeLessThanOrEqual(100);
    }
    expect(states.filter(({ name }) => name === "connecting")).toHaveLength(back.attempt + 1);
  });

  test("a connection that was torn", async () => {
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    const { ws, state, next } = make(network.url);
    await ws.connect();
    for (let number = 2; number < 5; number++) {
      network.cut();
      await state("open", number);
      ws.send(String(number));
      expect(await next()).toEqual([String(number)]);
    }
  });

  test("a server that says nothing is not waited for without end", async () => {
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    network.silence();
    const { ws, state } = make(network.url, { timeout: 50 });
    void ws.connect();
    expect(await state("reconnecting")).toMatchObject({ closure: { code: 1006, reason: /within 50 ms/ } });
    network.resume();
    await state("open");
  });

  test("attempts are counted, and have an end", async () => {
    const server = await EchoServer.start();
    await server.kill();
    const { ws, named } = make(server.url, { reconnectionAttempts: 3 });
    for (let time = 0; time < 2; time++) await expect(ws.connect()).rejects.toThrow(NotConnected);
    expect(named("connecting").map((state) => "attempt" in state && state.attempt)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    const never = make(server.url, { reconnection: false });
    await expect(never.ws.connect()).rejects.toMatchObject({ closure: { code: 1006 } });
    expect(never.names()).toEqual(["connecting", "closed"]);
  });

  test("a URL that is none is not tried again; a function that fails is", async () => {
    const wrong = make("gopher://nowhere");
    await expect(wrong.ws.connect()).rejects.toThrow(NotConnected);
    expect(wrong.names()).toEqual(["connecting", "closed"]);
    const server = await EchoServer.start();
    let asked = 0;
    const { ws, state } = make(() => {
      if (++asked === 1) throw new Error("no token");
      return server.url;
    });
    await ws.connect();
    expect(await state("reconnecting")).toMatchObject({ closure: { code: 1006, reason: "Error: no token" } });
  });

  test("a server that fails everybody is asked ever less often", async () => {
    const server = await EchoServer.start();
    vi.useFakeTimers({ toFake: ["Date"] }); // no connection stands for any time
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { ws, named, state } = make(server.url, {
      randomizationFactor: 0,
      reconnectionDelay: 40,
      reconnectionDelayMax: 5000,
    });
    ws.on("state", (each) => each.name === "open" && ws.send("!close 1011"));
    await ws.connect();
    await state("reconnecting", 4);
    expect(named("reconnecting").map((each) => "delay" in each && each.delay)).toEqual([40, 80, 160, 320]);
  });

  test("a connection that stood begins anew", async () => {
    const server = await EchoServer.start();
    holdTime();
    const { ws, state } = make(server.url, { randomizationFactor: 0 });
    await ws.connect();
    for (let number = 1; number < 4; number++) {
      await advance(10);
      ws.send("!close 1012");
      expect(await state("reconnecting", number)).toMatchObject({ attempt: 1, delay: 10 });
      await advance(10);
      await state("open", number + 1);
    }
  });

  test("closing while it waits", async () => {
    const server = await EchoServer.start();
    await server.kill();
    const { ws, state, states } = make(server.url, { reconnectionDelay: 60_000, reconnectionDelayMax: 60_000 });
    const connecting = ws.connect();
    await state("reconnecting");
    ws.send("x");
    const waiting = [connecting, ws.sendFile(new Blob(["x"])), ws.drain()];
    await ws.close(4000);
    for (const each of waiting) await expect(each).rejects.toThrow(NotConnected);
    expect(states.at(-1)).toEqual({ name: "closed", closure: { code: 4000, reason: "" } });
  });

  test("closing while it asks for the URL", async () => {
    const server = await EchoServer.start();
    let give = (_: string) => {};
    const { ws, names } = make(() => new Promise<string>((resolve) => (give = resolve)));
    void ws.connect();
    await ws.close();
    give(server.url);
    await turn();
    const other = make(server.url);
    await other.ws.connect();
    other.ws.send("later");
    await other.next();
    expect(names()).toEqual(["connecting", "closed"]);
    expect(server.connections).toBe(1);
  });
});

describe("what waits", () => {
  test("has a bound while offline", () => {
    const { ws } = make("ws://127.0.0.1:9", { maxBufferedBytes: 10_000 });
    for (let number = 0; number < 3; number++) ws.send("x".repeat(2500));
    for (const more of ["x".repeat(2500), new Uint8Array(2500), new Blob(["x".repeat(2500)])]) {
      expect(() => ws.send(more)).toThrow(BufferFull);
    }
    ws.send("a small one has room");
    expect(ws.bufferedAmount).toBe(3 * 2756 + 20 + 256);
    const empty = make("ws://127.0.0.1:9", { maxBufferedBytes: 10 });
    empty.ws.send("one message has room however large it is");
    expect(() => empty.ws.send("")).toThrow(BufferFull);
  });

  test("has the same for a slow server, and loses nothing that it took", async () => {
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    const { ws, next } = make(network.url, { maxBufferedBytes: 1_000_000 });
    await ws.connect();
    network.silence();
    let sent = 0;
    const pour = () => {
      for (; sent < 1000; sent++) ws.send(new Uint8Array(100_000));
    };
    expect(pour).toThrow(BufferFull);
    holdTime();
    let drained = false;
    void ws.drain().then(() => (drained = true));
    await advance(60_000);
    expect(drained).toBe(false);
    network.resume();
    await until(() => drained, look);
    expect((await next(sent)).every((each) => bytes(each).length === 100_000)).toBe(true);
  });

  test("keeps its order", async () => {
    const server = await EchoServer.start();
    const { ws, next } = make(server.url);
    for (let number = 0; number < 500; number++) ws.send(String(number));
    await ws.connect();
    for (let number = 500; number < 1000; number++) ws.send(String(number));
    expect(await next(1000)).toEqual([...Array(1000).keys()].map(String));
  });
});

test("the back-off doubles up to its maximum, with jitter both ways", () => {
  const options = { reconnectionDelay: 1000, reconnectionDelayMax: 5000, randomizationFactor: 0 };
  expect([0, 1, 2, 3, 1e9].map((attempt) => backoff(attempt, options))).toEqual([1000, 2000, 4000, 5000, 5000]);
  const jittery = { reconnectionDelay: 2000, reconnectionDelayMax: 1e6, randomizationFactor: 0.5 };
  expect([0, 0.5, 1].map((random) => backoff(0, jittery, () => random))).toEqual([1000, 2000, 3000]);
  for (let time = 0; time < 1000; time++) {
    const attempt = time % 20;
    const exact = 2000 * 2 ** attempt;
    const delay = backoff(attempt, jittery);
    expect(delay).toBeGreaterThanOrEqual(Math.min(exact / 2, 1e6));
    expect(delay).toBeLessThanOrEqual(Math.min(exact * 1.5, 1e6));
  }
});

test("the states are iterated over", async () => {
  const { ws, states, state } = make((await EchoServer.start()).url);
  const collect = async (from: AsyncIterable<State>) => {
    const found: State[] = [];
    for await (const each of from) found.push(each);
    return found;
  };
  const early = collect(ws.states());
  await ws.connect();
  ws.send("!close 1012 again");
  await state("open", 2);
  const late = collect(ws.states());
  ws.send("!close 4000 enough");
  expect(await early).toEqual([{ name: "closed", closure: null }, ...states]);
  expect((await late).map(({ name }) => name)).toEqual(["open", "closed"]);
});

test("states that nobody asks for are bounded", async () => {
  let opened = 0;
  class Refusing extends EventTarget {
    readyState = 3;
    onclose: ((event: { code: number; reason: string }) => void) | null = null;
    constructor() {
      super();
      opened += 1;
      queueMicrotask(() => this.onclose?.({ code: 1006, reason: "" }));
    }
    close() {}
  }
  const WebSocket = Refusing as unknown as NonNullable<Options["WebSocket"]>;
  const ws = new WebSocketClient("ws://127.0.0.1/", { WebSocket, reconnectionDelay: 0, reconnectionAttempts: 800 });
  const states = ws.states();
  await states.next();
  await expect(ws.connect()).rejects.toThrow(NotConnected);
  expect(opened).toBe(801);
  const kept: State[] = [];
  for await (const state of states) kept.push(state);
  expect(kept).toHaveLength(1000);
  expect(kept.at(-1)?.name).toBe("closed");
});

describe("a heartbeat", () => {
  const heartbeat = { message: "?", interval: 40, timeout: 80 };

  test("keeps a connection whose server answers", async () => {
    const server = await EchoServer.start();
    holdTime();
    const { ws, names, next } = make(server.url, { heartbeat });
    await ws.connect();
    for (const silence of [40, 81, 81, 81]) {
      await advance(silence);
      expect(await next()).toEqual(["?"]);
    }
    expect(names()).toEqual(["connecting", "open"]);
  });

  test("notices a network that is silent", async () => {
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    const { ws, state } = make(network.url, { heartbeat, timeout: 200 });
    await ws.connect();
    network.silence();
    expect(await state("reconnecting")).toMatchObject({ closure: { code: 1006, reason: /within 80 ms/ } });
    network.resume();
    await state("open", 2);
  });

  test("does not take a slow network for a dead one", async () => {
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    holdTime();
    const { ws, names } = make(network.url, { heartbeat: { message: "?", interval: 10_000, timeout: 10_000 } });
    await ws.connect();
    ws.send("!mute");
    await until(() => server.received.length > 0);
    network.silence();
    const enough = new AbortController();
    const file = new Blob([new Uint8Array(128 * 1024 * 1024)]);
    const sending = expect(ws.sendFile(file, { signal: enough.signal })).rejects.toThrow("aborted");
    const full = () => until(() => ws.bufferedAmount > 1024 * 1024, look);
    await full();
    await advance(10_000); // it asks
    for (let heartbeat = 0; heartbeat < 3; heartbeat++) {
      const waiting = ws.bufferedAmount;
      network.resume();
      await until(() => ws.bufferedAmount < waiting);
      network.silence();
      await full();
      await advance(10_001); // it has no answer, and asks again
      expect(names()).toEqual(["connecting", "open"]);
    }
    enough.abort();
    await advance(10);
    await sending;
    network.resume();
    await until(() => server.received.filter((each) => each === "?").length >= 3);
  });

  test("is not needed while the server speaks", async () => {
    const server = await EchoServer.start();
    holdTime();
    const { ws, next } = make(server.url, { heartbeat: { message: "?", interval: 200, timeout: 200 } });
    await ws.connect();
    for (let time = 0; time < 30; time++) {
      await advance(150);
      ws.send("mine");
      await next();
    }
    expect(server.received).not.toContain("?");
  });
});

describe("the page", () => {
  const page = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const navigator = { onLine: true };
  const SHOWN = "visibilitychange";
  const slow = { reconnectionDelay: 60_000, reconnectionDelayMax: 60_000 };

  /** What a browser has, and Node.js has not. */
  function beInABrowser() {
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("document", document);
    vi.stubGlobal("navigator", navigator);
  }
  function goOnline(online: boolean) {
    navigator.onLine = online;
    page.dispatchEvent(new Event(online ? "online" : "offline"));
  }
  function show(visible: boolean) {
    document.visibilityState = visible ? "visible" : "hidden";
    document.dispatchEvent(new Event(SHOWN));
  }
  afterEach(() => {
    goOnline(true);
    show(true);
    vi.unstubAllGlobals();
  });

  test("offline is a loss, and online the time to come back", async () => {
    beInABrowser();
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    holdTime();
    const { ws, state, names } = make(network.remoteUrl, { reconnectionDelay: 20, reconnectionDelayMax: 20 });
    await ws.connect();
    goOnline(false);
    expect(await state("reconnecting")).toMatchObject({ closure: { code: 1006, reason: "the network is gone" } });
    await advance(60_000);
    expect(names()).toEqual(["connecting", "open", "reconnecting"]);
    goOnline(true);
    await state("open", 2);
    expect(server.connections).toBe(2);
  });

  test("offline while it waits: it does not try in vain", async () => {
    beInABrowser();
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    holdTime();
    const { ws, state, names } = make(network.remoteUrl, { reconnectionDelay: 50, randomizationFactor: 0 });
    await ws.connect();
    ws.send("!close 1012");
    await state("reconnecting");
    goOnline(false);
    await advance(60_000);
    expect(names()).toEqual(["connecting", "open", "reconnecting"]);
    goOnline(true);
    await state("open", 2);
  });

  test("this machine is there without a network", async () => {
    beInABrowser();
    const server = await EchoServer.start();
    const { ws, state, names } = make(server.url);
    await ws.connect();
    goOnline(false);
    expect(names()).toEqual(["connecting", "open"]);
    ws.send("!close 1012");
    await state("open", 2);
  });

  test("a page that is shown does not wait; one that is hidden does", async () => {
    beInABrowser();
    const server = await EchoServer.start();
    const { ws, state, names } = make(server.url, slow);
    await ws.connect();
    show(false);
    ws.send("!close 1012");
    await state("reconnecting");
    goOnline(true);
    expect(names()).toEqual(["connecting", "open", "reconnecting"]);
    show(true);
    await state("open", 2);
  });

  test("a page that is shown asks at once whether the server lives", async () => {
    beInABrowser();
    const server = await EchoServer.start();
    const network = await Network.to(server.port);
    holdTime();
    const { ws, state, next } = make(network.url, { heartbeat: { message: "?", interval: 60_000, timeout: 50 } });
    await ws.connect();
    show(false);
    show(true);
    await advance(0);
    expect(await next()).toEqual(["?"]);
    await advance(50);
    expect(ws.state.name).toBe("open");
    network.silence();
    show(false);
    show(true);
    await advance(50);
    await state("reconnecting");
    network.resume();
  });

  test("nobody listens to the page any more once it is closed", async () => {
    beInABrowser();
    const server = await EchoServer.start();
    const { ws, names } = make(server.url);
    const listening = () =>
      [getEventListeners(page, "online"), getEventListeners(page, "offline"), getEventListeners(document, SHOWN)].map(
        ({ length }) => length,
      );
    await ws.connect();
    expect(listening()).toEqual([1, 1, 1]);
    await ws.close();
    expect(listening()).toEqual([0, 0, 0]);
    goOnline(false);
    goOnline(true);
    show(true);
    expect(names()).toEqual(["connecting", "open", "closed"]);
  });
});
