/**
 * What this person has written and the server has not yet confirmed. All functions are pure. An item's place
 * in the array is its place in the order of sending; each room has its own order.
 */
export type Outbox = readonly OutboxItem[];

export interface OutboxItem {
  /** Names the message for good: a retry with it is answered with the first answer. */
  readonly clientId: string;
  readonly roomId: string;
  readonly text: string;
  /** When it was written, by this machine's clock; only ever shown, never compared with the server's. */
  readonly writtenAt: string;
  readonly state: OutboxState;
  /** Sends that went unanswered while connected. */
  readonly attempts: number;
  /** Not to be sent before this moment (milliseconds of the caller's clock). */
  readonly notBefore: number;
  /** Its place in the room's log, once acknowledged. It stays until the log has been read that far. */
  readonly seq: number | null;
  /** Why it failed, or why it waits. */
  readonly error: string | null;
}

export type OutboxState = "queued" | "sending" | "sent" | "failed";

/** Kept in the browser's storage (5 MB in all): 200 messages of 4,000 characters fit with room to spare. */
export const MAX_OUTBOX = 200;

/** Unanswered sends over a live connection before the person is asked. */
export const MAX_ATTEMPTS = 5;

export class OutboxFull extends Error {
  constructor() {
    super(`${MAX_OUTBOX} messages are waiting to be sent; no more fit until some have gone.`);
    this.name = "OutboxFull";
  }
}

/** @throws OutboxFull */
export function enqueue(
  outbox: Outbox,
  item: Pick<OutboxItem, "clientId" | "roomId" | "text" | "writtenAt">,
): Outbox {
  if (outbox.length >= MAX_OUTBOX) throw new OutboxFull();
  return [...outbox, { ...item, state: "queued", attempts: 0, notBefore: 0, seq: null, error: null }];
}

/**
 * The next item to send in a room: its first one that is queued, unless another is on its way or the first
 * has to wait. Failed items are out of the order until they are retried.
 */
export function nextToSend(outbox: Outbox, roomId: string, now: number): OutboxItem | null {
  for (const item of outbox) {
    if (item.roomId !== roomId) continue;
    if (item.state === "sending") return null;
    if (item.state === "queued") return item.notBefore <= now ? item : null;
  }
  return null;
}

/** When the room's first queued item may go, or null when none waits for a moment. */
export function nextMoment(outbox: Outbox, roomId: string): number | null {
  for (const item of outbox) {
    if (item.roomId !== roomId) continue;
    if (item.state === "sending") return null;
    if (item.state === "queued") return item.notBefore;
  }
  return null;
}

export function markSending(outbox: Outbox, clientId: string): Outbox {
  return change(outbox, clientId, (item) => ({ ...item, state: "sending", error: null }));
}

/** The server has it, at `seq` of the room's log. */
export function acknowledge(outbox: Outbox, clientId: string, seq: number): Outbox {
  return change(outbox, clientId, (item) => ({ ...item, state: "sent", seq, error: null }));
}

/** The server will not have it, however often it is asked. */
export function refuse(outbox: Outbox, clientId: string, error: string): Outbox {
  return change(outbox, clientId, (item) => ({ ...item, state: "failed", error }));
}

/** It goes later, because the server says so (a rate limit): no attempt is counted. `reason` is for the person. */
export function postpone(
  outbox: Outbox,
  clientId: string,
  notBefore: number,
  reason: string | null = null,
): Outbox {
  return change(outbox, clientId, (item) => ({ ...item, state: "queued", notBefore, error: reason }));
}

/** No answer came although the connection stood: try again later, at last ask the person. */
export function giveBack(outbox: Outbox, clientId: string, notBefore: number): Outbox {
  return change(outbox, clientId, (item) => {
    const attempts = item.attempts + 1;
    return attempts >= MAX_ATTEMPTS
      ? { ...item, attempts, state: "failed", error: "The server did not answer." }
      : { ...item, attempts, state: "queued", notBefore };
  });
}

/** The connection is gone: what was on its way goes again with the next one, from where it stood. */
export function interrupt(outbox: Outbox): Outbox {
  if (!outbox.some((item) => item.state === "sending" || item.notBefore > 0)) return outbox;
  return outbox.map((item) =>
    item.state === "sending" || (item.state === "queued" && item.notBefore > 0)
      ? { ...item, state: "queued", notBefore: 0, error: null }
      : item,
  );
}

/** The person asks again, with the same client id. */
export function retry(outbox: Outbox, clientId: string): Outbox {
  return change(outbox, clientId, (item) =>
    item.state === "failed" ? { ...item, state: "queued", attempts: 0, notBefore: 0, error: null } : item,
  );
}

export function discard(outbox: Outbox, clientId: string): Outbox {
  const kept = outbox.filter((item) => item.clientId !== clientId);
  return kept.length === outbox.length ? outbox : kept;
}

/** Drop what the room's log shows by now: everything acknowledged up to `high`, and every id in `seen`. */
export function settle(outbox: Outbox, roomId: string, high: number, seen: ReadonlySet<string>): Outbox {
  const kept = outbox.filter(
    (item) =>
      item.roomId !== roomId ||
      !(seen.has(item.clientId) || (item.state === "sent" && item.seq !== null && item.seq <= high)),
  );
  return kept.length === outbox.length ? outbox : kept;
}

/** Drop everything of a room this person is no longer in. */
export function abandonRoom(outbox: Outbox, roomId: string): Outbox {
  const kept = outbox.filter((item) => item.roomId !== roomId);
  return kept.length === outbox.length ? outbox : kept;
}

function change(outbox: Outbox, clientId: string, next: (item: OutboxItem) => OutboxItem): Outbox {
  const index = outbox.findIndex((item) => item.clientId === clientId);
  const item = outbox[index];
  if (!item) return outbox;
  const changed = next(item);
  if (changed === item) return outbox;
  const copy = [...outbox];
  copy[index] = changed;
  return copy;
}
