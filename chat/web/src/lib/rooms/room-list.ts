import type { Entry, Room, User } from "@/lib/api/types";

/** Changes of one's own list of rooms, as they are heard of. All functions are pure. */
export type RoomList = readonly Room[];

/** A room as it is now, or a new one. */
export function upsert(rooms: RoomList, room: Room): RoomList {
  const index = rooms.findIndex((one) => one.id === room.id);
  if (index === -1) return [...rooms, room];
  const copy = [...rooms];
  copy[index] = room;
  return copy;
}

export function remove(rooms: RoomList, roomId: string): RoomList {
  return rooms.filter((room) => room.id !== roomId);
}

export function change(rooms: RoomList, roomId: string, next: (room: Room) => Room): RoomList {
  return rooms.map((room) => (room.id === roomId ? next(room) : room));
}

/** A new entry: moves the room's end, its last message, and what is unread in it. */
export function append(rooms: RoomList, entry: Entry, myId: string): RoomList {
  return change(rooms, entry.room_id, (room) => {
    if (entry.seq <= room.last_seq) return room;
    const next: Room = { ...room, last_seq: entry.seq, last_message: lastMessage(room, entry) };
    const { membership } = room;
    if (!membership || entry.kind !== "message" || entry.author.id === myId) return next;
    if (entry.seq <= membership.last_read_seq) return next;
    return { ...next, membership: { ...membership, unread_count: membership.unread_count + 1 } };
  });
}

function lastMessage(room: Room, entry: Entry): Entry | null {
  if (entry.kind === "message") return entry;
  const last = room.last_message;
  if (!last || entry.target_seq !== last.seq) return last;
  if (entry.kind === "edit") return { ...last, text: entry.text };
  // What was last before it is not known here; the list is read again now and then.
  if (entry.kind === "delete") return { ...last, text: null, deleted: true };
  return last;
}

/** What was heard of the rooms lately. It goes on top of a list that was read before it. */
export interface News {
  readonly entries: readonly Entry[];
  readonly reads: Readonly<Record<string, { seq: number; unread: number }>>;
}

/** Entries kept: what may be heard in the seconds that reading the list takes. */
const MAX_NEWS = 500;

export const noNews: News = { entries: [], reads: {} };

export function hearEntry(news: News, entry: Entry): News {
  return { ...news, entries: [...news.entries, entry].slice(-MAX_NEWS) };
}

export function hearRead(news: News, roomId: string, seq: number, unread: number): News {
  return { ...news, reads: { ...news.reads, [roomId]: { seq, unread } } };
}

/** A list as the server read it, and all that has been heard since: nothing that was newer is lost to it. */
export function bringUpToDate(rooms: RoomList, news: News, myId: string): RoomList {
  let list = rooms;
  for (const [roomId, { seq, unread }] of Object.entries(news.reads)) {
    const known = list.find((room) => room.id === roomId)?.membership?.last_read_seq ?? seq;
    if (known < seq) list = markRead(list, roomId, seq, unread);
  }
  return news.entries.reduce((all, entry) => append(all, entry, myId), list);
}

/** Everything up to `seq` has been read. */
export function markRead(rooms: RoomList, roomId: string, seq: number, unread: number): RoomList {
  return change(rooms, roomId, (room) => {
    const { membership } = room;
    if (!membership || seq < membership.last_read_seq) return room;
    if (seq === membership.last_read_seq && unread === membership.unread_count) return room;
    return { ...room, membership: { ...membership, last_read_seq: seq, unread_count: unread } };
  });
}

/** A person's profile has changed: the direct conversation with them has a new name. */
export function rename(rooms: RoomList, user: User): RoomList {
  if (!rooms.some((room) => room.peer?.id === user.id)) return rooms;
  return rooms.map((room) =>
    room.peer?.id === user.id ? { ...room, peer: { ...room.peer, ...user } } : room,
  );
}

/** What a room is called for the one who looks at it. */
export function nameOf(room: Room): string {
  return room.name ?? room.peer?.display_name ?? "Direct conversation";
}

/** Rooms by name; direct conversations by their last message, the latest first. */
export function arrange(rooms: RoomList): { rooms: Room[]; directs: Room[] } {
  const named = rooms.filter((room) => room.kind !== "direct");
  const directs = rooms.filter((room) => room.kind === "direct");
  named.sort((one, other) => nameOf(one).localeCompare(nameOf(other)));
  directs.sort((one, other) => Date.parse(movedAt(other)) - Date.parse(movedAt(one)));
  return { rooms: named, directs };
}

function movedAt(room: Room): string {
  return room.last_message?.created_at ?? room.created_at;
}

/** Unread messages in all rooms. */
export function totalUnread(rooms: RoomList): number {
  return rooms.reduce((sum, room) => sum + (room.membership?.unread_count ?? 0), 0);
}
