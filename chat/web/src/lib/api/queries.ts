import { QueryClient, useQuery } from "@tanstack/react-query";
import { createStore } from "zustand/vanilla";
import { api } from "@/lib/api/client";
import { isTransient, unwrap } from "@/lib/api/errors";
import type { Entry, Invitation, Room } from "@/lib/api/types";
import { learnPresence } from "@/lib/realtime/presence";
import {
  append,
  bringUpToDate,
  hearEntry,
  hearRead,
  markRead,
  type News,
  noNews,
} from "@/lib/rooms/room-list";
import { useSession } from "@/lib/session/session";

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

/** What was heard while lists were on their way. */
const latest = createStore<{ news: News }>(() => ({ news: noNews }));

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
      return bringUpToDate(rooms, latest.getState().news, useSession.getState().user?.id ?? "");
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

/** A room has a new entry. */
export function applyEntry(entry: Entry, myId: string): void {
  latest.setState(({ news }) => ({ news: hearEntry(news, entry) }));
  updateRooms((rooms) => append(rooms, entry, myId));
}

/** A room has been read up to `seq`, here or on another device. */
export function applyRead(roomId: string, seq: number, unread: number): void {
  latest.setState(({ news }) => ({ news: hearRead(news, roomId, seq, unread) }));
  updateRooms((rooms) => markRead(rooms, roomId, seq, unread));
}

/** Rooms came or went: a list that is on its way does not know, and is read again. */
export function changeRooms(next: (rooms: readonly Room[]) => readonly Room[]): void {
  updateRooms(next);
  if (queryClient.isFetching({ queryKey: keys.rooms }) > 0) {
    void queryClient.invalidateQueries({ queryKey: keys.rooms });
  }
}

/** The session is over. */
export function forgetAll(): void {
  latest.setState({ news: noNews });
  queryClient.clear();
}

function updateRooms(next: (rooms: readonly Room[]) => readonly Room[]): void {
  queryClient.setQueryData<readonly Room[]>(keys.rooms, (rooms) => rooms && next(rooms));
}
