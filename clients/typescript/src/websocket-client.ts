/**
 * A WebSocket that comes back: for browsers, without dependencies, in one file to copy.
 *
 * It behaves as `windsock.WebSocketClient` does in Python: the same states, back-off and bound of what waits, and the
 * same close codes after which it comes back. Times are in milliseconds.
 */

/** What is received, by `binaryType`; what is sent may also be a view of a buffer. */
export type Message = string | ArrayBuffer | Blob;

/**
 * How a connection ended, or why there was none: RFC 6455, section 7.4. 1005 when the server gave no code, 1006 when it
 * did not say that it closes or could not be reached, for browsers do not tell the two apart.
 */
export interface Closure {
  readonly code: number;
  readonly reason: string;
}

/** What a client is at. `attempt` is 0 for the first connection, and from 1 on since one that stood was lost. */
export type State =
  | { readonly name: "connecting" | "open"; readonly attempt: number }
  | { readonly name: "reconnecting"; readonly attempt: number; readonly delay: number; readonly closure: Closure }
  /** It does not come back by itself; `null` before the first connection. */
  | { readonly name: "closed"; readonly closure: Closure | null };

export interface Events {
  /** Each state. */
  state: State;
  /** The value of each text message that is JSON, as long as somebody listens. */
  json: unknown;
  /** Each message that `json` does not take. */
  message: Message;
}

export interface Heartbeat {
  /** What is sent: browsers have no ping of their own. The server must answer it with a message. */
  readonly message: string;
  /** After so long a silence of the server. */
  readonly interval: number;
  /** Within which something must come; otherwise the connection is taken for dead. */
  readonly timeout: number;
}

export interface Options {
  /** Subprotocols to offer, the preferred first. */
  protocols?: string[];
  /** How binary messages are received; `"arraybuffer"` unless given. */
  binaryType?: "arraybuffer" | "blob";
  /** For each attempt to connect; 20 s. */
  timeout?: number;
  /** Whether to connect again after a loss or a failure; yes. */
  reconnection?: boolean;
  /** In a row; no end. */
  reconnectionAttempts?: number;
  /** Before the first attempt; 1 s. It doubles with each, until a connection has stood as long as was waited for it. */
  reconnectionDelay?: number;
  /** That no delay exceeds; 5 s. */
  reconnectionDelayMax?: number;
  /** 0 to 1: by how much of itself a delay is more or less; 0.5. */
  randomizationFactor?: number;
  /** Whether to come back after a closure, instead of `isTransient`. */
  reconnectAfter?: (closure: Closure) => boolean;
  /** Bytes that may wait to be sent, while offline or for a slow server; 16 MiB. */
  maxBufferedBytes?: number;
  /** None unless given: then a connection that is dead without saying so may stay unnoticed. */
  heartbeat?: Heartbeat;
  /** The class to use; the global one. Under Node.js 20, that of the `ws` package. */
  WebSocket?: new (
    url: string,
    protocols?: string[],
  ) => WebSocket;
}

export interface FileOptions {
  /** Bytes of a message; 64 KiB. */
  chunkSize?: number;
  /** Ends the sending between two chunks. */
  signal?: AbortSignal;
  /** Told the bytes that were sent so far. */
  onProgress?: (sent: number) => void;
}

/** More waits than may. */
export class BufferFull extends Error {
  override readonly name = "BufferFull";
}

/** There is no connection, and none is being made, or it was lost. */
export class NotConnected extends Error {
  override readonly name = "NotConnected";
  /** How the last connection ended; `null` if there was none. */
  readonly closure: Closure | null;

  constructor(message: string, closure: Closure | null) {
    super(message);
    this.closure = closure;
  }
}

/** 1001 going away, 1006 lost, 1011 internal error, 1012 restart, 1013 try again later, 1014 bad gateway. */
const TRANSIENT = new Set([1001, 1006, 1011, 1012, 1013, 1014]);

/**
 * Whether a closure may be over soon, so that a client comes back. Any other code says that the same would happen again,
 * or that it is not wanted: 1000 and 1005 the work is done, 1002, 1003, 1007 to 1010 what one side sent is wrong, and
 * from 3000 on the code is a library's or the application's own.
 */
export function isTransient(closure: Closure): boolean {
  return TRANSIENT.has(closure.code);
}

const ABNORMAL = 1006;
const MESSAGE_OVERHEAD = 256; // without it, empty messages would be free
const MAX_STATES = 1000; // kept for an iterator that nobody asks: an outage lasts as long as it likes
const HIGH_WATER = 1024 * 1024; // given to the browser ahead of the network: hidden pages are woken once a second
const POLL = 10; // the browser does not say when it has sent something
const CLOSE_TIMEOUT = 2000; // a server that is gone does not answer

const OPEN = 1; // WebSocket.OPEN, where there is no global WebSocket
const LOOPBACK = /^(?:localhost|.*\.localhost|127(?:\.\d+){3}|\[::1\])$/;

type Address = string | URL;
type Settings = Required<Omit<Options, "heartbeat" | "WebSocket">> & Pick<Options, "heartbeat" | "WebSocket">;
type Sendable = string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob;

export class WebSocketClient {
  readonly #url: Address | (() => Address | Promise<Address>);
  readonly #options: Settings;
  readonly #listeners: { [E in keyof Events]: Set<(value: Events[E]) => void> } = {
    state: new Set(),
    json: new Set(),
    message: new Set(),
  };
  #state: State = { name: "closed", closure: null };
  /** Of the attempt under way, or of the connection that stands. */
  #socket: WebSocket | null = null;
  #queue: Sendable[] = [];
  #queuedBytes = 0;
  #attempts = 0;
  #delay = 0;
  #openedAt = 0;
  #heardAt = 0;
  /** Bytes given to this socket; without its `bufferedAmount`, those that have left. */
  #given = 0;
  #local = false;
  #leaving: Closure | null = null;
  /** Of the time-out of an attempt, or of the pause before the next. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setTimeout> | undefined;
  /** Ends what was begun by `connect`. */
  #life = new AbortController();

  /**
   * @param url `wss://host/path`, or a function that gives it for each attempt: tokens expire. `https` stands for `wss`,
   *   and what is relative to the page is taken so.
   */
  constructor(url: Address | (() => Address | Promise<Address>), options: Options = {}) {
    this.#url = url;
    this.#options = {
      protocols: [],
      binaryType: "arraybuffer",
      timeout: 20_000,
      reconnection: true,
      reconnectionAttempts: Number.POSITIVE_INFINITY,
      reconnectionDelay: 1000,
      reconnectionDelayMax: 5000,
      randomizationFactor: 0.5,
      reconnectAfter: isTransient,
      maxBufferedBytes: 16 * 1024 * 1024,
      ...options,
    };
  }

  /** What it is at. */
  get state(): State {
    return this.#state;
  }

  /** The subprotocol that the server chose; empty if it chose none or there is no connection. */
  get protocol(): string {
    return this.#open?.protocol ?? "";
  }

  /** Bytes that wait to be sent. */
  get bufferedAmount(): number {
    return this.#queuedBytes + (this.#open?.bufferedAmount ?? 0);
  }

  /** Calls the listener with each of these from now on; returns what takes it away again. */
  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void {
    this.#listeners[event].add(listener);
    return () => this.#listeners[event].delete(listener);
  }

  /** The state that is, then each that comes. It ends after one that is `closed`. */
  async *states(): AsyncGenerator<State, void, undefined> {
    const waiting: State[] = [this.#state];
    let wake = () => {};
    const off = this.on("state", (state) => {
      if (waiting.push(state) > MAX_STATES) waiting.shift();
      wake();
    });
    try {
      for (let begun = false; ; begun = true) {
        if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const state = waiting.shift() as State;
        yield state;
        if (state.name === "closed" && begun) return;
      }
    } finally {
      off();
    }
  }

  /**
   * Resolves when the connection stands; until then the client tries as it was told to. Rejects with `NotConnected` when
   * no further attempt is made. Nobody need wait for it: the states say the same.
   */
  connect(): Promise<void> {
    if (this.#state.name === "open") return Promise.resolve();
    const opened = new Promise<void>((resolve, reject) => {
      const off = this.on("state", (state) => {
        if (state.name === "open") resolve();
        else if (state.name === "closed") reject(this.#notConnected());
        else return;
        off();
      });
    });
    opened.catch(() => {});
    if (this.#state.name === "closed") {
      this.#attempts = 0;
      this.#delay = 0;
      this.#life = new AbortController();
      this.#watchPage(this.#life.signal);
      this.#attempt(this.#life.signal);
    }
    return opened;
  }

  /**
   * Closes the connection after what was sent; resolves when it is closed, two seconds later at most. It may be connected
   * again; what could not be sent waits for that.
   *
   * @param code 1000, or 3000 to 4999.
   * @param reason up to 123 bytes.
   */
  async close(code = 1000, reason = ""): Promise<void> {
    if (code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new RangeError(`expected 1000 or 3000 to 4999 as a close code, got ${code}`);
    }
    if (utf8(reason) > 123) throw new RangeError("expected a reason of at most 123 bytes");
    if (this.#state.name === "closed") return;
    const closed = new Promise<void>((resolve) => {
      const off = this.on("state", (state) => {
        if (state.name === "closed") resolve(off());
      });
    });
    if (!this.#leaving) {
      this.#leaving = { code, reason };
      clearTimeout(this.#timer);
      if (this.#open) {
        this.#open.close(code, reason);
        this.#timer = setTimeout(() => this.#drop("the server did not answer"), CLOSE_TIMEOUT);
      } else this.#drop("left");
    }
    await closed;
  }

  /**
   * Sends text, bytes or a blob, as one message; while offline it waits for the connection. Each message is given to the
   * network once: one that was on its way when the connection was lost may have been received, or not.
   *
   * @throws BufferFull when more than `maxBufferedBytes` wait. One message has room however large it is.
   */
  send(data: Sendable): void {
    const socket = this.#open;
    if (socket) {
      const waiting = socket.bufferedAmount;
      if (waiting > 0) this.#require(waiting + sizeOf(data));
      this.#give(socket, data);
      return;
    }
    const size = sizeOf(data) + MESSAGE_OVERHEAD;
    if (this.#queue.length > 0) this.#require(this.#queuedBytes + size);
    this.#queue.push(copyOf(data));
    this.#queuedBytes += size;
  }

  /** Sends a value as JSON, in a text message; see `send`. */
  sendJson(value: unknown): void {
    const text = JSON.stringify(value);
    if (text === undefined) throw new TypeError(`expected what JSON can hold, got ${typeof value}`);
    this.send(text);
  }

  /**
   * Sends a file in chunks, each a message, as the network takes them: it is never in memory as a whole. Other messages
   * may go between them. It waits for the connection, and is not begun again when that is lost on the way.
   *
   * @returns the bytes that have left.
   * @throws NotConnected when the client is closed, or the connection was lost: the message says where.
   */
  async sendFile(file: Blob, { chunkSize = 64 * 1024, signal, onProgress }: FileOptions = {}): Promise<number> {
    if (!(chunkSize > 0)) throw new RangeError(`expected chunks of one byte at least, got ${chunkSize}`);
    const socket = await this.#opened(signal);
    const check = (sent: number) => {
      signal?.throwIfAborted();
      if (socket !== this.#open) throw this.#notConnected(`the connection was lost ${sent} bytes into the file`);
    };
    for (let sent = 0; sent < file.size; sent += chunkSize) {
      const chunk = await file.slice(sent, sent + chunkSize).arrayBuffer();
      check(sent);
      while (socket.bufferedAmount > HIGH_WATER) {
        await pause(POLL);
        check(sent);
      }
      this.#give(socket, chunk);
      onProgress?.(sent + chunk.byteLength);
    }
    const end = this.#given;
    while (this.#given - socket.bufferedAmount < end) {
      await pause(POLL);
      check(file.size - Math.max(0, end - this.#given + socket.bufferedAmount));
    }
    return file.size;
  }

  /** Resolves when all that was sent has left. Rejects with `NotConnected` when the client is closed, and something waits. */
  async drain(): Promise<void> {
    while (this.bufferedAmount > 0) {
      if (this.#state.name === "closed") throw this.#notConnected();
      await pause(POLL);
    }
  }

  // -- the connection --

  get #open(): WebSocket | null {
    return this.#socket?.readyState === OPEN && this.#state.name === "open" ? this.#socket : null;
  }

  async #attempt(life: AbortSignal): Promise<void> {
    this.#change({ name: "connecting", attempt: this.#attempts });
    const { binaryType, protocols, timeout, WebSocket: Socket = WebSocket } = this.#options;
    // Whoever gives tokens may be away with the server; a URL that is none stays none.
    let transient = true;
    let socket: WebSocket;
    try {
      const url = typeof this.#url === "function" ? await this.#url() : this.#url;
      if (life.aborted) return;
      transient = false;
      const address = addressOf(url);
      this.#local = LOOPBACK.test(address.hostname);
      socket = new Socket(address.href, protocols);
    } catch (error) {
      if (!life.aborted) this.#ended({ code: ABNORMAL, reason: String(error) }, transient);
      return;
    }
    socket.binaryType = binaryType;
    socket.onopen = () => this.#begin(socket);
    socket.onerror = () => {}; // a close follows, and says all there is
    socket.onclose = (event) => this.#ended({ code: event.code, reason: event.reason });
    socket.onmessage = (event: MessageEvent<Message>) => this.#receive(event.data);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#drop(`expected an answer within ${timeout} ms`), timeout);
  }

  #begin(socket: WebSocket): void {
    clearTimeout(this.#timer);
    this.#openedAt = this.#heardAt = Date.now();
    this.#given = 0;
    const waiting = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const data of waiting) this.#give(socket, data);
    this.#change({ name: "open", attempt: this.#attempts });
    if (this.#open === socket) this.#listenForLife(socket);
  }

  /** Takes the connection for lost, whatever the browser thinks of it. */
  #drop(reason: string): void {
    const socket = this.#socket;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    this.#ended({ code: ABNORMAL, reason });
  }

  #ended(closure: Closure, transient = this.#comesBack(closure)): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#beat);
    this.#socket = null;
    if (this.#state.name === "open" && Date.now() - this.#openedAt >= this.#delay) {
      // Sooner, it may be a server that accepts everybody and fails each: to that one, ever less often.
      this.#attempts = 0;
    }
    const { reconnection, reconnectionAttempts } = this.#options;
    if (this.#leaving || !transient || !reconnection || this.#attempts >= reconnectionAttempts) {
      const last = this.#leaving ?? closure;
      this.#leaving = null;
      this.#life.abort();
      this.#change({ name: "closed", closure: last });
      return;
    }
    this.#delay = backoff(this.#attempts, this.#options);
    this.#attempts += 1;
    const life = this.#life.signal;
    if (this.#reachable) this.#timer = setTimeout(() => this.#attempt(life), this.#delay);
    this.#change({ name: "reconnecting", attempt: this.#attempts, delay: this.#delay, closure });
  }

  #comesBack(closure: Closure): boolean {
    try {
      return this.#options.reconnectAfter(closure);
    } catch (error) {
      report(error);
      return isTransient(closure);
    }
  }

  // -- the page --

  /** The browser says when it has lost the network; this machine itself is there without. */
  get #reachable(): boolean {
    return this.#local || globalThis.navigator?.onLine !== false;
  }

  #watchPage(signal: AbortSignal): void {
    const page = globalThis as Partial<Pick<EventTarget, "addEventListener">>;
    page.addEventListener?.("online", () => this.#hurry(), { signal });
    page.addEventListener?.(
      "offline",
      () => {
        if (this.#reachable) return;
        if (this.#state.name === "reconnecting") clearTimeout(this.#timer);
        else if (this.#socket && !this.#leaving) this.#drop("the network is gone");
      },
      { signal },
    );
    globalThis.document?.addEventListener("visibilitychange", () => this.#hurry(), { signal });
  }

  /** Somebody looks, or the network is back: no reason to wait, nor to believe in an old silence. */
  #hurry(): void {
    if (globalThis.document?.visibilityState === "hidden" || !this.#reachable) return;
    if (this.#state.name === "reconnecting") {
      clearTimeout(this.#timer);
      this.#attempt(this.#life.signal);
    } else if (this.#open) {
      clearTimeout(this.#beat);
      this.#listenForLife(this.#open, 0);
    }
  }

  #listenForLife(socket: WebSocket, interval = this.#options.heartbeat?.interval): void {
    const heartbeat = this.#options.heartbeat;
    if (!heartbeat || interval === undefined) return;
    const silence = Date.now() - this.#heardAt;
    this.#beat = setTimeout(() => this.#ask(socket, heartbeat), Math.max(0, interval - silence));
  }

  #ask(socket: WebSocket, heartbeat: Heartbeat): void {
    const asked = Date.now();
    if (asked - this.#heardAt < heartbeat.interval && globalThis.document?.visibilityState !== "visible") {
      this.#listenForLife(socket);
      return;
    }
    const left = this.#given - socket.bufferedAmount;
    this.#give(socket, heartbeat.message);
    this.#beat = setTimeout(() => {
      // The answer is behind all that waits; that some of it has left is a sign of life, too.
      const busy = socket.bufferedAmount > 0 && this.#given - socket.bufferedAmount > left;
      if (this.#heardAt >= asked || busy) this.#listenForLife(socket);
      else this.#drop(`expected an answer to ${heartbeat.message} within ${heartbeat.timeout} ms`);
    }, heartbeat.timeout);
  }

  // -- messages --

  #give(socket: WebSocket, data: Sendable): void {
    const before = socket.bufferedAmount;
    socket.send(data);
    this.#given += socket.bufferedAmount - before;
  }

  #receive(data: Message): void {
    this.#heardAt = Date.now();
    if (typeof data === "string" && this.#listeners.json.size > 0) {
      let value: unknown;
      try {
        value = JSON.parse(data);
      } catch {
        this.#tell("message", data);
        return;
      }
      this.#tell("json", value);
    } else this.#tell("message", data);
  }

  #require(bytes: number): void {
    const { maxBufferedBytes } = this.#options;
    if (bytes > maxBufferedBytes)
      throw new BufferFull(`expected at most ${maxBufferedBytes} bytes unsent, got ${bytes}`);
  }

  /** The socket that is open, or the next that will be. */
  async #opened(signal?: AbortSignal): Promise<WebSocket> {
    for (;;) {
      signal?.throwIfAborted();
      const socket = this.#open;
      if (socket) return socket;
      if (this.#state.name === "closed") throw this.#notConnected();
      await new Promise<void>((resolve) => {
        const off = this.on("state", () => resolve(off()));
        signal?.addEventListener("abort", () => resolve(off()), { once: true });
      });
    }
  }

  #notConnected(message = "the client is not connected"): NotConnected {
    const closure = "closure" in this.#state ? this.#state.closure : null;
    return new NotConnected(closure ? `${message}: ${closure.code} ${closure.reason}`.trimEnd() : message, closure);
  }

  #change(state: State): void {
    this.#state = state;
    this.#tell("state", state);
  }

  #tell<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        listener(value);
      } catch (error) {
        report(error); // it is the listener's own, and nobody else's
      }
    }
  }
}

/**
 * Milliseconds to wait before an attempt, counted from 0: twice as long each time, more or less by up to
 * `randomizationFactor` of itself, and never above `reconnectionDelayMax`.
 */
export function backoff(
  attempt: number,
  options: Pick<Settings, "reconnectionDelay" | "reconnectionDelayMax" | "randomizationFactor">,
  random: () => number = Math.random,
): number {
  const delay = options.reconnectionDelay * 2 ** Math.min(attempt, 64);
  return Math.min(delay + (2 * random() - 1) * options.randomizationFactor * delay, options.reconnectionDelayMax);
}

function addressOf(address: Address): URL {
  const url = new URL(address, globalThis.location?.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

function sizeOf(data: Sendable): number {
  if (typeof data === "string") return utf8(data);
  return data instanceof Blob ? data.size : data.byteLength;
}

function utf8(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** As it is now: whoever sends a buffer may use it again. */
function copyOf(data: Sendable): Sendable {
  if (typeof data === "string" || data instanceof Blob) return data;
  if (data instanceof ArrayBuffer) return data.slice(0);
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** As an error that nobody caught. */
function report(error: unknown): void {
  setTimeout(() => {
    throw error;
  });
}
