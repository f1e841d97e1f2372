import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import { api } from "@/lib/api/client";
import { isGone, unwrap } from "@/lib/api/errors";
import { applyEntry, applyRead, changeRooms, forgetAll, keys, queryClient } from "@/lib/api/queries";
import type { Entry, Invitation, Room, User } from "@/lib/api/types";
import { newId } from "@/lib/ids";
import type { OutboxItem } from "@/lib/outbox/outbox";
import { type OutboxStore, openOutbox } from "@/lib/outbox/storage";
import { Connection } from "@/lib/realtime/connection";
import { Delivery, type DeliveryPorts, type RoomView } from "@/lib/realtime/delivery";
import { forgetPresence, hearPresence } from "@/lib/realtime/presence";
import { forgetTyping, hearTyping } from "@/lib/realtime/typing";
import * as roomList from "@/lib/rooms/room-list";
import { end, tokens, updateSelf } from "@/lib/session/session";

/** Everything that lives as long as somebody is logged in. */
interface Live {
  readonly connection: Connection;
  readonly delivery: Delivery;
  readonly outbox: OutboxStore;
}

const running = createStore<{ live: Live | null }>(() => ({ live: null }));

/** Begin to live: open the outbox, connect, and keep all that is shown up to date; unless it `isOver` by then. */
export async function begin(user: User, isOver: () => boolean): Promise<void> {
  const adopted: OutboxItem[] = [];
  let adopt = (items: readonly OutboxItem[]): void => void adopted.push(...items);
  const outbox = await openOutbox(user.id, (items) => adopt(items));
  if (isOver()) {
    outbox.close();
    return;
  }
  const connection: Connection = new Connection({
    token: () => tokens.fresh(),
    renew: () => tokens.renew(),
    connected: () => {
      delivery.connected();
      // Whatever was told while nobody listened: read it again.
      void queryClient.invalidateQueries();
    },
    disconnected: () => {
      delivery.disconnected();
      forgetTyping();
    },
  });
  const delivery: Delivery = new Delivery(deliveryPorts(connection, outbox), outbox.outbox);
  adopt = (items) => delivery.adopt(items);
  delivery.adopt(adopted);
  listen(connection, delivery, user);
  running.setState({ live: { connection, delivery, outbox } });
  connection.start();
}

/** The session is over: close everything and forget everything. */
export function cease(): void {
  const { live } = running.getState();
  live?.connection.stop();
  live?.delivery.close();
  live?.outbox.close();
  running.setState({ live: null });
  forgetAll();
  forgetTyping();
  forgetPresence();
}

/** The parts of the running session. To be used under a route that only a logged-in person can reach. */
export function current(): Live {
  const { live } = running.getState();
  if (!live) throw new Error("nobody is logged in here");
  return live;
}

/** Messages written and not yet sent, of all rooms. */
export function unsent(): number {
  return running.getState().live?.delivery.store.getState().outbox.length ?? 0;
}

/** A room's log, from the moment it is shown. */
export function useRoomView(roomId: string): RoomView | undefined {
  return useStore(current().delivery.store, (state) => state.logs[roomId]);
}

export function useOutbox() {
  return useStore(current().delivery.store, (state) => state.outbox);
}

function deliveryPorts(connection: Connection, outbox: OutboxStore): DeliveryPorts {
  return {
    fetchLog: (roomId, query) =>
      unwrap(
        api.GET("/api/v1/rooms/{room_id}/log", {
          params: { path: { room_id: roomId }, query: { ...query } },
        }),
      ),
    isGone,
    // The payloads are made in one place, Delivery, each for its event.
    emit: (event, payload) => connection.ask(event, payload as never),
    save: (items) => outbox.save(items),
    now: () => Date.now(),
    today: () => new Date().toISOString(),
    random: () => Math.random(),
    newId,
    schedule: (task, ms) => {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    },
  };
}

function listen({ socket }: Connection, delivery: Delivery, me: User): void {
  socket.on("entry", (entry) => hearEntry(entry, delivery, me));
  socket.on("room", (room) => {
    changeRooms((rooms) => roomList.upsert(rooms, room));
    delivery.hearOf(room.id, room.last_seq);
    refresh(keys.browse(""));
  });
  socket.on("room:changed", ({ room_id, name, topic, member_count }) => {
    changeRooms((rooms) =>
      roomList.change(rooms, room_id, (room) => ({ ...room, name, topic, member_count })),
    );
  });
  socket.on("room:left", ({ room_id }) => dropRoom(room_id));
  socket.on("room:read", ({ room_id, seq, unread_count }) => {
    applyRead(room_id, seq, unread_count);
  });
  socket.on("invitation", (invitation) =>
    changeInvitations((all) => [...without(all, invitation.room.id), invitation]),
  );
  socket.on("invitation:closed", ({ room_id }) => changeInvitations((all) => without(all, room_id)));
  socket.on("user", (user) => {
    if (user.id === me.id) updateSelf(user);
    changeRooms((rooms) => roomList.rename(rooms, user));
    queryClient.setQueryData(keys.person(user.id), user);
    refresh(["members"]);
  });
  socket.on("presence", ({ user_id, online, last_seen }) => hearPresence(user_id, { online, last_seen }));
  socket.on("typing", ({ room_id, user, typing, expires_in }) => {
    if (user.id !== me.id) hearTyping(room_id, user, typing ? expires_in : null);
  });
  socket.on("session:ended", ({ reason }) => end({ reason, message: null }));
}

function hearEntry(entry: Entry, delivery: Delivery, me: User): void {
  delivery.receive(entry);
  applyEntry(entry, me.id);
  if (entry.kind === "message") hearTyping(entry.room_id, entry.author, null);
  if (entry.kind === "joined" || entry.kind === "left" || entry.kind === "removed") {
    refresh(keys.members(entry.room_id));
  }
}

function refresh(key: readonly unknown[]): void {
  void queryClient.invalidateQueries({ queryKey: key[0] === "browse" ? ["browse"] : key });
}

function without(invitations: readonly Invitation[], roomId: string): readonly Invitation[] {
  return invitations.filter((one) => one.room.id !== roomId);
}

function changeInvitations(next: (all: readonly Invitation[]) => readonly Invitation[]): void {
  queryClient.setQueryData<readonly Invitation[]>(keys.invitations, (all) => next(all ?? []));
}

/** Put a room the server has just answered with into the list, ahead of its own notice. */
export function takeRoom(room: Room): void {
  changeRooms((rooms) => roomList.upsert(rooms, room));
}

/** One is no longer in a room: nothing of it is shown, kept or sent. */
export function dropRoom(roomId: string): void {
  changeRooms((rooms) => roomList.remove(rooms, roomId));
  running.getState().live?.delivery.leave(roomId);
  refresh(keys.browse(""));
  void queryClient.invalidateQueries({ queryKey: keys.room(roomId) });
}
