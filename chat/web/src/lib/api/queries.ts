import { QueryClient, useQuery } from "@tanstack/react-query";
import { api } from "@/lib/api/client";
import { isTransient, unwrap } from "@/lib/api/errors";
import type { Invitation, Room } from "@/lib/api/types";
import { learnPresence } from "@/lib/realtime/presence";

/** What live events keep up to date is fresh for as long as the connection lasts. */
const LIVE = Number.POSITIVE_INFINITY;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: false,
      // The socket knows better than the browser whether the server is there.
      networkMode: "always",
      retry: (count, error) => count < 2 && isTransient(error),
    },
    mutations: { networkMode: "always", retry: false },
  },
});

export const keys = {
  rooms: ["rooms"] as const,
  invitations: ["invitations"] as const,
  browse: (query: string) => ["browse", query] as const,
  room: (roomId: string) => ["room", roomId] as const,
  members: (roomId: string) => ["members", roomId] as const,
  people: (query: string) => ["people", query] as const,
  person: (userId: string) => ["person", userId] as const,
  accounts: (query: string) => ["accounts", query] as const,
};

/** One's own rooms, direct conversations among them. */
export function useRooms(enabled = true) {
  return useQuery({
    queryKey: keys.rooms,
    queryFn: async ({ signal }): Promise<readonly Room[]> => {
      const rooms = await unwrap(api.GET("/api/v1/rooms", { signal }));
      learnPresence(rooms.flatMap((room) => (room.peer ? [room.peer] : [])));
      return rooms;
    },
    staleTime: LIVE,
    enabled,
  });
}

/** One of one's own rooms; undefined when it is not among them. */
export function useRoom(roomId: string): Room | undefined {
  return useRooms().data?.find((room) => room.id === roomId);
}

/** What one is invited to. */
export function useInvitations() {
  return useQuery({
    queryKey: keys.invitations,
    queryFn: ({ signal }): Promise<readonly Invitation[]> =>
      unwrap(api.GET("/api/v1/invitations", { signal })),
    staleTime: LIVE,
  });
}

export function updateRooms(next: (rooms: readonly Room[]) => readonly Room[]): void {
  queryClient.setQueryData<readonly Room[]>(keys.rooms, (rooms) => rooms && next(rooms));
}
