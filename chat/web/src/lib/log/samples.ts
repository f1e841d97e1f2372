import type { Author, Entry, LogPage } from "@/lib/api/types";

/** Builders for tests. */
export const ada: Author = { id: "ada", username: "ada", display_name: "Ada" };
export const bob: Author = { id: "bob", username: "bob", display_name: "Bob" };

export function entry(seq: number, more: Partial<Entry> = {}): Entry {
  return {
    room_id: "room",
    seq,
    kind: "message",
    id: `entry-${seq}`,
    author: ada,
    subject: null,
    text: `text ${seq}`,
    target_seq: null,
    client_id: `client-${seq}`,
    created_at: new Date(Date.UTC(2024, 0, 1, 12) + seq * 1000).toISOString(),
    edited_at: null,
    deleted: false,
    revised_seq: null,
    ...more,
  };
}

export function page(entries: Entry[], more: Partial<LogPage> = {}): LogPage {
  return { entries, last_seq: entries.at(-1)?.seq ?? 0, has_more: false, reset: false, ...more };
}

export function span(first: number, last: number): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, index) => entry(first + index));
}
