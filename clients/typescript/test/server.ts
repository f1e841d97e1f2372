/** A real server, and the network before it, that a test may take away. */

import { randomBytes, randomInt } from "node:crypto";
import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo, Socket } from "node:net";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type WebSocket as ServerSocket, WebSocketServer } from "ws";

/** Below the ports that a kernel gives to whoever asks for any: nobody takes one while its server is away. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** Sends back what comes; `!close CODE REASON` closes, after `!mute` it says no more. */
export class EchoServer {
  connections = 0;
  readonly received: (string | Buffer)[] = [];
  #server: WebSocketServer | undefined;
  port = 0;

  static async start(): Promise<EchoServer> {
    const server = new EchoServer();
    server.port = await freePort();
    await server.start();
    onTestFinished(() => server.kill());
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  async start(): Promise<void> {
    const server = new WebSocketServer({
      host: "127.0.0.1",
      port: this.port,
      handleProtocols: (offered) => [...offered].at(-1) ?? false,
      verifyClient: ({ req }, answer) => {
        const status = Number(req.url?.match(/^\/refuse\/(\d+)/)?.[1] ?? 0);
        answer(status === 0, status);
      },
    });
    server.on("connection", (socket) => this.#serve(socket));
    await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
    this.#server = server;
  }

  /** As a crash does it. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    for (const socket of server.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  }

  #serve(socket: ServerSocket): void {
    this.connections += 1;
    let mute = false;
    socket.on("error", () => {});
    socket.on("message", (data: Buffer, binary) => {
      const message = binary ? data : data.toString();
      this.received.push(message);
      const [order, code, ...reason] = binary ? [] : data.toString().split(" ");
      if (order === "!close") socket.close(Number(code), reason.join(" "));
      else if (order === "!mute") mute = true;
      else if (!mute) socket.send(message);
    });
  }
}

/** Forwards to a port, until it is told to be silent, or to tear what it carries. */
export class Network {
  readonly #sockets = new Set<Socket>();
  #silent = false;
  #port = 0;

  static async to(port: number): Promise<Network> {
    const network = new Network();
    const server = createServer((here) => {
      const there = createConnection(port, "127.0.0.1");
      for (const [one, other] of [
        [here, there],
        [there, here],
      ] as const) {
        network.#sockets.add(one);
        if (network.#silent) one.pause();
        one.on("data", (data) => {
          const taken = other.write(data);
          if (taken) return;
          one.pause();
          other.once("drain", () => network.#silent || one.resume());
        });
        one.on("error", () => {});
        one.on("close", () => other.destroy());
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    network.#port = (server.address() as AddressInfo).port;
    onTestFinished(async () => {
      network.cut();
      await new Promise((resolve) => server.close(resolve));
    });
    return network;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/`;
  }

  /** By a name that is not this machine's own, as far as the client can tell. */
  get remoteUrl(): string {
    return `ws://0.0.0.0:${this.#port}/`;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  silence(): void {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  resume(): void {
    this.#silent = false;
    for (const socket of this.#sockets) socket.resume();
  }
}

/** A blob that stands for a file on disk, as in a browser. */
export async function fileOf(size: number): Promise<Blob> {
  const folder = await mkdtemp(join(tmpdir(), "windsock-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "file");
  await writeFile(path, randomBytes(size));
  return openAsBlob(path);
}
