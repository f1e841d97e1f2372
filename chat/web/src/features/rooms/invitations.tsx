import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "@/components/button";
import { LockIcon } from "@/components/icons";
import { declineInvitation, joinRoom } from "@/features/rooms/actions";
import { useInvitations } from "@/lib/api/queries";
import type { Invitation } from "@/lib/api/types";
import { complain } from "@/lib/toasts";

export function Invitations() {
  const { data = [] } = useInvitations();
  if (data.length === 0) return null;
  return (
    <section aria-label="Invitations" className="mt-2 flex flex-col gap-2 px-1">
      {data.map((invitation) => (
        <Card key={invitation.room.id} invitation={invitation} />
      ))}
    </section>
  );
}

function Card({ invitation }: { invitation: Invitation }) {
  const navigate = useNavigate();
  const [isPending, setPending] = useState(false);
  const answer = async (accepts: boolean) => {
    setPending(true);
    try {
      if (!accepts) return await declineInvitation(invitation.room.id);
      const room = await joinRoom(invitation.room.id);
      await navigate({ to: "/rooms/$roomId", params: { roomId: room.id } });
    } catch (error) {
      complain(error);
    } finally {
      setPending(false);
    }
  };
  return (
    <div className="animate-rise rounded-xl border border-signal/25 bg-signal-wash p-3">
      <p className="text-sm text-soft wrap-anywhere">
        <strong className="font-semibold text-ink">{invitation.invited_by.display_name}</strong> invites you
        to
      </p>
      <p className="mt-0.5 flex items-center gap-1.5 font-semibold">
        <LockIcon className="size-4 shrink-0 text-faint" />
        <span className="truncate">{invitation.room.name}</span>
      </p>
      <div className="mt-2.5 flex gap-2">
        <Button
          tone="primary"
          size="sm"
          isPending={isPending}
          onPress={() => void answer(true)}
          className="flex-1"
        >
          Join
        </Button>
        <Button
          tone="plain"
          size="sm"
          isDisabled={isPending}
          onPress={() => void answer(false)}
          className="flex-1"
        >
          Decline
        </Button>
      </div>
    </div>
  );
}
