import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Avatar } from "@/components/avatar";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { MessageIcon } from "@/components/icons";
import { Failure } from "@/components/notice";
import { Spinner } from "@/components/spinner";
import { api } from "@/lib/api/client";
import { unwrap } from "@/lib/api/errors";
import { openDirect } from "@/lib/api/people";
import { keys } from "@/lib/api/queries";
import type { User } from "@/lib/api/types";
import { usePresence } from "@/lib/realtime/presence";
import { useMe } from "@/lib/session/session";
import { formatDate, formatSeen } from "@/lib/time/format";
import { complain } from "@/lib/toasts";

/** Somebody else's profile. */
export function PersonDialog({ userId, onClose }: { userId: string; onClose(): void }) {
  const query = useQuery({
    queryKey: keys.person(userId),
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/users/{user_id}", { params: { path: { user_id: userId } }, signal })),
  });
  return (
    <Dialog title={query.data?.display_name ?? "Profile"} titleHidden onClose={onClose} width="sm">
      {query.data && <Card user={query.data} onClose={onClose} />}
      {query.isPending && (
        <div className="flex h-40 items-center justify-center text-faint">
          <Spinner label="Loading the profile" />
        </div>
      )}
      {query.isError && <Failure error={query.error} onRetry={() => void query.refetch()} />}
    </Dialog>
  );
}

function Card({ user, onClose }: { user: User; onClose(): void }) {
  const me = useMe();
  const navigate = useNavigate();
  const presence = usePresence(user.id) ?? user.presence;
  const [isPending, setPending] = useState(false);
  const talk = async () => {
    setPending(true);
    try {
      const room = await openDirect(user.id);
      onClose();
      await navigate({ to: "/rooms/$roomId", params: { roomId: room.id } });
    } catch (error) {
      complain(error);
      setPending(false);
    }
  };
  return (
    <div className="flex flex-col items-center text-center">
      <Avatar user={user} size="lg" online={presence?.online} />
      <p className="mt-3 text-lg font-[650] tracking-tight wrap-anywhere">{user.display_name}</p>
      <p className="text-sm text-soft">
        @{user.username}
        {user.role === "admin" && " · Administrator"}
      </p>
      {presence && (
        <p className="mt-1 text-[0.8125rem] text-faint">
          {presence.online ? "Online now" : formatSeen(presence.last_seen, new Date())}
        </p>
      )}
      {user.about && <p className="mt-4 text-sm whitespace-pre-wrap wrap-anywhere">{user.about}</p>}
      <p className="mt-4 text-[0.8125rem] text-faint">Here since {formatDate(user.created_at)}</p>
      {user.id !== me.id && (
        <Button tone="primary" className="mt-5 w-full" isPending={isPending} onPress={() => void talk()}>
          <MessageIcon />
          Message
        </Button>
      )}
    </div>
  );
}
