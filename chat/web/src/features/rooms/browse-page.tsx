import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import { Button } from "@/components/button";
import { Search } from "@/components/field";
import { CompassIcon, HashIcon, PlusIcon, SearchIcon } from "@/components/icons";
import { Empty, Failure } from "@/components/notice";
import { Page, PageRows } from "@/components/page";
import { joinRoom } from "@/features/rooms/actions";
import { api } from "@/lib/api/client";
import { unwrap } from "@/lib/api/errors";
import { keys, useRooms } from "@/lib/api/queries";
import type { Room } from "@/lib/api/types";
import { open } from "@/lib/overlays";
import { nameOf } from "@/lib/rooms/room-list";
import { complain } from "@/lib/toasts";

export function BrowsePage() {
  const [text, setText] = useState("");
  const search = useDeferredValue(text.trim());
  const query = useInfiniteQuery({
    queryKey: keys.browse(search),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/rooms/browse", {
          params: { query: { query: search, limit: 30, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (previous) => previous,
  });
  const rooms = query.data?.pages.flatMap((page) => page.rooms) ?? [];

  return (
    <Page
      title="Public rooms"
      lead="Anybody here may join them."
      action={
        <Button size="sm" onPress={() => open({ kind: "create-room" })}>
          <PlusIcon className="size-4" />
          Create a room
        </Button>
      }
    >
      <Search label="Search rooms" value={text} onChange={setText} />
      {query.isError && !query.data ? (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <PageRows label="Public rooms" isLoading={query.isPending}>
          {rooms.map((room) => (
            <Row key={room.id} room={room} />
          ))}
        </PageRows>
      )}
      {query.isSuccess && rooms.length === 0 && (
        <Empty
          icon={search ? SearchIcon : CompassIcon}
          title={search ? "No room of that name" : "No public rooms yet"}
          action={
            <Button tone="primary" size="sm" onPress={() => open({ kind: "create-room" })}>
              Create a room
            </Button>
          }
        >
          {search
            ? "Try a part of the name, or create it."
            : "Create the first one, and others will find it here."}
        </Empty>
      )}
      {query.hasNextPage && (
        <Button
          className="self-center"
          isPending={query.isFetchingNextPage}
          onPress={() => void query.fetchNextPage()}
        >
          Show more
        </Button>
      )}
    </Page>
  );
}

function Row({ room }: { room: Room }) {
  const navigate = useNavigate();
  const isMember = useRooms().data?.some((one) => one.id === room.id) ?? room.membership !== null;
  const [isPending, setPending] = useState(false);
  const enter = async () => {
    setPending(true);
    try {
      if (!isMember) await joinRoom(room.id);
      await navigate({ to: "/rooms/$roomId", params: { roomId: room.id } });
    } catch (error) {
      complain(error);
      setPending(false);
    }
  };
  return (
    <li className="flex items-center gap-3.5 px-4 py-3">
      <span className="flex size-10 shrink-0 items-center justify-center rounded-xl bg-sky-wash text-sky">
        <HashIcon />
      </span>
      <span className="min-w-0 flex-1">
        <span className="block truncate font-semibold">{nameOf(room)}</span>
        <span className="block truncate text-sm text-soft">
          {room.member_count === 1 ? "1 member" : `${room.member_count} members`}
          {room.topic && ` · ${room.topic}`}
        </span>
      </span>
      <Button
        size="sm"
        tone={isMember ? "quiet" : "plain"}
        isPending={isPending}
        onPress={() => void enter()}
        aria-label={`${isMember ? "Open" : "Join"} ${nameOf(room)}`}
      >
        {isMember ? "Open" : "Join"}
      </Button>
    </li>
  );
}
