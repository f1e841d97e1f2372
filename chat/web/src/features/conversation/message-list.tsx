import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type FocusEvent,
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { Button } from "@/components/button";
import { DownIcon } from "@/components/icons";
import { Spinner } from "@/components/spinner";
import { type HotRow, useHotRow } from "@/features/conversation/hot-row";
import { type Actions, RowView } from "@/features/conversation/rows";
import type { Author } from "@/lib/api/types";
import type { Row } from "@/lib/log/timeline";

/** Nearer to the end than this is at the end: it stays there when more comes. */
const END_PX = 48;

/** Older messages are asked for this long before the beginning comes into view. */
const AHEAD_PX = 900;

export interface MessageListHandle {
  scrollToEnd(): void;
}

interface MessageListProps {
  ref: Ref<MessageListHandle>;
  rows: readonly Row[];
  label: string;
  roomId: string;
  me: Author;
  actions: Actions;
  beginning: ReactNode;
  older: "none" | "idle" | "loading" | "failed";
  onLoadOlder(): void;
  isAtEnd: boolean;
  onAtEnd(isAtEnd: boolean): void;
  /** Others' messages beyond the reader's view. */
  newCount: number;
}

/**
 * The messages that are in view, and a few around them. Rows are measured as they come; what is inserted above
 * the reader moves nothing in view, and at the end the list stays at the end.
 */
export function MessageList(props: MessageListProps) {
  const { rows, label, roomId, me, actions, beginning, older, onLoadOlder, isAtEnd, onAtEnd } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const hot = useHotRow();
  // The row that takes the focus as soon as it is there: a step by keyboard may lead to one that is not in view.
  const [awaitedKey, setAwaitedKey] = useState<string | null>(null);

  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => estimate(rows[index]),
    getItemKey: (index) => rows[index]?.key ?? index,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: END_PX,
    overscan: 6,
    paddingStart: 12,
    paddingEnd: 12,
    // Scrolled, measured or grown: each may bring the end into view or out of it.
    onChange: (instance) => onAtEnd(instance.isAtEnd(END_PX)),
  });

  useImperativeHandle(props.ref, () => ({ scrollToEnd: () => virtualizer.scrollToEnd() }), [virtualizer]);

  // Where one stopped reading, or else at the end.
  const firstUnread = useRef(rows.findIndex((row) => row.type === "unread"));
  useLayoutEffect(() => {
    if (firstUnread.current >= 0) virtualizer.scrollToIndex(firstUnread.current, { align: "start" });
    else virtualizer.scrollToEnd();
  }, [virtualizer]);

  useStayAtEnd(scroller, isAtEnd, virtualizer.scrollToEnd);
  const follow = useCallback(() => {
    virtualizer.scrollToEnd();
    // Before the browser tells of it: what comes in until then is followed, too.
    onAtEnd(true);
  }, [virtualizer, onAtEnd]);
  useFollowInsertions(rows, isAtEnd, follow);

  const first = virtualizer.getVirtualItems()[0];
  const isNearBeginning =
    first === undefined || first.index === 0 || (virtualizer.scrollOffset ?? 0) < AHEAD_PX;
  useEffect(() => {
    if (older === "idle" && isNearBeginning && rows.length > 0) onLoadOlder();
  }, [older, isNearBeginning, onLoadOlder, rows.length]);

  const onKeyDown = (event: KeyboardEvent) => {
    const direction = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    const target = event.target as HTMLElement;
    const isOnRow = target === scroller.current || target.matches("article");
    if (!isOnRow) return;
    if (event.key === "End") {
      event.preventDefault();
      virtualizer.scrollToEnd();
      return;
    }
    if (direction === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const focused = rows.findIndex((row) => row.key === target.dataset.key);
    const next = findMessage(rows, target === scroller.current ? rows.length : focused, direction);
    if (next === -1) return;
    setAwaitedKey(rows[next]?.key ?? null);
    virtualizer.scrollToIndex(next, { align: "auto" });
  };

  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        role="log"
        aria-live="off"
        aria-label={label}
        aria-busy={older === "loading"}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard
        tabIndex={0}
        onKeyDown={onKeyDown}
        onFocus={(event) => event.target !== scroller.current && setAwaitedKey(null)}
        onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setAwaitedKey(null)}
        className="scroll-quiet flex h-full flex-col overflow-x-hidden overflow-y-auto overscroll-contain [overflow-anchor:none] focus-visible:-outline-offset-2"
      >
        <div className="relative mt-auto w-full shrink-0" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <Positioned
                key={item.key}
                row={row}
                index={item.index}
                start={item.start}
                measure={virtualizer.measureElement}
                isAwaited={row.key === awaitedKey}
                hot={hot}
              >
                <RowView
                  row={row}
                  roomId={roomId}
                  me={me}
                  actions={actions}
                  beginning={beginning}
                  isHot={row.key === hot.hotKey}
                />
              </Positioned>
            );
          })}
        </div>
      </div>
      <Older state={older} onRetry={onLoadOlder} />
      {!isAtEnd && (
        <Pill count={props.newCount} onPress={() => virtualizer.scrollToEnd({ behavior: "smooth" })} />
      )}
    </div>
  );
}

interface PositionedProps {
  row: Row;
  index: number;
  start: number;
  measure(node: HTMLElement | null): void;
  /** It takes the focus when this becomes true. */
  isAwaited: boolean;
  hot: HotRow;
  children: ReactNode;
}

function Positioned({ row, index, start, measure, isAwaited, hot, children }: PositionedProps) {
  const node = useRef<HTMLElement>(null);
  const isTouched = useRef(false);
  const attach = useCallback(
    (element: HTMLElement | null) => {
      node.current = element;
      measure(element);
    },
    [measure],
  );
  useEffect(() => {
    if (isAwaited) node.current?.focus({ preventScroll: true });
  }, [isAwaited]);
  // No event tells that what is pointed at or focused has gone.
  useEffect(() => () => hot.leave(row.key), [hot.leave, row.key]);
  const onFocus = (event: FocusEvent) =>
    hot.focus(row.key, isTouched.current || event.target.matches(":focus-visible"));
  const place = {
    ref: attach,
    "data-index": index,
    "data-key": row.key,
    className: "group/row absolute inset-x-0 top-0 rounded-lg px-3 focus-visible:-outline-offset-2 md:px-5",
    style: { transform: `translateY(${start}px)` },
  };
  if (row.type !== "message" && row.type !== "pending") {
    return (
      <div {...place}>
        <div className="mx-auto w-full max-w-[52rem]">{children}</div>
      </div>
    );
  }
  return (
    <article
      {...place}
      tabIndex={-1}
      onFocus={onFocus}
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && hot.leave(row.key)}
      onPointerDownCapture={(event) => {
        isTouched.current = event.pointerType !== "mouse";
      }}
      onPointerMove={(event) => hasMoved(event) && hot.point(row.key)}
      onPointerLeave={(event) => event.pointerType === "mouse" && hot.unpoint(row.key)}
    >
      <div className="mx-auto w-full max-w-[52rem]">{children}</div>
    </article>
  );
}

function Older({ state, onRetry }: { state: MessageListProps["older"]; onRetry(): void }) {
  if (state === "loading") {
    return (
      <div className="pointer-events-none absolute inset-x-0 top-2 flex animate-[fade_200ms_300ms_both] justify-center">
        <span className="rounded-full border border-line bg-raised p-1.5 text-faint shadow-lift">
          <Spinner label="Loading older messages" className="size-4" />
        </span>
      </div>
    );
  }
  if (state === "failed") {
    return (
      <div className="absolute inset-x-0 top-2 flex justify-center">
        <Button size="sm" onPress={onRetry}>
          Older messages did not load. Try again
        </Button>
      </div>
    );
  }
  return null;
}

function Pill({ count, onPress }: { count: number; onPress(): void }) {
  return (
    <div className="absolute inset-x-0 bottom-3 flex justify-center">
      <Button
        size="sm"
        tone={count > 0 ? "primary" : "plain"}
        onPress={onPress}
        {...(count > 0 ? {} : { "aria-label": "Go to the newest messages" })}
        className="animate-rise rounded-full shadow-float"
      >
        {count > 0 && (count === 1 ? "1 new message" : `${count} new messages`)}
        <DownIcon className="size-4" />
      </Button>
    </div>
  );
}

/** A composer that grows, or a keyboard that comes up, makes the list lower: at the end it stays at the end. */
function useStayAtEnd(
  scroller: { readonly current: HTMLElement | null },
  isAtEnd: boolean,
  scrollToEnd: () => void,
): void {
  const latest = useRef(isAtEnd);
  useLayoutEffect(() => {
    latest.current = isAtEnd;
  }, [isAtEnd]);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => latest.current && scrollToEnd());
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller, scrollToEnd]);
}

/**
 * What comes in above the last row, as another's message does while one's own is still on its way, is no append, and
 * the virtualizer does not follow it: at the end the list stays at the end.
 */
function useFollowInsertions(rows: readonly Row[], isAtEnd: boolean, follow: () => void): void {
  const before = useRef(rows);
  useLayoutEffect(() => {
    const previous = before.current;
    before.current = rows;
    const isInsertion = rows.length > previous.length && rows.at(-1)?.key === previous.at(-1)?.key;
    if (isInsertion && isAtEnd) follow();
  }, [rows, isAtEnd, follow]);
}

/**
 * Whether a hand moved the mouse. When rows move under one that rests, the browser reports that as well; it must
 * not take «delete» from the row that was chosen by keyboard and give it to another.
 */
function hasMoved(event: PointerEvent): boolean {
  return event.pointerType === "mouse" && (event.movementX !== 0 || event.movementY !== 0);
}

function findMessage(rows: readonly Row[], from: number, step: number): number {
  for (let index = from + step; index >= 0 && index < rows.length; index += step) {
    const type = rows[index]?.type;
    if (type === "message" || type === "pending") return index;
  }
  return -1;
}

/** Height of a row before it is measured: the nearer, the less the scroll bar jumps. */
function estimate(row: Row | undefined): number {
  if (!row) return 40;
  switch (row.type) {
    case "beginning":
      return 200;
    case "day":
      return 46;
    case "unread":
      return 34;
    case "event":
      return 32;
    default: {
      const { text } = row.item;
      const lines = text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 95)), 0);
      return lines * 23 + (row.continued ? 6 : 35);
    }
  }
}
