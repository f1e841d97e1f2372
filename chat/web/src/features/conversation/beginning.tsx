import { Avatar } from "@/components/avatar";
import { Button } from "@/components/button";
import { HashIcon, LockIcon, PersonAddIcon } from "@/components/icons";
import type { Room } from "@/lib/api/types";
import { open } from "@/lib/overlays";
import { nameOf } from "@/lib/rooms/room-list";

/** What stands above the first message of a room. */
export function Beginning({ room }: { room: Room }) {
  const Icon = room.kind === "private" ? LockIcon : HashIcon;
  return (
    <div className="pt-8 pb-3">
      {room.peer ? (
        <Avatar user={room.peer} size="lg" />
      ) : (
        <span className="inline-flex size-14 items-center justify-center rounded-2xl bg-sky-wash text-sky">
          <Icon className="size-7" />
        </span>
      )}
      <h2 className="mt-3 text-xl wrap-anywhere">{nameOf(room)}</h2>
      <p className="mt-1 max-w-prose text-soft wrap-anywhere">
        {room.peer
          ? `This is the beginning of your conversation with ${room.peer.display_name}. Only the two of you can read it.`
          : room.kind === "private"
            ? "This is the beginning of a private room. Only its members can read it."
            : "This is the beginning of the room. Anybody here can find it and join."}
      </p>
      {room.kind === "private" && (
        <Button size="sm" className="mt-3" onPress={() => open({ kind: "invite", roomId: room.id })}>
          <PersonAddIcon className="size-4" />
          Invite people
        </Button>
      )}
    </div>
  );
}
