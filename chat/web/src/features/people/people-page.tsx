import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import { Avatar } from "@/components/avatar";
import { Button } from "@/components/button";
import { Search } from "@/components/field";
import { MessageIcon, PeopleIcon } from "@/components/icons";
import { Empty, Failure } from "@/components/notice";
import { Page, PageRows } from "@/components/page";
import { openDirect, usePeople } from "@/lib/api/people";
import type { User } from "@/lib/api/types";
import { open } from "@/lib/overlays";
import { usePresence } from "@/lib/realtime/presence";
import { useMe } from "@/lib/session/session";
import { complain } from "@/lib/toasts";

export function PeoplePage() {
  const me = useMe();
  const [text, setText] = useState("");
  const search = useDeferredValue(text.trim());
  const query = usePeople(search);
  const people = query.data?.filter((user) => user.id !== me.id) ?? [];
  return (
    <Page title="People" lead="Everybody with an account on this server.">
      <Search label="Search people" value={text} onChange={setText} placeholder="Name or username" />
      {query.isError && !query.data ? (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <PageRows label="People" isLoading={query.isPending}>
          {people.map((user) => (
            <Row key={user.id} user={user} />
          ))}
        </PageRows>
      )}
      {query.isSuccess && people.length === 0 && (
        <Empty icon={PeopleIcon} title={search ? "Nobody of that name" : "Nobody else is here yet"}>
          {search
            ? "Try the beginning of a name or of a username."
            : "Tell them the address of this page: they can create an account themselves."}
        </Empty>
      )}
    </Page>
  );
}

function Row({ user }: { user: User }) {
  const navigate = useNavigate();
  const presence = usePresence(user.id) ?? user.presence;
  const [isPending, setPending] = useState(false);
  const talk = async () => {
    setPending(true);
    try {
      const room = await openDirect(user.id);
      await navigate({ to: "/rooms/$roomId", params: { roomId: room.id } });
    } catch (error) {
      complain(error);
      setPending(false);
    }
  };
  return (
    <li className="flex items-center gap-3 px-4 py-2.5">
      <Avatar user={user} online={presence?.online} />
      <Button
        tone="quiet"
        className="h-auto min-w-0 flex-1 justify-start px-2 py-1 text-left"
        onPress={() => open({ kind: "person", userId: user.id })}
      >
        <span className="min-w-0">
          <span className="block truncate font-semibold text-ink">{user.display_name}</span>
          <span className="block truncate text-sm font-normal text-soft">
            @{user.username}
            {user.about && ` · ${user.about.split("\n")[0]}`}
          </span>
        </span>
      </Button>
      <Button
        size="sm"
        isPending={isPending}
        onPress={() => void talk()}
        aria-label={`Message ${user.display_name}`}
      >
        <MessageIcon className="size-4" />
        <span className="max-md:sr-only">Message</span>
      </Button>
    </li>
  );
}
