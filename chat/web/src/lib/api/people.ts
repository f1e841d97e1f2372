import { useQuery } from "@tanstack/react-query";
import { api } from "@/lib/api/client";
import { unwrap } from "@/lib/api/errors";
import { keys } from "@/lib/api/queries";
import type { Room, User } from "@/lib/api/types";
import { takeRoom } from "@/lib/realtime/live";
import { learnPresence } from "@/lib/realtime/presence";

/** People whose name or username begins like `search`; everybody when it is empty. */
export function usePeople(search: string) {
  return useQuery({
    queryKey: keys.people(search),
    queryFn: async ({ signal }): Promise<User[]> => {
      const page = await unwrap(
        api.GET("/api/v1/users", { params: { query: { query: search, limit: 50 } }, signal }),
      );
      learnPresence(page.users);
      return page.users;
    },
    placeholderData: (previous) => previous,
  });
}

/** The direct conversation with somebody, begun when there is none. @throws ApiError, Unreachable, LoggedOut */
export async function openDirect(userId: string): Promise<Room> {
  const room = await unwrap(api.POST("/api/v1/rooms/direct", { body: { user_id: userId } }));
  takeRoom(room);
  return room;
}
