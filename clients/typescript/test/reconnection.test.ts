import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  backoff,
  isTransient,
  NotConnected,
  type Options,
  type State,
  WebSocketClient,
} from "../src/websocket-client.js";
import { advance, bytes, holdTime, look, make, turn, until } from "./client.js";
import { EchoServer, Network } from "./server.js";

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
    holdTime();
    const { ws, state, names } = make(network.url, { timeout: 60_000 });
    void ws.connect();
    await advance(59_999);
    expect(names()).toEqual(["connecting"]);
    await advance(1);
    expect(await state("reconnecting")).toMatchObject({ closure: { code: 1006, reason: /within 60000 ms/ } });
    network.resume();
    await until(() => ws.state.name === "open", look);
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
