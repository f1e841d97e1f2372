import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Autocomplete, ListBox, ListBoxItem, useFilter } from "react-aria-components";
import { Avatar } from "@/components/avatar";
import { Dialog } from "@/components/dialog";
import { Search } from "@/components/field";
import { HashIcon, LockIcon } from "@/components/icons";
import { useRooms } from "@/lib/api/queries";
import type { Room } from "@/lib/api/types";
import { nameOf } from "@/lib/rooms/room-list";

/** Goes to a room by a few letters of its name. */
export function Switcher({ onClose }: { onClose(): void }) {
  const navigate = useNavigate();
  const { contains } = useFilter({ sensitivity: "base" });
  const [text, setText] = useState("");
  const rooms = [...(useRooms().data ?? [])].sort(
    (one, other) =>
      (other.membership?.unread_count ?? 0) - (one.membership?.unread_count ?? 0) ||
      nameOf(one).localeCompare(nameOf(other)),
  );
  const go = (roomId: string) => {
    onClose();
    void navigate({ to: "/rooms/$roomId", params: { roomId } });
  };
  return (
    <Dialog title="Jump to" onClose={onClose}>
      <Autocomplete filter={contains} inputValue={text} onInputChange={setText}>
        <Search label="Room or person" value={text} onChange={setText} autoFocus />
        <ListBox
          aria-label="Rooms and people"
          items={rooms}
          selectionMode="none"
          onAction={(key) => go(String(key))}
          renderEmptyState={() => (
            <p className="px-3 py-6 text-center text-sm text-faint">Nothing of that name</p>
          )}
          className="scroll-quiet mt-2 max-h-80 overflow-y-auto outline-none"
        >
          {(room) => (
            <ListBoxItem
              id={room.id}
              textValue={nameOf(room)}
              className="flex h-10 cursor-default items-center gap-2.5 rounded-lg px-2.5 outline-none data-focused:bg-hover"
            >
              <Picture room={room} />
              <span className="flex-1 truncate">{nameOf(room)}</span>
              {(room.membership?.unread_count ?? 0) > 0 && (
                <span className="text-xs font-semibold text-signal tabular-nums">
                  {room.membership?.unread_count} new
                </span>
              )}
            </ListBoxItem>
          )}
        </ListBox>
      </Autocomplete>
    </Dialog>
  );
}

function Picture({ room }: { room: Room }) {
  if (room.peer) return <Avatar user={room.peer} size="sm" />;
  const Icon = room.kind === "private" ? LockIcon : HashIcon;
  return (
    <span className="flex size-6 items-center justify-center text-faint">
      <Icon className="size-[1.125rem]" />
    </span>
  );
}
