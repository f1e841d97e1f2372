/** A client of the tests, and the time that it lives in. */

import { onTestFinished, vi } from "vitest";
import { WebSocket as NodeWebSocket } from "ws";
import { type Message, type Options, type State, WebSocketClient } from "../src/websocket-client.js";

export const Socket = NodeWebSocket as unknown as NonNullable<Options["WebSocket"]>;
const QUICK = { WebSocket: Socket, reconnectionDelay: 10, reconnectionDelayMax: 100 };

/** A client, closed with the test, and what it tells. */
export function make(url: ConstructorParameters<typeof WebSocketClient>[0], options: Options = {}) {
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

const WITHIN = 30_000;
export const bytes = (message: Message | undefined) => new Uint8Array(message as ArrayBuffer);

/** A turn of the real event loop, whatever the test's clock says: sockets and files bring what they have. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Waits for a condition; between two looks `then` may let time go by. */
export async function until(holds: () => boolean, then: () => unknown = () => {}): Promise<void> {
  const end = performance.now() + WITHIN;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`expected within ${WITHIN} ms: ${holds}`);
    await then();
    await turn();
  }
}

/** The client's clock stands still, and goes on by what `advance` is told; sockets and files are the real ones. */
export function holdTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}
export const advance = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
/** What a client that looks every ten milliseconds needs to see what happened. */
export const look = () => advance(10);
