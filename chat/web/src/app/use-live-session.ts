import { useEffect, useState } from "react";
import { close } from "@/lib/overlays";
import { begin, cease } from "@/lib/realtime/live";
import { useSession } from "@/lib/session/session";

/**
 * Lets the live part of the application begin with a session and end with it.
 *
 * @returns whether what is shown may be shown: the session is known, and live when there is one
 */
export function useLiveSession(): boolean {
  const status = useSession((state) => state.status);
  const userId = useSession((state) => state.user?.id ?? null);
  const [liveFor, setLiveFor] = useState<string | null>(null);

  useEffect(() => {
    const { user } = useSession.getState();
    if (userId === null || user?.id !== userId) return;
    let isOver = false;
    void begin(user, () => isOver).then(() => {
      if (!isOver) setLiveFor(userId);
    });
    return () => {
      isOver = true;
      setLiveFor(null);
      close();
      cease();
    };
  }, [userId]);

  if (status === "starting") return false;
  return status === "anonymous" ? liveFor === null : liveFor === userId;
}
