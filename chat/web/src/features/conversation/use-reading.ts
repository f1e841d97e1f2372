import { useEffect, useState } from "react";
import { applyRead } from "@/lib/api/queries";
import type { Room } from "@/lib/api/types";
import type { RoomLog } from "@/lib/log/room-log";
import { current } from "@/lib/realtime/live";

/** Scrolling past is not reading: so long the end must be in view. */
const DWELL_MS = 400;

/**
 * Tells the server what has been read, once the end of the log is on a screen that is looked at.
 *
 * @returns the seq behind which the «new» line stands, or null for no line
 */
export function useReading(room: Room, log: RoomLog | undefined, isAtEnd: boolean): number | null {
  const isLookedAt = useIsLookedAt();
  const marker = useMarker(room, log, isLookedAt);
  const high = log?.high ?? 0;
  const read = room.membership?.last_read_seq ?? 0;
  const isDue = isAtEnd && isLookedAt && high > read && room.membership !== null;
  useEffect(() => {
    if (!isDue) return;
    const timer = setTimeout(() => void tell(room.id, high), DWELL_MS);
    return () => clearTimeout(timer);
  }, [isDue, room.id, high]);
  return marker;
}

async function tell(roomId: string, seq: number): Promise<void> {
  try {
    const answer = await current().connection.ask("read", { room_id: roomId, seq });
    if ("error" in answer) return;
    applyRead(roomId, answer.seq, answer.unread_count);
  } catch {
    // No connection: the next entry, or the next look, tells it.
  }
}

/** The line stands where reading stopped: when the room was opened, and when the window was left. */
function useMarker(room: Room, log: RoomLog | undefined, isLookedAt: boolean): number | null {
  const { membership } = room;
  const [marker, setMarker] = useState<number | null>(() =>
    membership && membership.unread_count > 0 ? membership.last_read_seq : null,
  );
  const [wasLookedAt, setWasLookedAt] = useState(isLookedAt);
  const high = log?.high ?? 0;
  if (wasLookedAt !== isLookedAt) {
    setWasLookedAt(isLookedAt);
    if (!isLookedAt) setMarker(high > 0 ? high : null);
    // Nothing came while nobody looked.
    else if (marker === high) setMarker(null);
  }
  return marker;
}

function useIsLookedAt(): boolean {
  const [isLookedAt, setLookedAt] = useState(looksAt);
  useEffect(() => {
    const update = () => setLookedAt(looksAt());
    globalThis.addEventListener("focus", update);
    globalThis.addEventListener("blur", update);
    document.addEventListener("visibilitychange", update);
    return () => {
      globalThis.removeEventListener("focus", update);
      globalThis.removeEventListener("blur", update);
      document.removeEventListener("visibilitychange", update);
    };
  }, []);
  return isLookedAt;
}

function looksAt(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}
