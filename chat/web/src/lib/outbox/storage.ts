import type { Outbox, OutboxItem } from "@/lib/outbox/outbox";
import { MAX_OUTBOX } from "@/lib/outbox/outbox";

/**
 * Outboxes survive a reload in the browser's storage, one for each window: two windows that sent from one
 * would overtake each other. A window holds the lock of its outbox as long as it lives; who gets the lock of
 * another's outbox knows that its window is gone, and takes the messages over.
 */
const PREFIX = "windsock.outbox";
const WINDOW_KEY = "windsock.window";

const SHAPE = {
  clientId: "string",
  roomId: "string",
  text: "string",
  writtenAt: "string",
  state: "string",
} as const satisfies Partial<Record<keyof OutboxItem, string>>;

/** What is stored may be of an older version, or anybody's: only whole, bounded items are taken. */
export function readOutbox(stored: string | null): Outbox {
  let items: unknown;
  try {
    items = JSON.parse(stored ?? "[]");
  } catch {
    return [];
  }
  if (!Array.isArray(items)) return [];
  return items.filter(isItem).slice(0, MAX_OUTBOX).map(revive);
}

/** Acknowledged messages are in the room's log: there is nothing left to remember of them. */
export function writeOutbox(outbox: Outbox): string {
  return JSON.stringify(outbox.filter((item) => item.state !== "sent"));
}

function isItem(value: unknown): value is OutboxItem {
  if (typeof value !== "object" || value === null) return false;
  const item = value as Record<string, unknown>;
  return Object.entries(SHAPE).every(([key, type]) => typeof item[key] === type);
}

function revive(item: OutboxItem): OutboxItem {
  const failed = item.state === "failed";
  return {
    clientId: item.clientId,
    roomId: item.roomId,
    text: item.text.slice(0, 8_000),
    writtenAt: item.writtenAt,
    state: failed ? "failed" : "queued",
    attempts: 0,
    notBefore: 0,
    seq: null,
    error: failed && typeof item.error === "string" ? item.error : null,
  };
}

export interface OutboxStore {
  readonly outbox: Outbox;
  save(outbox: Outbox): void;
  close(): void;
}

/** Open this window's outbox of `userId`. `adopt` gets what windows that are gone have left. */
export async function openOutbox(userId: string, adopt: (items: Outbox) => void): Promise<OutboxStore> {
  const prefix = `${PREFIX}.${userId}.`;
  const ending = new AbortController();
  const name = await claimWindow(prefix, ending.signal);
  const key = prefix + name;

  const takeOver = (other: string) => {
    const items = readOutbox(localStorage.getItem(other));
    localStorage.removeItem(other);
    if (items.length > 0) adopt(items);
  };
  for (const other of keysOf(prefix)) {
    if (other === key) continue;
    if (!navigator.locks) takeOver(other);
    else {
      navigator.locks
        .request(other, { signal: ending.signal }, () => takeOver(other))
        // Aborted: this window is closing its outbox.
        .catch(() => undefined);
    }
  }

  return {
    outbox: readOutbox(localStorage.getItem(key)),
    save: (outbox) => {
      try {
        if (outbox.length === 0) localStorage.removeItem(key);
        else localStorage.setItem(key, writeOutbox(outbox));
      } catch {
        // The storage is full or forbidden: the messages live as long as the window.
      }
    },
    close: () => ending.abort(),
  };
}

/** A name of this window that no other one alive has, the same after a reload. */
async function claimWindow(prefix: string, ending: AbortSignal): Promise<string> {
  const before = sessionStorage.getItem(WINDOW_KEY);
  // A duplicated window starts with a copy of the name, and finds the lock taken.
  if (before && (await hold(prefix + before, ending))) return before;
  const fresh = crypto.getRandomValues(new Uint32Array(2)).join("-");
  sessionStorage.setItem(WINDOW_KEY, fresh);
  await hold(prefix + fresh, ending);
  return fresh;
}

/** Take a lock and keep it until `ending`. Whether it was free. */
function hold(name: string, ending: AbortSignal): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    void navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      if (!lock) return;
      return new Promise<void>((release) => ending.addEventListener("abort", () => release()));
    });
  });
}

function keysOf(prefix: string): string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(prefix));
}
