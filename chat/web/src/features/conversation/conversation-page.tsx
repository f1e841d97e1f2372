import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Button } from "@/components/button";
import { CompassIcon, HashIcon } from "@/components/icons";
import { Empty, Failure } from "@/components/notice";
import { BackLink } from "@/components/page";
import { Spinner } from "@/components/spinner";
import { Conversation } from "@/features/conversation/conversation";
import { api } from "@/lib/api/client";
import { isGone, unwrap } from "@/lib/api/errors";
import { keys, useRoom, useRooms } from "@/lib/api/queries";
import type { Room } from "@/lib/api/types";
import { takeRoom } from "@/lib/realtime/live";
import { complain } from "@/lib/toasts";

interface ConversationPageProps {
  roomId: string;
  /** What stands beside the messages, when it is open. */
  panel: ReactNode;
  isPanelOpen: boolean;
  onTogglePanel(): void;
}

export function ConversationPage({ roomId, panel, isPanelOpen, onTogglePanel }: ConversationPageProps) {
  const rooms = useRooms();
  const room = useRoom(roomId);
  if (room) {
    return (
      <Conversation
        key={roomId}
        room={room}
        panel={panel}
        isPanelOpen={isPanelOpen}
        onTogglePanel={onTogglePanel}
      />
    );
  }
  if (rooms.isPending) return <Waiting />;
  if (rooms.isError) return <Failure error={rooms.error} onRetry={() => void rooms.refetch()} />;
  return <Outside roomId={roomId} />;
}

/** A room one is not in: a public one can be joined, of any other there is nothing to see. */
function Outside({ roomId }: { roomId: string }) {
  const query = useQuery({
    queryKey: keys.room(roomId),
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/rooms/{room_id}", { params: { path: { room_id: roomId } }, signal })),
    retry: false,
  });
  if (query.isPending) return <Waiting />;
  return (
    <div className="flex h-full flex-col">
      <div className="p-2 md:hidden">
        <BackLink />
      </div>
      <div className="flex flex-1 items-center">
        {query.data ? (
          <Invitation room={query.data} />
        ) : isGone(query.error) ? (
          <Empty icon={CompassIcon} title="There is no such room">
            It may be private, or you are no longer in it.
          </Empty>
        ) : (
          <Failure error={query.error} onRetry={() => void query.refetch()} />
        )}
      </div>
    </div>
  );
}

function Invitation({ room }: { room: Room }) {
  const [isPending, setPending] = useState(false);
  const join = async () => {
    setPending(true);
    try {
      takeRoom(
        await unwrap(api.POST("/api/v1/rooms/{room_id}/join", { params: { path: { room_id: room.id } } })),
      );
    } catch (error) {
      complain(error);
      setPending(false);
    }
  };
  return (
    <Empty
      icon={HashIcon}
      title={room.name ?? "A room"}
      action={
        <Button tone="primary" isPending={isPending} onPress={() => void join()}>
          Join this room
        </Button>
      }
    >
      {room.topic && <p>{room.topic}</p>}
      <p>{room.member_count === 1 ? "1 member" : `${room.member_count} members`}</p>
    </Empty>
  );
}

function Waiting() {
  return (
    <div className="flex h-full items-center justify-center text-faint">
      <Spinner label="Loading" className="size-6" />
    </div>
  );
}
