import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/button";
import { Dialog, DialogActions } from "@/components/dialog";
import { Field } from "@/components/field";
import { HashIcon, LeaveIcon, LockIcon } from "@/components/icons";
import { Complaint } from "@/components/notice";
import { changeRoom, leaveRoom } from "@/features/rooms/actions";
import { useRoom } from "@/lib/api/queries";
import type { Room } from "@/lib/api/types";
import { useMe } from "@/lib/session/session";
import { formatDate } from "@/lib/time/format";
import { say } from "@/lib/toasts";

export function RoomSettingsDialog({ roomId, onClose }: { roomId: string; onClose(): void }) {
  const room = useRoom(roomId);
  if (!room) return null;
  return (
    <Dialog title={`About ${room.name ?? "this room"}`} onClose={onClose}>
      <Facts room={room} />
      <Details room={room} onClose={onClose} />
      <Leaving room={room} onClose={onClose} />
    </Dialog>
  );
}

function Facts({ room }: { room: Room }) {
  const Icon = room.kind === "private" ? LockIcon : HashIcon;
  return (
    <p className="mb-4 flex items-center gap-1.5 text-sm text-soft">
      <Icon className="size-4 text-faint" />
      {room.kind === "private" ? "Private room" : "Public room"} ·{" "}
      {room.member_count === 1 ? "1 member" : `${room.member_count} members`} · since{" "}
      {formatDate(room.created_at)}
    </p>
  );
}

function Details({ room, onClose }: { room: Room; onClose(): void }) {
  const me = useMe();
  const [name, setName] = useState(room.name ?? "");
  const [topic, setTopic] = useState(room.topic);
  const [error, setError] = useState<unknown>(null);
  const [isPending, setPending] = useState(false);
  const mayChange = room.membership?.role === "owner" || me.role === "admin";
  const isChanged = name.trim() !== room.name || topic.trim() !== room.topic;

  if (!mayChange) {
    return <p className="whitespace-pre-wrap wrap-anywhere">{room.topic || "This room has no topic."}</p>;
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setPending(true);
    setError(null);
    try {
      await changeRoom(room.id, { name: name.trim(), topic: topic.trim() });
      say("The room has been changed.");
      onClose();
    } catch (refusal) {
      setError(refusal);
      setPending(false);
    }
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label="Name" value={name} onChange={setName} limit={64} isRequired />
      <Field label="Topic" value={topic} onChange={setTopic} limit={280} lines={3} />
      <Complaint error={error} />
      <DialogActions>
        <Button type="submit" tone="primary" isPending={isPending} isDisabled={!isChanged || !name.trim()}>
          Save
        </Button>
      </DialogActions>
    </form>
  );
}

function Leaving({ room, onClose }: { room: Room; onClose(): void }) {
  const navigate = useNavigate();
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [isPending, setPending] = useState(false);
  const leave = async () => {
    setPending(true);
    try {
      await leaveRoom(room.id);
      onClose();
      await navigate({ to: "/" });
    } catch (refusal) {
      setError(refusal);
      setPending(false);
    }
  };
  return (
    <div className="mt-5 border-t border-line pt-4">
      <Complaint error={error} className="mb-3" />
      {isAsking ? (
        <div className="flex flex-wrap items-center justify-end gap-2">
          <p className="flex-1 text-sm text-soft">
            {room.kind === "private"
              ? "To come back you need a new invitation."
              : "You can come back at any time."}
          </p>
          <Button size="sm" tone="quiet" onPress={() => setAsking(false)}>
            Stay
          </Button>
          <Button size="sm" tone="alarm" isPending={isPending} onPress={() => void leave()}>
            Leave
          </Button>
        </div>
      ) : (
        <Button tone="quiet" className="-ml-3 text-alarm" onPress={() => setAsking(true)}>
          <LeaveIcon />
          Leave this room
        </Button>
      )}
    </div>
  );
}
