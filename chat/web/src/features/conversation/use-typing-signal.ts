import { useCallback, useEffect, useRef } from "react";
import { current } from "@/lib/realtime/live";

/** Others take it as stopped a few seconds after they last heard of it, so it is said again in time. */
const REPEAT_MS = 2_500;

/** Tells the room that one is writing: `note(true)` with every key, `note(false)` when there is nothing left. */
export function useTypingSignal(roomId: string): (isTyping: boolean) => void {
  const toldAt = useRef(0);
  const note = useCallback(
    (isTyping: boolean) => {
      const now = Date.now();
      if (isTyping && now - toldAt.current < REPEAT_MS) return;
      if (!isTyping && toldAt.current === 0) return;
      toldAt.current = isTyping ? now : 0;
      current().connection.tell("typing", { room_id: roomId, typing: isTyping });
    },
    [roomId],
  );
  useEffect(() => {
    return () => {
      if (toldAt.current === 0) return;
      toldAt.current = 0;
      // The session may have ended in the same moment: then nobody is told, and it expires.
      try {
        current().connection.tell("typing", { room_id: roomId, typing: false });
      } catch {
        return;
      }
    };
  }, [roomId]);
  return note;
}
