import { api } from "@/lib/api/client";
import { unwrap } from "@/lib/api/errors";
import { keys, queryClient } from "@/lib/api/queries";
import type { Room } from "@/lib/api/types";
import { dropRoom, takeRoom } from "@/lib/realtime/live";

/** What one does with rooms. Each throws ApiError, Unreachable or LoggedOut. */
export async function createRoom(room: {
  kind: "public" | "private";
  name: string;
  topic: string;
}): Promise<Room> {
  return taken(await unwrap(api.POST("/api/v1/rooms", { body: room })));
}

/** Join a public room, or accept the invitation to a private one. */
export async function joinRoom(roomId: string): Promise<Room> {
  const room = await unwrap(api.POST("/api/v1/rooms/{room_id}/join", at(roomId)));
  void queryClient.invalidateQueries({ queryKey: keys.invitations });
  void queryClient.invalidateQueries({ queryKey: ["browse"] });
  return taken(room);
}

export async function leaveRoom(roomId: string): Promise<void> {
  await unwrap(api.POST("/api/v1/rooms/{room_id}/leave", at(roomId)));
  dropRoom(roomId);
}

export async function changeRoom(roomId: string, change: { name: string; topic: string }): Promise<Room> {
  return taken(await unwrap(api.PATCH("/api/v1/rooms/{room_id}", { ...at(roomId), body: change })));
}

export async function invite(roomId: string, userId: string): Promise<void> {
  await unwrap(api.POST("/api/v1/rooms/{room_id}/invitations", { ...at(roomId), body: { user_id: userId } }));
}

export async function declineInvitation(roomId: string): Promise<void> {
  await unwrap(api.DELETE("/api/v1/rooms/{room_id}/invitations/me", at(roomId)));
  void queryClient.invalidateQueries({ queryKey: keys.invitations });
}

export async function removeMember(roomId: string, userId: string): Promise<void> {
  await unwrap(
    api.DELETE("/api/v1/rooms/{room_id}/members/{user_id}", {
      params: { path: { room_id: roomId, user_id: userId } },
    }),
  );
  void queryClient.invalidateQueries({ queryKey: keys.members(roomId) });
}

function at(roomId: string) {
  return { params: { path: { room_id: roomId } } };
}

/** A direct answer is as good as the notice that follows it, and earlier. */
function taken(room: Room): Room {
  takeRoom(room);
  return room;
}
