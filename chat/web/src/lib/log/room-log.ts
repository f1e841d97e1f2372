import type { Author, Entry, LogPage } from "@/lib/api/types";

/**
 * What is known of one room's log: everything from `low` to `high`, without a hole, and what has arrived
 * beyond the next hole. All functions here are pure: they take a log and return a log (the same object when
 * nothing changed).
 */
export interface RoomLog {
  readonly roomId: string;
  /** Lowest seq covered. 1 once the beginning has been read. */
  readonly low: number;
  /** Highest seq covered without a hole. 0 for an empty room. */
  readonly high: number;
  readonly items: readonly LogItem[];
  /** Live entries beyond a hole, by seq. */
  readonly ahead: ReadonlyMap<number, Entry>;
  /** Highest seq heard of from anywhere; above `high` it says that something is missing. */
  readonly known: number;
  /** Changes of messages older than `low`, for an older page that was read before the change. */
  readonly changes: readonly Change[];
  /**
   * Where pages began. A view starts a new group of messages here for good: if the first message on the
   * screen lost its header when an older page joined on, everything under it would move.
   */
  readonly pageStarts: ReadonlySet<number>;
  /** How often the log was replaced as a whole; a view starts afresh when it moves. */
  readonly generation: number;
}

/** A message, or a line such as «joined», with all its edits folded in. */
export interface LogItem {
  readonly seq: number;
  readonly kind: Exclude<Entry["kind"], "edit" | "delete">;
  readonly id: string;
  readonly author: Author;
  /** Whom `removed` put out. */
  readonly subject: Author | null;
  readonly text: string;
  readonly clientId: string | null;
  readonly createdAt: string;
  readonly editedAt: string | null;
  readonly deleted: boolean;
  /** Every change up to this seq is folded in already. */
  readonly asOf: number;
}

interface Change {
  readonly seq: number;
  readonly target: number;
  readonly kind: "edit" | "delete";
  readonly text: string;
  readonly at: string;
}

/** Past this many the server resets a client to the newest page, so keeping more would be for nothing. */
export const MAX_AHEAD = 500;

/** An older page is in flight for seconds at the most; nobody edits this many old messages meanwhile. */
const MAX_CHANGES = 500;

/** A log of which nothing has been read: live entries wait in `ahead` for the first page. */
export function emptyLog(roomId: string): RoomLog {
  return {
    roomId,
    low: 1,
    high: 0,
    items: [],
    ahead: new Map(),
    known: 0,
    changes: [],
    pageStarts: new Set(),
    generation: 0,
  };
}

/** The log after its first page, the newest one. */
export function openLog(roomId: string, page: LogPage, before?: RoomLog): RoomLog {
  const first = page.entries[0];
  const covered = Math.max(page.last_seq, page.entries.at(-1)?.seq ?? 0);
  const log: RoomLog = {
    roomId,
    low: page.has_more && first ? first.seq : 1,
    high: covered,
    items: fold([], page.entries),
    ahead: new Map([...(before?.ahead ?? [])].filter(([seq]) => seq > covered)),
    known: Math.max(covered, before?.known ?? 0),
    changes: [],
    pageStarts: startsOf(new Set(), page.entries),
    generation: (before?.generation ?? 0) + 1,
  };
  return drain(log);
}

/** A page read with `before=`: what precedes `log.low`. */
export function mergeOlder(log: RoomLog, page: LogPage, before: number): RoomLog {
  // The window has moved since the page was asked for (a reset, or a trim): it no longer joins on.
  if (before !== log.low) return log;
  const first = page.entries[0];
  const low = page.has_more && first ? Math.min(first.seq, log.low) : 1;
  const older = page.entries.filter((entry) => entry.seq < log.low);
  let items = fold([], older);
  for (const change of log.changes) items = applyChange(items, change);
  return {
    ...log,
    low,
    items: [...items, ...log.items],
    changes: log.changes.filter((change) => change.target < low),
    pageStarts: startsOf(log.pageStarts, older),
    known: Math.max(log.known, page.last_seq),
  };
}

/** A page read with `after=`: what follows `after`. The server may answer with a reset instead. */
export function mergeNewer(log: RoomLog, page: LogPage, after: number): RoomLog {
  if (page.reset) return openLog(log.roomId, { ...page, has_more: page.has_more || startsLate(page) }, log);
  if (after > log.high) return log;
  const last = page.entries.at(-1)?.seq ?? after;
  const covered = page.has_more ? last : Math.max(last, page.last_seq);
  const fresh = page.entries.filter((entry) => entry.seq > log.high);
  const ahead = new Map(log.ahead);
  for (const seq of log.ahead.keys()) if (seq <= covered) ahead.delete(seq);
  return drain({
    ...withChangesOf(log, fresh),
    items: fold(log.items, fresh),
    high: Math.max(log.high, covered),
    known: Math.max(log.known, page.last_seq, covered),
    ahead,
  });
}

/** An entry that came by itself: the next one, one already known, or one beyond a hole. */
export function receive(log: RoomLog, entry: Entry): RoomLog {
  if (entry.seq <= log.high || log.ahead.has(entry.seq)) return log;
  const known = Math.max(log.known, entry.seq);
  if (entry.seq !== log.high + 1) {
    // Beyond the bound only the newest seq is remembered: the fetch that follows brings the entries.
    if (log.ahead.size >= MAX_AHEAD) return known === log.known ? log : { ...log, known };
    return { ...log, known, ahead: new Map(log.ahead).set(entry.seq, entry) };
  }
  return drain({
    ...withChangesOf(log, [entry]),
    known,
    items: fold(log.items, [entry]),
    high: entry.seq,
  });
}

/** Somebody (a room list, an acknowledgement) says that the room's log reaches to `seq`. */
export function hearOf(log: RoomLog, seq: number): RoomLog {
  return seq > log.known ? { ...log, known: seq } : log;
}

/** Whether entries are missing that the server has. */
export function hasHole(log: RoomLog): boolean {
  return log.known > log.high;
}

/** Whether there is something older to read. */
export function hasOlder(log: RoomLog): boolean {
  return log.low > 1;
}

/** Forget the oldest items, so that a room that stays open for weeks stays bounded. */
export function trim(log: RoomLog, keep: number): RoomLog {
  if (log.items.length <= keep) return log;
  const items = log.items.slice(-keep);
  const first = items[0];
  return first
    ? {
        ...log,
        items,
        low: first.seq,
        pageStarts: new Set([...log.pageStarts].filter((seq) => seq > first.seq)).add(first.seq),
      }
    : log;
}

/**
 * Give up on what cannot be fetched: the server says that there is nothing between `high` and what came
 * beyond. Without this a client that met a damaged log would ask for ever.
 */
export function skipHole(log: RoomLog): RoomLog {
  const next = Math.min(...log.ahead.keys());
  if (!Number.isFinite(next)) return { ...log, known: log.high };
  return drain({ ...log, high: next - 1 });
}

function startsOf(starts: ReadonlySet<number>, entries: readonly Entry[]): ReadonlySet<number> {
  const first = entries.find((entry) => entry.kind !== "edit" && entry.kind !== "delete");
  return first ? new Set(starts).add(first.seq) : starts;
}

function startsLate(page: LogPage): boolean {
  const first = page.entries[0];
  return first !== undefined && first.seq > 1;
}

function drain(log: RoomLog): RoomLog {
  if (!log.ahead.has(log.high + 1)) return log;
  const ahead = new Map(log.ahead);
  const next: Entry[] = [];
  let high = log.high;
  for (let entry = ahead.get(high + 1); entry; entry = ahead.get(high + 1)) {
    ahead.delete(entry.seq);
    next.push(entry);
    high = entry.seq;
  }
  return { ...withChangesOf(log, next), items: fold(log.items, next), high, ahead };
}

/** Append `entries` (ascending) to `items`. */
function fold(items: readonly LogItem[], entries: readonly Entry[]): readonly LogItem[] {
  let folded: LogItem[] | null = null;
  for (const entry of entries) {
    if (entry.kind === "edit" || entry.kind === "delete") {
      const change = changeOf(entry);
      if (change) {
        const changed = applyChange(folded ?? items, change);
        if (changed !== (folded ?? items)) folded = changed as LogItem[];
      }
      continue;
    }
    folded ??= [...items];
    folded.push({
      seq: entry.seq,
      kind: entry.kind,
      id: entry.id,
      author: entry.author,
      subject: entry.subject,
      text: entry.text ?? "",
      clientId: entry.client_id,
      createdAt: entry.created_at,
      editedAt: entry.edited_at,
      deleted: entry.deleted,
      asOf: entry.revised_seq ?? entry.seq,
    });
  }
  return folded ?? items;
}

function changeOf(entry: Entry): Change | null {
  if (entry.kind !== "edit" && entry.kind !== "delete") return null;
  if (entry.target_seq === null) return null;
  return {
    seq: entry.seq,
    target: entry.target_seq,
    kind: entry.kind,
    text: entry.text ?? "",
    at: entry.created_at,
  };
}

function applyChange(items: readonly LogItem[], change: Change): readonly LogItem[] {
  const index = find(items, change.target);
  const item = items[index];
  if (!item || item.asOf >= change.seq || item.kind !== "message") return items;
  const changed = [...items];
  changed[index] =
    change.kind === "delete"
      ? { ...item, text: "", deleted: true, asOf: change.seq }
      : { ...item, text: change.text, editedAt: change.at, asOf: change.seq };
  return changed;
}

function withChangesOf(log: RoomLog, entries: readonly Entry[]): RoomLog {
  const late: Change[] = [];
  for (const entry of entries) {
    const change = changeOf(entry);
    if (change && change.target < log.low) late.push(change);
  }
  return late.length > 0 ? { ...log, changes: [...log.changes, ...late].slice(-MAX_CHANGES) } : log;
}

/** Index of the item with `seq`, or -1. Items are ascending. */
function find(items: readonly LogItem[], seq: number): number {
  let low = 0;
  let high = items.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = items[middle]?.seq ?? 0;
    if (found === seq) return middle;
    if (found < seq) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
