import { useDeferredValue, useState } from "react";
import { Avatar } from "@/components/avatar";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { Search } from "@/components/field";
import { CheckIcon, PeopleIcon } from "@/components/icons";
import { Empty, Failure } from "@/components/notice";
import { invite } from "@/features/rooms/actions";
import { useMembers } from "@/features/rooms/members";
import { usePeople } from "@/lib/api/people";
import { useRoom } from "@/lib/api/queries";
import type { User } from "@/lib/api/types";
import { complain } from "@/lib/toasts";

export function InviteDialog({ roomId, onClose }: { roomId: string; onClose(): void }) {
  const room = useRoom(roomId);
  const [text, setText] = useState("");
  const search = useDeferredValue(text.trim());
  const people = usePeople(search);
  const members = useMembers(roomId);
  const inside = new Set(members.data?.pages.flatMap((page) => page.members.map((member) => member.user.id)));
  const found = people.data?.filter((user) => !inside.has(user.id)) ?? [];

  return (
    <Dialog title={`Invite to ${room?.name ?? "this room"}`} onClose={onClose}>
      <Search label="Search people" value={text} onChange={setText} autoFocus />
      <ul aria-label="People" className="mt-3 flex h-72 flex-col overflow-y-auto">
        {found.map((user) => (
          <Row key={user.id} user={user} roomId={roomId} />
        ))}
        {people.isError && <Failure error={people.error} onRetry={() => void people.refetch()} />}
        {people.isSuccess && found.length === 0 && (
          <Empty icon={PeopleIcon} title={search ? "Nobody of that name" : "Everybody is here already"} />
        )}
      </ul>
    </Dialog>
  );
}

function Row({ user, roomId }: { user: User; roomId: string }) {
  const [state, setState] = useState<"idle" | "pending" | "done">("idle");
  const send = async () => {
    setState("pending");
    try {
      await invite(roomId, user.id);
      setState("done");
    } catch (error) {
      complain(error);
      setState("idle");
    }
  };
  return (
    <li className="flex items-center gap-3 py-1.5">
      <Avatar user={user} />
      <span className="min-w-0 flex-1">
        <span className="block truncate font-medium">{user.display_name}</span>
        <span className="block truncate text-[0.8125rem] text-faint">@{user.username}</span>
      </span>
      {state === "done" ? (
        <span className="flex items-center gap-1 px-3 text-sm font-medium text-calm">
          <CheckIcon className="size-4" />
          Invited
        </span>
      ) : (
        <Button
          size="sm"
          isPending={state === "pending"}
          onPress={() => void send()}
          aria-label={`Invite ${user.display_name}`}
        >
          Invite
        </Button>
      )}
    </li>
  );
}
