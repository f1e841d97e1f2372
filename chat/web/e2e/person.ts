import { io, type Socket } from "socket.io-client";
import type { Entry, Room, Session, User } from "../src/lib/api/types";
import { newId } from "../src/lib/ids";

export const PASSWORD = "a long enough password";

/** Somebody who uses the chat without a browser: fills rooms, answers, and so on. */
export class Person {
  readonly user: User;
  readonly #url: string;
  readonly #token: string;
  #socket: Socket | null = null;

  private constructor(url: string, session: Session) {
    this.#url = url;
    this.#token = session.access_token;
    this.user = session.user;
  }

  static async signUp(url: string, username: string, displayName: string): Promise<Person> {
    const body = { username, display_name: displayName, password: PASSWORD };
    const response = await fetch(`${url}/api/v1/auth/sign-up`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Origin: url },
      body: JSON.stringify(body),
    });
    return new Person(url, (await read(response)) as Session);
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${this.#token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await read(response)) as T;
  }

  createRoom(name: string, kind: "public" | "private" = "public", topic = ""): Promise<Room> {
    return this.call("POST", "/rooms", { kind, name, topic });
  }

  join(roomId: string): Promise<Room> {
    return this.call("POST", `/rooms/${roomId}/join`);
  }

  direct(userId: string): Promise<Room> {
    return this.call("POST", "/rooms/direct", { user_id: userId });
  }

  /** Connect, as a browser does when its page is open. */
  async connect(): Promise<Socket> {
    if (this.#socket?.connected) return this.#socket;
    const socket = io(this.#url, { auth: { token: this.#token }, transports: ["websocket"], forceNew: true });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    });
    return socket;
  }

  async send(roomId: string, text: string): Promise<Entry> {
    const socket = await this.connect();
    const payload = { room_id: roomId, client_id: newId(), text };
    const answer = await socket.timeout(30_000).emitWithAck("message:send", payload);
    if (answer.error) throw new Error(`not sent: ${JSON.stringify(answer.error)}`);
    return answer.entry;
  }

  async change(event: "message:edit" | "message:delete", payload: Record<string, unknown>): Promise<void> {
    const socket = await this.connect();
    const answer = await socket.timeout(30_000).emitWithAck(event, { ...payload, client_id: newId() });
    if (answer.error) throw new Error(`not changed: ${JSON.stringify(answer.error)}`);
  }

  async setTyping(roomId: string, typing: boolean): Promise<void> {
    (await this.connect()).emit("typing", { room_id: roomId, typing });
  }

  disconnect(): void {
    this.#socket?.disconnect();
    this.#socket = null;
  }
}

async function read(response: Response): Promise<unknown> {
  if (response.status === 204) return null;
  const body: unknown = await response.json();
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${JSON.stringify(body)}`);
  return body;
}
