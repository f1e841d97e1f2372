import { describe, expect, onTestFinished, test } from "vitest";
import { BufferFull, NotConnected } from "../src/websocket-client.js";
import { advance, bytes, holdTime, look, make, Socket, until } from "./client.js";
import { EchoServer, fileOf, Network } from "./server.js";

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
