import { Avatar } from "@/components/avatar";
import { Button, IconButton } from "@/components/button";
import { HashIcon, LockIcon, PeopleIcon, SettingsIcon } from "@/components/icons";
import { BackLink } from "@/components/page";
import type { Room } from "@/lib/api/types";
import { open } from "@/lib/overlays";
import { usePresence } from "@/lib/realtime/presence";
import { nameOf } from "@/lib/rooms/room-list";
import { formatSeen } from "@/lib/time/format";

interface ConversationHeaderProps {
  room: Room;
  isPanelOpen: boolean;
  onTogglePanel(): void;
}

export function ConversationHeader({ room, isPanelOpen, onTogglePanel }: ConversationHeaderProps) {
  return (
    <header className="flex shrink-0 items-center gap-1 border-b border-line pt-[env(safe-area-inset-top)] pr-2 pl-3 [--dot-ring:var(--color-paper)] md:pl-4">
      <BackLink />
      <div className="flex h-14 min-w-0 flex-1 items-center gap-2.5">
        {room.peer ? <Peer room={room} peer={room.peer} /> : <Title room={room} />}
      </div>
      {room.kind !== "direct" && (
        <>
          <IconButton
            label={isPanelOpen ? "Hide members" : `Show members (${room.member_count})`}
            isActive={isPanelOpen}
            onPress={onTogglePanel}
            className="w-auto gap-1.5 px-2"
          >
            <PeopleIcon />
            <span className="text-[0.8125rem] font-medium tabular-nums">{room.member_count}</span>
          </IconButton>
          <IconButton
            label="About this room"
            onPress={() => open({ kind: "room-settings", roomId: room.id })}
          >
            <SettingsIcon />
          </IconButton>
        </>
      )}
    </header>
  );
}

function Title({ room }: { room: Room }) {
  const Icon = room.kind === "private" ? LockIcon : HashIcon;
  return (
    <>
      <Icon className="size-[1.1875rem] shrink-0 text-faint" />
      <div className="min-w-0">
        <h1 className="truncate text-base leading-5">{nameOf(room)}</h1>
        {room.topic && <p className="truncate text-[0.8125rem] leading-4 text-faint">{room.topic}</p>}
      </div>
    </>
  );
}

function Peer({ room, peer }: { room: Room; peer: NonNullable<Room["peer"]> }) {
  const presence = usePresence(peer.id) ?? peer.presence;
  return (
    <Button
      tone="quiet"
      className="-ml-2 h-12 max-w-full min-w-0 justify-start gap-2.5 px-2 text-left"
      onPress={() => open({ kind: "person", userId: peer.id })}
    >
      <Avatar user={peer} online={presence?.online} />
      <span className="min-w-0">
        <h1 className="truncate text-base leading-5 text-ink">{nameOf(room)}</h1>
        <span className="block truncate text-[0.8125rem] leading-4 font-normal text-faint">
          {presence?.online ? "Online" : formatSeen(presence?.last_seen ?? null, new Date())}
        </span>
      </span>
    </Button>
  );
}
