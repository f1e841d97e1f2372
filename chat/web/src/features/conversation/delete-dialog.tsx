import { useState } from "react";
import { Button } from "@/components/button";
import { Dialog, DialogActions } from "@/components/dialog";
import { Markdown } from "@/components/markdown";
import { Complaint } from "@/components/notice";
import type { LogItem } from "@/lib/log/room-log";
import { current } from "@/lib/realtime/live";

interface DeleteDialogProps {
  roomId: string;
  item: LogItem;
  onClose(): void;
}

export function DeleteDialog({ roomId, item, onClose }: DeleteDialogProps) {
  const [error, setError] = useState<unknown>(null);
  const [isPending, setPending] = useState(false);
  const remove = async () => {
    setPending(true);
    setError(null);
    try {
      await current().delivery.delete(roomId, item.seq);
      onClose();
    } catch (refusal) {
      setError(refusal);
      setPending(false);
    }
  };
  return (
    <Dialog role="alertdialog" title="Delete this message?" onClose={onClose}>
      <p className="mb-3 text-soft">It disappears for everybody, and cannot be brought back.</p>
      <div className="scroll-quiet max-h-40 overflow-y-auto rounded-lg border border-line bg-sunken px-3 py-2">
        <p className="text-sm font-semibold wrap-anywhere">{item.author.display_name}</p>
        <Markdown text={item.text} />
      </div>
      <Complaint error={error} className="mt-3" />
      <DialogActions>
        <Button tone="quiet" onPress={onClose}>
          Cancel
        </Button>
        <Button tone="alarm" isPending={isPending} onPress={() => void remove()}>
          Delete
        </Button>
      </DialogActions>
    </Dialog>
  );
}
