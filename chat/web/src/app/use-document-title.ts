import { useEffect } from "react";
import { useRooms } from "@/lib/api/queries";
import { totalUnread } from "@/lib/rooms/room-list";
import { useSession } from "@/lib/session/session";

/** «(3) general · Windsock»: where one is, and how much waits elsewhere. */
export function useDocumentTitle(title: string): void {
  const isMember = useSession((state) => state.status === "authenticated");
  const rooms = useRooms(isMember);
  const unread = totalUnread(rooms.data ?? []);
  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread > 99 ? "99+" : unread}) ` : ""}${title} · Windsock`;
  }, [title, unread]);
}
