import { type ReactNode, type Ref, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Failure } from "@/components/notice";
import { Announcer } from "@/features/conversation/announcer";
import { Beginning } from "@/features/conversation/beginning";
import { Composer } from "@/features/conversation/composer";
import { ConversationHeader } from "@/features/conversation/conversation-header";
import { DeleteDialog } from "@/features/conversation/delete-dialog";
import { MessageList, type MessageListHandle } from "@/features/conversation/message-list";
import type { Actions } from "@/features/conversation/rows";
import { TypingLine } from "@/features/conversation/typing-line";
import { useReading } from "@/features/conversation/use-reading";
import { Unreachable } from "@/lib/api/errors";
import type { Room } from "@/lib/api/types";
import { hasOlder, type LogItem } from "@/lib/log/room-log";
import { timeline } from "@/lib/log/timeline";
import type { RoomView } from "@/lib/realtime/delivery";
import { current, useOutbox, useRoomView } from "@/lib/realtime/live";
import { nameOf } from "@/lib/rooms/room-list";
import { useMe } from "@/lib/session/session";

interface ConversationProps {
  room: Room;
  panel: ReactNode;
  isPanelOpen: boolean;
  onTogglePanel(): void;
}

export function Conversation({ room, panel, isPanelOpen, onTogglePanel }: ConversationProps) {
  const list = useRef<MessageListHandle>(null);
  const view = useRoomView(room.id);
  const [isAtEnd, setAtEnd] = useState(true);
  const [editingSeq, setEditingSeq] = useState<number | null>(null);
  const me = useMe();

  useEffect(() => {
    const { delivery } = current();
    delivery.show(room.id);
    return () => delivery.hide(room.id);
  }, [room.id]);

  const atEnd = useCallback((next: boolean) => {
    setAtEnd(next);
    current().delivery.readAtEnd(next);
  }, []);
  const marker = useReading(room, view?.state === "ready" ? view.log : undefined, isAtEnd);
  const editLast = () => {
    const mine = view?.log.items.findLast(
      (item) => item.kind === "message" && item.author.id === me.id && !item.deleted,
    );
    if (mine) setEditingSeq(mine.seq);
  };

  return (
    <div className="flex h-full min-h-0 [--dot-ring:var(--color-paper)]">
      <section aria-label={nameOf(room)} className="flex min-w-0 flex-1 flex-col">
        <ConversationHeader room={room} isPanelOpen={isPanelOpen} onTogglePanel={onTogglePanel} />
        <Messages
          key={`${room.id}:${view?.log.generation ?? 0}`}
          ref={list}
          room={room}
          view={view}
          marker={marker}
          isAtEnd={isAtEnd}
          onAtEnd={atEnd}
          editingSeq={editingSeq}
          onEdit={setEditingSeq}
        />
        <TypingLine roomId={room.id} />
        <Composer room={room} onSent={() => list.current?.scrollToEnd()} onEditLast={editLast} />
        {view && <Announcer log={view.log} myId={me.id} />}
      </section>
      {panel}
    </div>
  );
}

interface MessagesProps {
  ref: Ref<MessageListHandle>;
  room: Room;
  view: RoomView | undefined;
  marker: number | null;
  isAtEnd: boolean;
  onAtEnd(isAtEnd: boolean): void;
  editingSeq: number | null;
  onEdit(seq: number | null): void;
}

function Messages({ ref, room, view, marker, isAtEnd, onAtEnd, editingSeq, onEdit }: MessagesProps) {
  const me = useMe();
  const outbox = useOutbox();
  const [deleting, setDeleting] = useState<LogItem | null>(null);
  const log = view?.log;
  const rows = useMemo(
    () => (log ? timeline(log, outbox, { myId: me.id, readSeq: marker }) : []),
    [log, outbox, me.id, marker],
  );
  const newCount = useNewCount(view, isAtEnd, me.id);
  const mayModerate = me.role === "admin" || room.membership?.role === "owner";
  const actions = useMemo<Actions>(
    () => ({
      editingSeq,
      onEdit,
      onDelete: setDeleting,
      mayEdit: (item) => item.author.id === me.id,
      mayDelete: (item) => item.author.id === me.id || mayModerate,
    }),
    [editingSeq, onEdit, me.id, mayModerate],
  );
  const loadOlder = useCallback(() => void current().delivery.loadOlder(room.id), [room.id]);

  if (!view || !log || view.state === "loading") return <Skeleton />;
  if (view.state === "failed") {
    return (
      <div className="flex min-h-0 flex-1 items-center">
        <Failure error={new Unreachable()} onRetry={() => current().delivery.show(room.id)} />
      </div>
    );
  }
  return (
    <>
      <MessageList
        ref={ref}
        rows={rows}
        label={`Messages in ${nameOf(room)}`}
        roomId={room.id}
        me={me}
        actions={actions}
        beginning={<Beginning room={room} />}
        older={hasOlder(log) ? view.older : "none"}
        onLoadOlder={loadOlder}
        isAtEnd={isAtEnd}
        onAtEnd={onAtEnd}
        newCount={newCount}
      />
      {deleting && <DeleteDialog roomId={room.id} item={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}

/** Others' messages that came since the reader left the end. */
function useNewCount(view: RoomView | undefined, isAtEnd: boolean, myId: string): number {
  const log = view?.log;
  const [left, setLeft] = useState(0);
  const high = log?.high ?? 0;
  if (isAtEnd && left !== high) setLeft(high);
  if (!log || isAtEnd) return 0;
  return log.items.filter((item) => item.seq > left && item.kind === "message" && item.author.id !== myId)
    .length;
}

function Skeleton() {
  return (
    <div
      role="status"
      aria-label="Loading messages"
      className="mx-auto flex min-h-0 w-full max-w-[52rem] flex-1 animate-[fade_200ms_200ms_both] flex-col justify-end gap-5 overflow-hidden px-5 pb-4"
    >
      {[62, 84, 40, 71, 55].map((width) => (
        <div key={width} className="flex gap-4">
          <span className="size-9 shrink-0 animate-pulse rounded-[10px] bg-sunken" />
          <span className="flex flex-1 flex-col gap-2 pt-1">
            <span className="h-3 w-28 animate-pulse rounded bg-sunken" />
            <span className="h-3 animate-pulse rounded bg-sunken" style={{ width: `${width}%` }} />
          </span>
        </div>
      ))}
    </div>
  );
}
