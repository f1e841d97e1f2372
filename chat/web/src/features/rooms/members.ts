import { useInfiniteQuery } from "@tanstack/react-query";
import { api } from "@/lib/api/client";
import { unwrap } from "@/lib/api/errors";
import { keys } from "@/lib/api/queries";
import { learnPresence } from "@/lib/realtime/presence";

export function useMembers(roomId: string) {
  return useInfiniteQuery({
    queryKey: keys.members(roomId),
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const page = await unwrap(
        api.GET("/api/v1/rooms/{room_id}/members", {
          params: {
            path: { room_id: roomId },
            query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) },
          },
          signal,
        }),
      );
      learnPresence(page.members.map((member) => member.user));
      return page;
    },
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}
