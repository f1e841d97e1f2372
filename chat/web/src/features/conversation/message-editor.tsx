import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Button } from "@/components/button";
import { Complaint } from "@/components/notice";
import { growToFit, MAX_MESSAGE, tidy } from "@/features/conversation/composer";
import { useFocusStays } from "@/features/conversation/use-focus-stays";
import { isBlank } from "@/lib/blank";
import type { LogItem } from "@/lib/log/room-log";
import { current } from "@/lib/realtime/live";

interface MessageEditorProps {
  roomId: string;
  item: LogItem;
  onClose(): void;
}

/** Stands in the place of the message that is being edited. The focus goes back to where it came from. */
export function MessageEditor({ roomId, item, onClose }: MessageEditorProps) {
  const form = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const opener = useRef<Element>(null);
  const [text, setText] = useState(item.text);
  const [error, setError] = useState<unknown>(null);
  const [isPending, setPending] = useState(false);
  const left = MAX_MESSAGE - [...text].length;
  const isChanged = tidy(text) !== item.text;
  const maySave = !isBlank(text) && left >= 0;

  useLayoutEffect(() => growToFit(box.current, text), [text]);
  useFocusStays(form);
  useEffect(() => {
    const { current: field } = box;
    opener.current ??= document.activeElement;
    field?.focus();
    field?.setSelectionRange(field.value.length, field.value.length);
  }, []);

  const close = () => {
    // Somebody may be writing elsewhere by the time that the server has answered.
    const isFocused = form.current?.contains(document.activeElement);
    if (isFocused && opener.current instanceof HTMLElement) opener.current.focus({ preventScroll: true });
    onClose();
  };
  const save = async () => {
    if (!isChanged) return close();
    if (!maySave || isPending) return;
    setPending(true);
    setError(null);
    try {
      await current().delivery.edit(roomId, item.seq, tidy(text));
      close();
    } catch (refusal) {
      setError(refusal);
      setPending(false);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    event.stopPropagation();
    if (event.key === "Escape") close();
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void save();
    }
  };

  return (
    <div ref={form} className="my-1 flex flex-col gap-2">
      <textarea
        ref={box}
        rows={1}
        aria-label="Edit message"
        value={text}
        dir="auto"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        className="scroll-quiet max-h-[38vh] w-full resize-none rounded-xl border border-sky bg-raised px-3 py-2 leading-6 outline-1 outline-sky"
      />
      <Complaint error={error} />
      <div className="flex items-center gap-2">
        <Button
          size="sm"
          tone="primary"
          isPending={isPending}
          isDisabled={!maySave}
          onPress={() => void save()}
        >
          Save
        </Button>
        <Button size="sm" tone="quiet" onPress={close}>
          Cancel
        </Button>
        <span className="text-xs text-faint max-md:hidden">Enter saves · Escape cancels</span>
        {left < 0 && <span className="text-xs text-alarm tabular-nums">{-left} too many</span>}
      </div>
    </div>
  );
}
