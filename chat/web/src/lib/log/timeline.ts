import type { LogItem, RoomLog } from "@/lib/log/room-log";
import type { Outbox, OutboxItem } from "@/lib/outbox/outbox";

/** One row of the message list. Keys stay the same from the first, unconfirmed showing of a message on. */
export type Row =
  | { readonly type: "beginning"; readonly key: "beginning" }
  | { readonly type: "day"; readonly key: string; readonly at: string }
  | { readonly type: "unread"; readonly key: "unread" }
  | { readonly type: "event"; readonly key: string; readonly item: LogItem }
  | {
      readonly type: "message";
      readonly key: string;
      readonly item: LogItem;
      /** Same author, a short while after: shown without name and picture. */
      readonly continued: boolean;
    }
  | {
      readonly type: "pending";
      readonly key: string;
      readonly item: OutboxItem;
      readonly continued: boolean;
    };

export interface TimelineOptions {
  /** Whose outbox it is. */
  readonly myId: string;
  /** The last seq that was read when the room was opened; the «new» line stands behind it. */
  readonly readSeq: number | null;
  /** Names the day of a moment. Default: by the browser's time zone. */
  readonly dayOf?: (iso: string) => string;
}

/** Messages of one author closer than this stand under one name. */
const GROUP_MS = 5 * 60_000;

/** The rows of a room, oldest first: what the log holds, then what still waits in the outbox. */
export function timeline(log: RoomLog, outbox: Outbox, options: TimelineOptions): Row[] {
  const dayOf = options.dayOf ?? localDay;
  const rows: Row[] = [];
  if (log.low === 1) rows.push({ type: "beginning", key: "beginning" });
  let day: string | null = null;
  let previous: { author: string; at: number } | null = null;

  /** A line stands between two known messages, or at the very beginning: so it never moves once shown. */
  const openDay = (at: string, key: string, first: boolean) => {
    const next = dayOf(at);
    if (next === day) return;
    day = next;
    previous = null;
    if (!first || log.low === 1) rows.push({ type: "day", key: `day:${key}`, at });
  };
  const follows = (author: string, at: string): boolean => {
    const moment = Date.parse(at);
    const continued = previous !== null && previous.author === author && moment - previous.at < GROUP_MS;
    previous = { author, at: moment };
    return continued;
  };

  const { readSeq } = options;
  // Where reading stopped is not among what has been loaded: the line would stand in a wrong place.
  let markable = readSeq !== null && log.low <= readSeq + 1;
  const shown = new Set<string>();
  log.items.forEach((item, index) => {
    openDay(item.createdAt, String(item.seq), index === 0);
    const mine = item.author.id === options.myId;
    if (markable && !mine && item.kind === "message" && item.seq > (readSeq ?? 0)) {
      markable = false;
      previous = null;
      rows.push({ type: "unread", key: "unread" });
    }
    if (item.kind !== "message") {
      previous = null;
      rows.push({ type: "event", key: item.id, item });
      return;
    }
    if (log.pageStarts.has(item.seq)) previous = null;
    if (mine && item.clientId) shown.add(item.clientId);
    const key = item.clientId ? `${item.author.id}:${item.clientId}` : item.id;
    rows.push({ type: "message", key, item, continued: follows(item.author.id, item.createdAt) });
  });
  const last = log.items.at(-1);
  for (const item of outbox) {
    if (item.roomId !== log.roomId || shown.has(item.clientId)) continue;
    // This machine's clock may be behind the server's; the list never goes back a day for it.
    const at =
      last && Date.parse(item.writtenAt) < Date.parse(last.createdAt) ? last.createdAt : item.writtenAt;
    openDay(at, item.clientId, last === undefined);
    rows.push({
      type: "pending",
      key: `${options.myId}:${item.clientId}`,
      item,
      continued: follows(options.myId, at),
    });
  }
  return rows;
}

function localDay(iso: string): string {
  const date = new Date(iso);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}
