import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { IconButton } from "@/components/button";
import { SendIcon } from "@/components/icons";
import { readDraft, writeDraft } from "@/features/conversation/drafts";
import { useTypingSignal } from "@/features/conversation/use-typing-signal";
import type { Room } from "@/lib/api/types";
import { isBlank } from "@/lib/blank";
import { cn } from "@/lib/class-names";
import { useOverlay } from "@/lib/overlays";
import { useConnection } from "@/lib/realtime/connection";
import { current } from "@/lib/realtime/live";
import { nameOf } from "@/lib/rooms/room-list";
import { useMe } from "@/lib/session/session";
import { complain } from "@/lib/toasts";

/** In code points, as the server counts. */
export const MAX_MESSAGE = 4_000;

interface ComposerProps {
  room: Room;
  onSent(): void;
  /** The arrow up in an empty composer. */
  onEditLast(): void;
}

export function Composer({ room, onSent, onEditLast }: ComposerProps) {
  const me = useMe();
  const box = useRef<HTMLTextAreaElement>(null);
  const hasBegun = useRef(false);
  // A room may be here before the dialog that asked for it has its answer, and closes.
  const isCovered = useOverlay(({ overlay }) => overlay !== null);
  const [text, setText] = useState(() => readDraft(me.id, room.id));
  const note = useTypingSignal(room.id);
  const isConnected = useConnection((state) => state.status === "connected");
  const left = MAX_MESSAGE - [...text].length;
  const maySend = !isBlank(text) && left >= 0;

  useLayoutEffect(() => growToFit(box.current, text), [text]);
  useEffect(() => {
    // On a phone it would bring the keyboard up over what one came to read.
    if (hasBegun.current || isCovered || isTouch()) return;
    // A dialog that led here gives the focus back in the frame after it has closed: take it after that.
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => {
        hasBegun.current = true;
        box.current?.focus();
      });
    });
    return () => cancelAnimationFrame(frame);
  }, [isCovered]);

  const write = (next: string) => {
    setText(next);
    writeDraft(me.id, room.id, next);
    note(!isBlank(next));
  };
  const send = () => {
    if (!maySend) return;
    try {
      current().delivery.send(room.id, tidy(text));
    } catch (error) {
      complain(error);
      return;
    }
    write("");
    onSent();
    box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter that ends a composition (of Japanese, say) belongs to the composition.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !isTouch()) {
      event.preventDefault();
      send();
    }
    if (event.key === "ArrowUp" && text === "") {
      event.preventDefault();
      onEditLast();
    }
  };

  return (
    <div className="mx-auto w-full max-w-[54.5rem] px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] md:px-5">
      <div className="flex items-end gap-1 rounded-2xl border border-edge bg-raised shadow-lift transition-colors focus-within:border-sky focus-within:outline-1 focus-within:outline-sky">
        <textarea
          ref={box}
          rows={1}
          value={text}
          aria-label={`Message ${nameOf(room)}`}
          placeholder={`Message ${nameOf(room)}`}
          dir="auto"
          onChange={(event) => write(event.target.value)}
          onKeyDown={onKeyDown}
          onBlur={() => note(false)}
          enterKeyHint="enter"
          className="scroll-quiet max-h-[38vh] min-h-11 min-w-0 flex-1 resize-none bg-transparent py-2.5 pl-4 leading-6 outline-none placeholder:truncate placeholder:text-faint"
        />
        {left < 200 && (
          <span
            className={cn("self-center px-1 text-xs tabular-nums", left < 0 ? "text-alarm" : "text-faint")}
            role="status"
          >
            {left}
            <span className="sr-only"> characters left</span>
          </span>
        )}
        <IconButton
          label="Send"
          placement="top"
          isDisabled={!maySend}
          onPress={send}
          className={cn(
            "m-1 rounded-xl",
            maySend && "bg-signal text-on-signal data-hovered:bg-signal-strong data-hovered:text-on-signal",
          )}
        >
          <SendIcon />
        </IconButton>
      </div>
      <p className="flex h-4 items-center justify-between px-1 pt-1.5 text-[0.6875rem] text-faint max-md:hidden">
        <span>{!isConnected && text && "Will be sent when the connection is back."}</span>
        <span className="touch:hidden">
          <kbd className="font-sans font-medium">Enter</kbd> sends ·{" "}
          <kbd className="font-sans font-medium">Shift Enter</kbd> makes a new line · **bold** _italic_ `code`
        </span>
      </p>
    </div>
  );
}

/** As high as its text; the style sheet says how high that may be. */
export function growToFit(box: HTMLTextAreaElement | null, _text: string): void {
  const frame = box?.parentElement;
  if (!box || !frame) return;
  // What is around keeps its height while the text is measured: a list that grew for a moment would lose its end, and
  // nobody is told of it.
  frame.style.height = `${frame.getBoundingClientRect().height}px`;
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
  frame.style.height = "";
}

/** Without the empty lines around it. Spaces before the first word stay: they may be those of code. */
export function tidy(text: string): string {
  return text.replace(/^(\s*\n)+/, "").trimEnd();
}

function isTouch(): boolean {
  return globalThis.matchMedia("(hover: none) and (pointer: coarse)").matches;
}
