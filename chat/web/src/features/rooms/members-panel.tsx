import { useState } from "react";
import { Avatar } from "@/components/avatar";
import { Button, IconButton } from "@/components/button";
import { CloseIcon, MoreIcon, PersonAddIcon, TrashIcon } from "@/components/icons";
import { Menu, MenuItem } from "@/components/menu";
import { Failure } from "@/components/notice";
import { removeMember } from "@/features/rooms/actions";
import { useMembers } from "@/features/rooms/members";
import { useRoom } from "@/lib/api/queries";
import type { Member } from "@/lib/api/types";
import { open } from "@/lib/overlays";
import { usePresences } from "@/lib/realtime/presence";
import { useMe } from "@/lib/session/session";
import { formatSeen } from "@/lib/time/format";
import { complain } from "@/lib/toasts";

/** Who is in the room, those who are here first. */
export function MembersPanel({ roomId, onClose }: { roomId: string; onClose(): void }) {
  const room = useRoom(roomId);
  const query = useMembers(roomId);
  const presences = usePresences((state) => state.presences);
  const members = query.data?.pages.flatMap((page) => page.members) ?? [];
  const isOnline = (member: Member) =>
    (presences.get(member.user.id) ?? member.user.presence)?.online ?? false;
  const here = members.filter(isOnline);
  const away = members.filter((member) => !isOnline(member));

  return (
    <div className="flex h-full flex-col [--dot-ring:var(--color-paper)]">
      <header className="flex h-14 shrink-0 items-center gap-2 border-b border-line pr-2 pl-4 max-lg:pt-[env(safe-area-inset-top)]">
        <h2 className="flex-1 text-[0.9375rem]">
          Members <span className="font-normal text-faint tabular-nums">{room?.member_count}</span>
        </h2>
        <IconButton label="Close members" onPress={onClose} placement="left">
          <CloseIcon />
        </IconButton>
      </header>
      <div className="scroll-quiet min-h-0 flex-1 overflow-y-auto px-2 py-3">
        {room?.kind === "private" && (
          <Button
            tone="quiet"
            className="mb-2 w-full justify-start gap-3 px-2 text-sky"
            onPress={() => open({ kind: "invite", roomId })}
          >
            <span className="flex size-9 items-center justify-center rounded-[10px] bg-sky-wash">
              <PersonAddIcon />
            </span>
            Invite people
          </Button>
        )}
        {query.isError && <Failure error={query.error} onRetry={() => void query.refetch()} />}
        <Group title="Here" members={here} roomId={roomId} />
        <Group title="Away" members={away} roomId={roomId} />
        {query.hasNextPage && (
          <Button
            size="sm"
            className="mx-auto mt-3 flex"
            isPending={query.isFetchingNextPage}
            onPress={() => void query.fetchNextPage()}
          >
            Show more
          </Button>
        )}
      </div>
    </div>
  );
}

function Group({ title, members, roomId }: { title: string; members: readonly Member[]; roomId: string }) {
  if (members.length === 0) return null;
  return (
    <section aria-label={title} className="mb-4">
      <h3 className="px-2 pb-1 text-[0.8125rem] text-faint">
        {title} · {members.length}
      </h3>
      <ul className="flex flex-col">
        {members.map((member) => (
          <Row key={member.user.id} member={member} roomId={roomId} />
        ))}
      </ul>
    </section>
  );
}

function Row({ member, roomId }: { member: Member; roomId: string }) {
  const { user } = member;
  const me = useMe();
  const room = useRoom(roomId);
  const presence = usePresences((state) => state.presences.get(user.id)) ?? user.presence;
  const [isPending, setPending] = useState(false);
  const isMe = user.id === me.id;
  const mayRemove =
    !isMe && room?.kind !== "direct" && (room?.membership?.role === "owner" || me.role === "admin");
  const remove = async () => {
    setPending(true);
    try {
      await removeMember(roomId, user.id);
    } catch (error) {
      complain(error);
    } finally {
      setPending(false);
    }
  };
  return (
    <li className="group flex items-center rounded-lg hover:bg-hover">
      <Button
        tone="quiet"
        className="h-12 min-w-0 flex-1 justify-start gap-3 px-2 text-left"
        onPress={() => open(isMe ? { kind: "profile" } : { kind: "person", userId: user.id })}
      >
        <Avatar user={user} online={presence?.online ?? false} />
        <span className="min-w-0">
          <span className="block truncate leading-5 font-medium text-ink">
            {user.display_name}
            {isMe && <span className="font-normal text-faint"> (you)</span>}
          </span>
          <span className="block truncate text-[0.8125rem] leading-4 font-normal text-faint">
            {member.role === "owner" ? "Owner" : `@${user.username}`}
            {presence && !presence.online && ` · ${formatSeen(presence.last_seen, new Date())}`}
          </span>
        </span>
      </Button>
      {mayRemove && (
        <Menu
          label={`${user.display_name}, actions`}
          trigger={
            <IconButton
              label={`Actions for ${user.display_name}`}
              size="sm"
              isDisabled={isPending}
              className="mr-1.5 opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 touch:opacity-100"
            >
              <MoreIcon />
            </IconButton>
          }
        >
          <MenuItem icon={TrashIcon} tone="alarm" onAction={() => void remove()}>
            Remove from room
          </MenuItem>
        </Menu>
      )}
    </li>
  );
}
