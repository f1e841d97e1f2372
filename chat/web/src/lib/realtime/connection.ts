import { io, type Socket } from "socket.io-client";
import { create } from "zustand";
import { LoggedOut } from "@/lib/api/errors";
import type { Answer, ClientToServerEvents, RefusalData, ServerToClientEvents } from "@/lib/api/types";
import { backoff } from "@/lib/realtime/backoff";
import { NoAnswer } from "@/lib/realtime/refusal";

export interface ConnectionState {
  /** `waiting` between attempts. */
  status: "off" | "connecting" | "connected" | "waiting";
  /** When the next attempt starts, by this machine's clock. */
  nextAttemptAt: number | null;
  /** Since when there is no connection; null while there is one, and before the first. */
  lostSince: number | null;
}

const OFF: ConnectionState = { status: "off", nextAttemptAt: null, lostSince: null };

export const useConnection = create<ConnectionState>(() => OFF);

export interface ConnectionPorts {
  /** @throws LoggedOut when there is no session to connect with; anything else is tried again. */
  token(): Promise<string>;
  /** The server did not take the token: the next one must be a new one. */
  renew(): Promise<void>;
  connected(): void;
  disconnected(): void;
}

/** How long an acknowledgement may take. A server under load answers in milliseconds. */
const ACK_MS = 10_000;

/** How long a connection may take from the first byte to the server's welcome. */
const CONNECT_MS = 15_000;

type ChatSocket = Socket<ServerToClientEvents, ClientToServerEvents>;
type Payload<Event extends keyof ClientToServerEvents> = Parameters<ClientToServerEvents[Event]>[0];

/**
 * One socket, kept connected. The client's own reconnection is off: it neither says when it will try again,
 * nor tries again after a refusal, and both are needed here.
 */
export class Connection {
  readonly socket: ChatSocket;
  readonly #ports: ConnectionPorts;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #guard: ReturnType<typeof setTimeout> | null = null;
  #attempt = 0;
  #stopped = true;

  constructor(ports: ConnectionPorts) {
    this.#ports = ports;
    this.socket = io({
      path: "/socket.io/",
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnection: false,
      autoConnect: false,
      forceNew: true,
      auth: (give) => void this.#authenticate(give),
    });
    this.socket.on("connect", () => this.#connected());
    this.socket.on("disconnect", () => this.#lost(null));
    this.socket.on("connect_error", (error) => void this.#refused(error));
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    globalThis.addEventListener("online", this.tryNow);
    document.addEventListener("visibilitychange", this.#seen);
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    globalThis.removeEventListener("online", this.tryNow);
    document.removeEventListener("visibilitychange", this.#seen);
    this.#clear();
    this.socket.disconnect();
    useConnection.setState(OFF);
  }

  /** Do not wait for the next attempt: the person asks, or the network is said to be back. */
  readonly tryNow = (): void => {
    if (this.#stopped || useConnection.getState().status !== "waiting") return;
    this.#attempt = 0;
    this.#connect();
  };

  /** Send and wait for the answer. Nothing is buffered while there is no connection. @throws NoAnswer */
  async ask<E extends keyof ClientToServerEvents>(event: E, payload: Payload<E>): Promise<Answer<E>> {
    if (!this.socket.connected) throw new NoAnswer("disconnected");
    try {
      const socket = this.socket.timeout(ACK_MS) as unknown as {
        emitWithAck(event: E, payload: unknown): Promise<never>;
      };
      return await socket.emitWithAck(event, payload);
    } catch {
      throw new NoAnswer(this.socket.connected ? "timeout" : "disconnected");
    }
  }

  /** Say something that is worthless later: dropped when there is no connection. */
  tell(event: "typing", payload: Payload<"typing">): void {
    if (!this.socket.connected) return;
    // Without the callback of its type: the server does not answer what does not ask for it.
    const socket = this.socket.volatile as unknown as { emit(event: string, payload: unknown): void };
    socket.emit(event, payload);
  }

  readonly #seen = (): void => {
    if (document.visibilityState === "visible") this.tryNow();
  };

  #connect(): void {
    this.#clear();
    useConnection.setState({ status: "connecting", nextAttemptAt: null });
    this.#guard = setTimeout(this.#abandon, CONNECT_MS);
    this.socket.connect();
    // A transport that opens and closes before the server's welcome is no error to the client: it would wait.
    this.socket.io.engine?.once("close", this.#abandon);
  }

  readonly #abandon = (): void => {
    if (useConnection.getState().status !== "connecting") return;
    this.socket.disconnect();
    this.#lost(null);
  };

  async #authenticate(give: (auth: Record<string, string>) => void): Promise<void> {
    try {
      give({ token: await this.#ports.token() });
    } catch (error) {
      if (this.#stopped || error instanceof LoggedOut) return;
      this.socket.disconnect();
      this.#lost(null);
    }
  }

  #connected(): void {
    this.#clear();
    this.#attempt = 0;
    useConnection.setState({ status: "connected", nextAttemptAt: null, lostSince: null });
    this.#ports.connected();
  }

  async #refused(error: Error): Promise<void> {
    const { data } = error as Error & { data?: RefusalData };
    if (data?.code === "unauthorized" || data?.code === "banned") {
      // A new token either works, or its refusal says why the session is over.
      await this.#ports.renew().catch(() => undefined);
    }
    this.#lost(data?.retry_after ?? null);
  }

  #lost(retryAfter: number | null): void {
    if (this.#stopped) return;
    const before = useConnection.getState();
    if (before.status === "waiting") return;
    this.#clear();
    const wait = Math.max(backoff(this.#attempt++, Math.random()), (retryAfter ?? 0) * 1000);
    this.#timer = setTimeout(() => this.#connect(), wait);
    useConnection.setState({
      status: "waiting",
      nextAttemptAt: Date.now() + wait,
      lostSince: before.lostSince ?? Date.now(),
    });
    if (before.status === "connected") this.#ports.disconnected();
  }

  #clear(): void {
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#guard) clearTimeout(this.#guard);
    this.#timer = null;
    this.#guard = null;
  }
}
