import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Radio, RadioGroup } from "react-aria-components";
import { Button } from "@/components/button";
import { Dialog, DialogActions } from "@/components/dialog";
import { Field } from "@/components/field";
import { HashIcon, LockIcon } from "@/components/icons";
import { Complaint } from "@/components/notice";
import { createRoom } from "@/features/rooms/actions";
import { cn } from "@/lib/class-names";

const KINDS = [
  { kind: "public", icon: HashIcon, name: "Public", text: "Anybody here can find it and join." },
  { kind: "private", icon: LockIcon, name: "Private", text: "Only people who are invited." },
] as const;

export function CreateRoomDialog({ onClose }: { onClose(): void }) {
  const navigate = useNavigate();
  const [kind, setKind] = useState<"public" | "private">("public");
  const [name, setName] = useState("");
  const [topic, setTopic] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [isPending, setPending] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isPending || !name.trim()) return;
    setPending(true);
    setError(null);
    try {
      const room = await createRoom({ kind, name: name.trim(), topic: topic.trim() });
      onClose();
      await navigate({ to: "/rooms/$roomId", params: { roomId: room.id } });
    } catch (refusal) {
      setError(refusal);
      setPending(false);
    }
  };

  return (
    <Dialog title="Create a room" onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <RadioGroup
          aria-label="Who can join"
          value={kind}
          onChange={(value) => setKind(value === "private" ? "private" : "public")}
          className="grid grid-cols-2 gap-2"
        >
          {KINDS.map(({ kind: value, icon: Icon, name: title, text }) => (
            <Radio
              key={value}
              value={value}
              className={cn(
                "flex cursor-default flex-col gap-0.5 rounded-xl border border-edge bg-raised p-3 transition-colors",
                "data-selected:border-sky data-selected:bg-sky-wash data-focus-visible:outline-2 data-focus-visible:outline-offset-2 data-focus-visible:outline-sky",
              )}
            >
              <span className="flex items-center gap-1.5 font-semibold">
                <Icon className="size-4 text-faint" />
                {title}
              </span>
              <span className="text-[0.8125rem] text-soft">{text}</span>
            </Radio>
          ))}
        </RadioGroup>
        <Field
          label="Name"
          value={name}
          onChange={setName}
          limit={64}
          autoFocus
          isRequired
          placeholder="garden-club"
          inputProps={{ autoComplete: "off" }}
        />
        <Field
          label="Topic (optional)"
          value={topic}
          onChange={setTopic}
          limit={280}
          lines={2}
          placeholder="What it is about"
        />
        <Complaint error={error} />
        <DialogActions>
          <Button tone="quiet" onPress={onClose}>
            Cancel
          </Button>
          <Button type="submit" tone="primary" isPending={isPending} isDisabled={!name.trim()}>
            Create room
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
