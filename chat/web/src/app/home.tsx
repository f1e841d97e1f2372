import { Navigate, useNavigate } from "@tanstack/react-router";
import { useDocumentTitle } from "@/app/use-document-title";
import { Button } from "@/components/button";
import { CompassIcon, HashIcon, PeopleIcon } from "@/components/icons";
import { Logo } from "@/components/logo";
import { useRooms } from "@/lib/api/queries";
import { open } from "@/lib/overlays";
import { useMe } from "@/lib/session/session";

/** Nothing is chosen yet. */
export function Home() {
  const me = useMe();
  const navigate = useNavigate();
  const { data: rooms } = useRooms();
  useDocumentTitle("Rooms");
  // On a wide screen the place beside the list would be empty; on a narrow one the list is the page.
  const first = rooms && latest(rooms);
  if (first && globalThis.matchMedia("(min-width: 48rem)").matches) {
    return <Navigate to="/rooms/$roomId" params={{ roomId: first }} replace />;
  }
  if (!rooms) return null;
  return (
    <div className="flex h-full items-center justify-center px-6">
      <div className="flex max-w-lg flex-col items-center text-center">
        <Logo className="size-16" swaying />
        <h1 className="mt-5 max-w-full text-2xl wrap-anywhere">Welcome, {me.display_name}</h1>
        <p className="mt-2 text-balance text-soft">
          Rooms are where people talk. Look at those that are open, create one, or write to somebody.
        </p>
        <div className="mt-6 flex flex-wrap justify-center gap-2">
          <Button tone="primary" onPress={() => open({ kind: "create-room" })}>
            <HashIcon />
            Create a room
          </Button>
          <Button onPress={() => void navigate({ to: "/browse" })}>
            <CompassIcon />
            Browse rooms
          </Button>
          <Button onPress={() => void navigate({ to: "/people" })}>
            <PeopleIcon />
            Find people
          </Button>
        </div>
      </div>
    </div>
  );
}

/** The room in which something was written last. */
function latest(
  rooms: readonly { id: string; created_at: string; last_message: { created_at: string } | null }[],
) {
  const movedAt = (room: (typeof rooms)[number]) =>
    Date.parse(room.last_message?.created_at ?? room.created_at);
  return [...rooms].sort((one, other) => movedAt(other) - movedAt(one))[0]?.id;
}
