import { describe, expect, it } from "vitest";
import type { Room } from "@/lib/api/types";
import { ada, bob, entry } from "@/lib/log/samples";
import {
  append,
  arrange,
  bringUpToDate,
  hearEntry,
  hearRead,
  markRead,
  noNews,
  totalUnread,
  upsert,
} from "@/lib/rooms/room-list";

function room(more: Partial<Room> = {}): Room {
  return {
    id: "room",
    kind: "public",
    name: "general",
    topic: "",
    created_at: "2024-01-01T00:00:00Z",
    last_seq: 3,
    member_count: 2,
    membership: { role: "member", joined_at: "", last_read_seq: 3, unread_count: 0 },
    peer: null,
    last_message: entry(3),
    ...more,
  };
}

describe("the list of rooms", () => {
  it("counts what others write, once, and not one's own", () => {
    let rooms = append([room()], entry(4, { author: bob }), ada.id);
    rooms = append(rooms, entry(4, { author: bob }), ada.id);
    rooms = append(rooms, entry(5, { author: ada }), ada.id);
    expect(totalUnread(rooms)).toBe(1);
    expect(rooms[0]).toMatchObject({ last_seq: 5, last_message: { seq: 5 } });
  });

  it("does not count what was read on another device before it came here", () => {
    const rooms = markRead([room()], "room", 4, 0);
    expect(totalUnread(append(rooms, entry(4, { author: bob }), ada.id))).toBe(0);
  });

  it("follows an edit and a delete of the last message", () => {
    const edited = append([room()], entry(4, { kind: "edit", target_seq: 3, text: "new" }), ada.id);
    expect(edited[0]?.last_message?.text).toBe("new");
    const deleted = append(edited, entry(5, { kind: "delete", target_seq: 3, text: null }), ada.id);
    expect(deleted[0]?.last_message).toMatchObject({ deleted: true, text: null });
  });

  it("never moves the read mark back", () => {
    const rooms = markRead([room()], "room", 2, 1);
    expect(rooms[0]?.membership).toMatchObject({ last_read_seq: 3, unread_count: 0 });
  });

  it("loses nothing to a list that was read before the latest news", () => {
    let news = hearEntry(noNews, entry(3, { author: bob }));
    news = hearEntry(news, entry(4, { author: bob }));
    const late = bringUpToDate([room()], news, ada.id);
    expect(late[0]).toMatchObject({ last_seq: 4, membership: { unread_count: 1 } });
    expect(bringUpToDate(late, news, ada.id)).toEqual(late);
    const read = hearRead(news, "room", 4, 0);
    expect(bringUpToDate([room({ last_seq: 4 })], read, ada.id)[0]?.membership?.unread_count).toBe(0);
    const stale = room({ membership: { role: "member", joined_at: "", last_read_seq: 1, unread_count: 2 } });
    expect(bringUpToDate([stale], hearRead(noNews, "room", 3, 0), ada.id)[0]?.membership?.unread_count).toBe(
      0,
    );
  });

  it("has rooms by name and conversations by their last message", () => {
    const list = [
      room({ id: "b", name: "beta" }),
      room({ id: "a", name: "Alpha" }),
      room({ id: "old", kind: "direct", name: null, last_message: entry(1) }),
      room({ id: "new", kind: "direct", name: null, last_message: entry(9) }),
    ];
    const { rooms, directs } = arrange(list);
    expect(rooms.map((one) => one.id)).toEqual(["a", "b"]);
    expect(directs.map((one) => one.id)).toEqual(["new", "old"]);
    expect(upsert(list, room({ id: "c" }))).toHaveLength(5);
  });
});
