import { memo, type ReactNode, useRef } from "react";
import { Avatar } from "@/components/avatar";
import { Button, IconButton } from "@/components/button";
import { CopyButton } from "@/components/copy-button";
import { AlertIcon, ClockIcon, EditIcon, TrashIcon } from "@/components/icons";
import { Markdown } from "@/components/markdown";
import { MessageEditor } from "@/features/conversation/message-editor";
import { focusRow, useFocusStays } from "@/features/conversation/use-focus-stays";
import type { Author } from "@/lib/api/types";
import { cn } from "@/lib/class-names";
import type { LogItem } from "@/lib/log/room-log";
import type { Row } from "@/lib/log/timeline";
import type { OutboxItem } from "@/lib/outbox/outbox";
import { open } from "@/lib/overlays";
import { current } from "@/lib/realtime/live";
import { formatClock, formatClockFace, formatDay, formatExact } from "@/lib/time/format";

/** What may be done with a message. */
export interface Actions {
  editingSeq: number | null;
  onEdit(seq: number | null): void;
  onDelete(item: LogItem): void;
  mayEdit(item: LogItem): boolean;
  mayDelete(item: LogItem): boolean;
}

interface RowViewProps {
  row: Row;
  roomId: string;
  me: Author;
  actions: Actions;
  beginning: ReactNode;
  /** It shows what can be done with it. */
  isHot: boolean;
}

export const RowView = memo(function RowView({ row, roomId, me, actions, beginning, isHot }: RowViewProps) {
  switch (row.type) {
    case "beginning":
      return beginning;
    case "day":
      return <DayLine at={row.at} />;
    case "unread":
      return <UnreadLine />;
    case "event":
      return <EventLine item={row.item} />;
    case "message":
      return (
        <Message item={row.item} continued={row.continued} roomId={roomId} actions={actions} isHot={isHot} />
      );
    case "pending":
      return <Pending item={row.item} continued={row.continued} me={me} />;
  }
});

function DayLine({ at }: { at: string }) {
  return (
    <div className="flex items-center gap-3 pt-5 pb-2">
      <span className="h-px flex-1 bg-line" />
      <time dateTime={at} className="text-xs font-semibold text-faint">
        {formatDay(at, new Date())}
      </time>
      <span className="h-px flex-1 bg-line" />
    </div>
  );
}

function UnreadLine() {
  return (
    <div className="flex items-center gap-2 pt-3 pb-1">
      <span className="h-px flex-1 bg-signal/50" />
      <span className="rounded-full bg-signal px-2 text-[0.6875rem] leading-[1.125rem] font-semibold text-on-signal">
        New
      </span>
    </div>
  );
}

function EventLine({ item }: { item: LogItem }) {
  return (
    <p className="py-1.5 pl-12 text-[0.8125rem] text-faint wrap-anywhere md:pl-[3.25rem]">
      <Event item={item} />
      <time
        dateTime={item.createdAt}
        title={formatExact(item.createdAt)}
        className="ml-2 text-xs tabular-nums"
      >
        {formatClock(item.createdAt)}
      </time>
    </p>
  );
}

function Event({ item }: { item: LogItem }) {
  const who = <strong className="font-medium text-soft">{item.author.display_name}</strong>;
  switch (item.kind) {
    case "joined":
      return <>{who} joined</>;
    case "left":
      return <>{who} left</>;
    case "removed":
      return (
        <>
          {who} removed{" "}
          <strong className="font-medium text-soft">{item.subject?.display_name ?? "somebody"}</strong>
        </>
      );
    case "renamed":
      return (
        <>
          {who} named the room <strong className="font-medium text-soft">{item.text}</strong>
        </>
      );
    default:
      return null;
  }
}

interface FrameProps {
  author: Author;
  at: string;
  continued: boolean;
  isFaded?: boolean;
  children: ReactNode;
}

/** A message's place: the author's picture and name above the first of a group, the time beside the rest. */
function Frame({ author, at, continued, isFaded = false, children }: FrameProps) {
  const time = (
    <time dateTime={at} title={formatExact(at)}>
      {continued ? formatClockFace(at) : formatClock(at)}
    </time>
  );
  return (
    <div
      className={cn(
        "grid grid-cols-[2.25rem_minmax(0,1fr)] gap-x-3 md:gap-x-4",
        continued ? "py-[3px]" : "pt-3 pb-[3px]",
      )}
    >
      {continued ? (
        <span className="pt-1 text-right text-[0.6875rem] leading-4 text-faint tabular-nums opacity-0 group-hover/row:opacity-100 group-focus/row:opacity-100">
          {time}
        </span>
      ) : (
        <button
          type="button"
          tabIndex={-1}
          aria-label={`Profile of ${author.display_name}`}
          onClick={() => open({ kind: "person", userId: author.id })}
          className="mt-0.5 self-start rounded-[10px]"
        >
          <Avatar user={author} className={isFaded ? "opacity-60" : ""} />
        </button>
      )}
      <div className="min-w-0">
        {!continued && (
          <p className="flex items-baseline gap-2 leading-5">
            <span className="truncate font-semibold">{author.display_name}</span>
            <span className="shrink-0 text-xs text-faint tabular-nums">{time}</span>
          </p>
        )}
        {children}
      </div>
    </div>
  );
}

interface MessageProps {
  item: LogItem;
  continued: boolean;
  roomId: string;
  actions: Actions;
  isHot: boolean;
}

function Message({ item, continued, roomId, actions, isHot }: MessageProps) {
  const isEditing = actions.editingSeq === item.seq && !item.deleted;
  return (
    <div className={cn("relative -mx-2 rounded-lg px-2", isHot && !isEditing && "bg-tint")}>
      <Frame author={item.author} at={item.createdAt} continued={continued}>
        {item.deleted ? (
          <p className="text-faint italic">This message was deleted.</p>
        ) : isEditing ? (
          <MessageEditor roomId={roomId} item={item} onClose={() => actions.onEdit(null)} />
        ) : (
          <>
            <Markdown text={item.text} />
            {item.editedAt && (
              <span className="text-xs text-faint" title={formatExact(item.editedAt)}>
                edited
              </span>
            )}
          </>
        )}
      </Frame>
      {isHot && !item.deleted && !isEditing && <Toolbar item={item} actions={actions} />}
    </div>
  );
}

function Toolbar({ item, actions }: { item: LogItem; actions: Actions }) {
  const bar = useRef<HTMLDivElement>(null);
  useFocusStays(bar);
  const remove = () => {
    // The dialog gives the focus back to whoever had it, and by then this button will have gone.
    if (bar.current) focusRow(bar.current);
    actions.onDelete(item);
  };
  return (
    <div
      ref={bar}
      role="toolbar"
      aria-label="Message"
      className="absolute -top-3.5 right-2 z-10 flex rounded-lg border border-line bg-raised p-0.5 shadow-lift"
    >
      <CopyButton text={item.text} />
      {actions.mayEdit(item) && (
        <IconButton label="Edit" size="sm" placement="top" onPress={() => actions.onEdit(item.seq)}>
          <EditIcon />
        </IconButton>
      )}
      {actions.mayDelete(item) && (
        <IconButton label="Delete" size="sm" placement="top" onPress={remove}>
          <TrashIcon />
        </IconButton>
      )}
    </div>
  );
}

/** A message on its way, or one that did not get through. */
function Pending({ item, continued, me }: { item: OutboxItem; continued: boolean; me: Author }) {
  const isFailed = item.state === "failed";
  return (
    <div className={cn("-mx-2 rounded-lg px-2", isFailed && "bg-alarm-wash")} data-state={item.state}>
      <Frame author={me} at={item.writtenAt} continued={continued} isFaded>
        <div className={cn(!isFailed && "opacity-60")}>
          <Markdown text={item.text} />
        </div>
        {isFailed ? <FailedNote item={item} /> : <WaitingNote item={item} />}
      </Frame>
    </div>
  );
}

function WaitingNote({ item }: { item: OutboxItem }) {
  // Shown late, by its animation: most messages are confirmed before anybody could read it.
  return (
    <p className="flex animate-[fade_200ms_600ms_both] items-center gap-1 text-xs text-faint">
      <ClockIcon className="size-3.5" />
      {item.state !== "queued" ? "Sending…" : (item.error ?? "Waiting to be sent")}
    </p>
  );
}

function FailedNote({ item }: { item: OutboxItem }) {
  const { delivery } = current();
  return (
    <div
      className="flex flex-wrap items-center gap-x-2 gap-y-1 pb-1 text-[0.8125rem] text-alarm"
      role="alert"
    >
      <AlertIcon className="size-4" />
      <span>Not sent. {item.error}</span>
      <span className="flex gap-1">
        <Button size="sm" className="h-7" onPress={() => delivery.retry(item.clientId)}>
          Try again
        </Button>
        <Button size="sm" tone="quiet" className="h-7" onPress={() => delivery.discard(item.clientId)}>
          Discard
        </Button>
      </span>
    </div>
  );
}
