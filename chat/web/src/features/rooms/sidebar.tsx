import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Avatar } from "@/components/avatar";
import { Button, IconButton } from "@/components/button";
import { CompassIcon, HashIcon, LockIcon, PersonAddIcon, PlusIcon, SearchIcon } from "@/components/icons";
import { Logo } from "@/components/logo";
import { Menu, MenuItem } from "@/components/menu";
import { Failure } from "@/components/notice";
import { Invitations } from "@/features/rooms/invitations";
import { useRooms } from "@/lib/api/queries";
import type { Room } from "@/lib/api/types";
import { cn } from "@/lib/class-names";
import { open } from "@/lib/overlays";
import { usePresence } from "@/lib/realtime/presence";
import { useTypists } from "@/lib/realtime/typing";
import { arrange, nameOf } from "@/lib/rooms/room-list";

interface SidebarProps {
  /** Where one can go besides: the application knows the addresses. */
  goTo(place: "browse" | "people"): void;
  footer: ReactNode;
  className?: string;
}

export function Sidebar({ goTo, footer, className }: SidebarProps) {
  return (
    <div
      className={cn(
        "flex min-h-0 flex-col border-line bg-mist [--dot-ring:var(--color-mist)] md:border-r",
        className,
      )}
    >
      <header className="flex items-center gap-2.5 pt-[max(0.875rem,env(safe-area-inset-top))] pr-2.5 pb-2 pl-4">
        <Link to="/" className="flex items-center gap-2 rounded-md" aria-label="Windsock, start page">
          <Logo className="size-7" />
          <span className="text-[1.0625rem] font-[680] tracking-tight">Windsock</span>
        </Link>
        <span className="flex-1" />
        <Menu
          label="New"
          trigger={
            <IconButton label="New room or conversation">
              <PlusIcon />
            </IconButton>
          }
        >
          <MenuItem icon={HashIcon} onAction={() => open({ kind: "create-room" })}>
            Create a room
          </MenuItem>
          <MenuItem icon={CompassIcon} onAction={() => goTo("browse")}>
            Browse public rooms
          </MenuItem>
          <MenuItem icon={PersonAddIcon} onAction={() => goTo("people")}>
            Find people
          </MenuItem>
        </Menu>
      </header>
      <div className="px-3 pb-2">
        <Button
          tone="plain"
          onPress={() => open({ kind: "switcher" })}
          className="h-9 w-full justify-start gap-2 border-line bg-paper px-2.5 text-sm font-normal text-faint shadow-none"
        >
          <SearchIcon className="size-4" />
          <span className="flex-1 text-left">Jump to…</span>
          <kbd className="rounded border border-line px-1 font-sans text-[0.6875rem] text-faint touch:hidden">
            Ctrl K
          </kbd>
        </Button>
      </div>
      <nav
        aria-label="Rooms and conversations"
        className="scroll-quiet min-h-0 flex-1 overflow-y-auto px-2 pb-4"
      >
        <Invitations />
        <Lists goTo={goTo} />
      </nav>
      <footer className="border-t border-line p-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">
        {footer}
      </footer>
    </div>
  );
}

function Lists({ goTo }: Pick<SidebarProps, "goTo">) {
  const query = useRooms();
  if (!query.data) {
    if (query.isError) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
    return <Skeleton />;
  }
  const { rooms, directs } = arrange(query.data);
  return (
    <>
      <Section
        title="Rooms"
        action={
          <IconButton label="Browse public rooms" size="sm" onPress={() => goTo("browse")}>
            <CompassIcon className="size-[1.125rem]" />
          </IconButton>
        }
      >
        {rooms.map((room) => (
          <RoomLink key={room.id} room={room} />
        ))}
        {rooms.length === 0 && <Hint onPress={() => goTo("browse")}>Browse public rooms</Hint>}
      </Section>
      <Section
        title="People"
        action={
          <IconButton label="Find people" size="sm" onPress={() => goTo("people")}>
            <PersonAddIcon className="size-[1.125rem]" />
          </IconButton>
        }
      >
        {directs.map((room) => (
          <DirectLink key={room.id} room={room} />
        ))}
        {directs.length === 0 && <Hint onPress={() => goTo("people")}>Find people to talk to</Hint>}
      </Section>
    </>
  );
}

function Section({ title, action, children }: { title: string; action: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={title} className="mt-3">
      <div className="flex h-8 items-center justify-between pr-1 pl-2.5">
        <h2 className="text-[0.8125rem] font-semibold tracking-normal text-faint">{title}</h2>
        {action}
      </div>
      <ul className="flex flex-col gap-px">{children}</ul>
    </section>
  );
}

function Hint({ onPress, children }: { onPress(): void; children: string }) {
  return (
    <li>
      <Button
        tone="quiet"
        size="sm"
        onPress={onPress}
        className="w-full justify-start px-2.5 font-normal text-faint"
      >
        {children}
      </Button>
    </li>
  );
}

/** A row of the list: marked by the windsock's colour at its edge when it is the one on the screen. */
function RowLink({ room, children }: { room: Room; children: ReactNode }) {
  const unread = room.membership?.unread_count ?? 0;
  return (
    <li>
      <Link
        to="/rooms/$roomId"
        params={{ roomId: room.id }}
        className={cn(
          "group relative flex h-9 items-center gap-2.5 rounded-lg pr-2 pl-2.5 text-[0.9375rem] transition-colors touch:h-11",
          "hover:bg-hover focus-visible:-outline-offset-2",
          "data-[status=active]:bg-raised data-[status=active]:text-ink data-[status=active]:shadow-lift",
          "data-[status=active]:before:absolute data-[status=active]:before:inset-y-2 data-[status=active]:before:-left-0.5",
          "data-[status=active]:before:w-[3px] data-[status=active]:before:rounded-full data-[status=active]:before:bg-signal",
          unread > 0 ? "font-semibold text-ink" : "text-soft",
        )}
      >
        {children}
        {unread > 0 && (
          <span className="ml-auto min-w-5 rounded-full bg-signal px-1.5 text-center text-xs leading-5 font-semibold text-on-signal tabular-nums">
            {unread > 99 ? "99+" : unread}
            <span className="sr-only"> unread</span>
          </span>
        )}
      </Link>
    </li>
  );
}

export function RoomLink({ room }: { room: Room }) {
  const Icon = room.kind === "private" ? LockIcon : HashIcon;
  return (
    <RowLink room={room}>
      <Icon className="size-[1.0625rem] shrink-0 text-faint" />
      <span className="truncate">{nameOf(room)}</span>
      <TypingMark roomId={room.id} />
    </RowLink>
  );
}

export function DirectLink({ room }: { room: Room }) {
  const presence = usePresence(room.peer?.id) ?? room.peer?.presence;
  if (!room.peer) return null;
  return (
    <RowLink room={room}>
      <Avatar user={room.peer} size="sm" online={presence?.online} className="-ml-0.5" />
      {/* `relative`: what is for screen readers alone is cut off with the name, and widens nothing. */}
      <span className="relative truncate">
        {nameOf(room)}
        {presence && <span className="sr-only">, {presence.online ? "online" : "offline"}</span>}
      </span>
      <TypingMark roomId={room.id} />
    </RowLink>
  );
}

function TypingMark({ roomId }: { roomId: string }) {
  const isTyping = useTypists((state) => (state.typists[roomId]?.length ?? 0) > 0);
  if (!isTyping) return null;
  return (
    <span role="img" aria-label="typing" className="flex gap-0.5">
      {[0, 150, 300].map((delay) => (
        <span
          key={delay}
          className="size-1 animate-blink rounded-full bg-sky"
          style={{ animationDelay: `${delay}ms` }}
        />
      ))}
    </span>
  );
}

function Skeleton() {
  return (
    <div role="status" aria-label="Loading rooms" className="mt-4 flex flex-col gap-3 px-3">
      {[70, 52, 84, 60, 44].map((width) => (
        <span key={width} className="h-4 animate-pulse rounded bg-hover" style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}
