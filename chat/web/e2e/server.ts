import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { access, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** Starting includes the migrations; a busy machine takes a few seconds for it. */
const START_MS = 60_000;
const STOP_MS = 30_000;

/** Below the ports that a kernel gives to whoever asks for any: nobody takes it while the server is away. */
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

/** A real chat server of its own, with its own data, on a port of its own. */
export class ChatServer {
  readonly #data: string;
  readonly #settings: Record<string, string>;
  #process: ChildProcess | null = null;
  readonly #port: number;
  #output: string[] = [];

  private constructor(data: string, settings: Record<string, string>, port: number) {
    this.#data = data;
    this.#settings = settings;
    this.#port = port;
  }

  static async create(settings: Record<string, string> = {}): Promise<ChatServer> {
    await ChatServer.checkBuilt();
    const server = new ChatServer(await mkdtemp(join(tmpdir(), "windsock-e2e-")), settings, await freePort());
    await server.start();
    return server;
  }

  get url(): string {
    return `http://localhost:${this.#port}`;
  }

  /** The server serves what the build has left: without it there is nothing to look at. */
  static async checkBuilt(): Promise<void> {
    await access(join(repository, "chat", "web", "dist", "index.html")).catch(() => {
      throw new Error("chat/web/dist is missing: run «npm run build» first");
    });
  }

  /** Start, on the same port each time. */
  async start(): Promise<void> {
    const child = spawn(
      join(repository, ".venv", "bin", "windsock-chat"),
      ["serve", "--port", String(this.#port)],
      {
        cwd: this.#data,
        env: {
          ...process.env,
          WINDSOCK_CHAT_DATA: this.#data,
          // A password takes a tenth of a second of every processor otherwise.
          WINDSOCK_CHAT_PASSWORD_PASSES: "1",
          WINDSOCK_CHAT_PASSWORD_MEMORY_KIB: "64",
          WINDSOCK_CHAT_PASSWORD_LANES: "1",
          WINDSOCK_CHAT_RATE_FACTOR: "100",
          WINDSOCK_CHAT_PRESENCE_GRACE_SECONDS: "0.2",
          ...this.#settings,
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#failure("did not start in time")), START_MS);
      const read = (line: string) => {
        this.#output = [...this.#output.slice(-200), line];
        if (/listening on http:\/\/127\.0\.0\.1:\d+/.test(line)) {
          clearTimeout(timer);
          resolve();
        }
      };
      for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", read);
      child.once("exit", (code) => {
        clearTimeout(timer);
        reject(this.#failure(`ended with ${code}`));
      });
    });
  }

  /** Stop, as an administrator does: SIGTERM, and SIGKILL when that takes too long. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(timer);
    this.#process = null;
  }

  async dispose(): Promise<void> {
    await this.stop();
    await rm(this.#data, { recursive: true, force: true });
  }

  #failure(what: string): Error {
    return new Error(`windsock-chat ${what}:\n${this.#output.join("\n")}`);
  }
}
