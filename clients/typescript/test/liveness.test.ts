import { getEventListeners } from "node:events";
import { afterEach, describe, expect, test, vi } from "vitest";
import { advance, holdTime, look, make, until } from "./client.js";
import { EchoServer, Network } from "./server.js";

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
    holdTime();
    const { ws, state, named } = make(network.url, { heartbeat });
    await ws.connect();
    network.silence();
    await advance(40); // it asks
    await advance(79);
    expect(ws.state.name).toBe("open");
    await advance(1);
    expect(await state("reconnecting")).toMatchObject({ closure: { code: 1006, reason: /within 80 ms/ } });
    network.resume();
    await until(() => named("open").length === 2, look);
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
