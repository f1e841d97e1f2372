import { type FormEvent, useState } from "react";
import { Avatar } from "@/components/avatar";
import { Button } from "@/components/button";
import { Dialog, DialogActions } from "@/components/dialog";
import { Field } from "@/components/field";
import { LeaveIcon } from "@/components/icons";
import { Complaint } from "@/components/notice";
import { api } from "@/lib/api/client";
import { unwrap } from "@/lib/api/errors";
import { logOutEverywhere, updateSelf, useMe } from "@/lib/session/session";
import { useLeave } from "@/lib/session/use-leave";
import { say } from "@/lib/toasts";

/** One's own profile. */
export function ProfileDialog({ onClose }: { onClose(): void }) {
  const me = useMe();
  const [name, setName] = useState(me.display_name);
  const [about, setAbout] = useState(me.about);
  const [error, setError] = useState<unknown>(null);
  const [isPending, setPending] = useState(false);
  const isChanged = name.trim() !== me.display_name || about.trim() !== me.about;

  const leave = useLeave(logOutEverywhere);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setPending(true);
    setError(null);
    try {
      const body = { display_name: name.trim(), about: about.trim() };
      updateSelf(await unwrap(api.PATCH("/api/v1/users/me", { body })));
      say("Your profile has been saved.");
      onClose();
    } catch (refusal) {
      setError(refusal);
      setPending(false);
    }
  };

  return (
    <Dialog title="Your profile" onClose={onClose}>
      <div className="mb-5 flex items-center gap-4">
        <Avatar user={{ id: me.id, display_name: name || me.display_name }} size="lg" />
        <div className="min-w-0">
          <p className="truncate font-semibold">{name || me.display_name}</p>
          <p className="text-sm text-soft">
            @{me.username}
            {me.role === "admin" && " · Administrator"}
          </p>
        </div>
      </div>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label="Name" value={name} onChange={setName} limit={64} isRequired autoComplete="name" />
        <Field
          label="About"
          value={about}
          onChange={setAbout}
          limit={280}
          lines={3}
          placeholder="What others may like to know"
        />
        <Complaint error={error} />
        <DialogActions>
          <Button tone="quiet" onPress={onClose}>
            Cancel
          </Button>
          <Button type="submit" tone="primary" isPending={isPending} isDisabled={!isChanged || !name.trim()}>
            Save
          </Button>
        </DialogActions>
      </form>
      <div className="mt-5 border-t border-line pt-4">
        <Button tone="quiet" className="-ml-3" onPress={() => void leave()}>
          <LeaveIcon />
          Log out on all devices
        </Button>
      </div>
    </Dialog>
  );
}
