import { useEffect, useRef, useState } from "react";
import type { RoomLog } from "@/lib/log/room-log";

/** Reads what others write out to a screen reader. The list itself must not: it also grows when one scrolls. */
export function Announcer({ log, myId }: { log: RoomLog; myId: string }) {
  const heard = useRef(log.high);
  const [text, setText] = useState("");
  useEffect(() => {
    const fresh = log.items.filter(
      (item) =>
        item.seq > heard.current && item.kind === "message" && item.author.id !== myId && !item.deleted,
    );
    heard.current = Math.max(heard.current, log.high);
    const last = fresh.at(-1);
    if (!last) return;
    setText(
      fresh.length > 3
        ? `${fresh.length} new messages`
        : fresh.map((item) => `${item.author.display_name}: ${item.text.slice(0, 300)}`).join(". "),
    );
  }, [log, myId]);
  return (
    <div role="status" aria-live="polite" className="sr-only">
      {text}
    </div>
  );
}
