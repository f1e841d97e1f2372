// Written by `windsock types`: change the server's annotations, not this file.

/** What a handler's failure is answered with. */
export interface RefusalError {
  code: string;
  message: string;
  [field: string]: unknown;
}

export interface Refusal {
  error: RefusalError;
}

/** An acknowledgement: the handler's answer, or why there is none. */
export type Ack<Answer> = Answer | Refusal;

/** A person as an entry of a log names them. */
export interface Author {
  id: string;
  username: string;
  display_name: string;
}

export interface DeleteMessage {
  room_id: string;
  client_id: string;
  target_seq: number;
}

export interface EditMessage {
  room_id: string;
  client_id: string;
  target_seq: number;
  text: string;
}

/** Why a session ended. */
export type EndReason = "logged_out" | "banned" | "reused";

/**
 * One change of a room.
 *
 * `text` is a message's or an edit's text, or a renamed room's new name; None once the message is deleted.
 * `target_seq` is the message that an edit or delete changes. `subject` is whom `removed` put out.
 * A message is shown as it is now: `edited_at`, `deleted`, and `revised_seq`, the entry that last changed it. An edit
 * or delete whose `seq` is not above the message's `revised_seq` is already in it.
 */
export interface Entry {
  room_id: string;
  seq: number;
  id: string;
  kind: EntryKind;
  author: Author;
  subject: Author | null;
  text: string | null;
  target_seq: number | null;
  client_id: string | null;
  created_at: string;
  edited_at: string | null;
  deleted: boolean;
  revised_seq: number | null;
}

/** The change is committed, as `entry`. */
export interface EntryAck {
  ok: true;
  entry: Entry;
}

/** What changed. `message`, `edit` and `delete` are sent by people; the rest follow from what they do. */
export type EntryKind = "message" | "edit" | "delete" | "joined" | "left" | "removed" | "renamed";

/** A pending invitation; joining the room accepts it. */
export interface Invitation {
  room: InvitedRoom;
  invited_by: Author;
  created_at: string;
}

/** One has accepted or declined the invitation. */
export interface InvitationClosedNotice {
  room_id: string;
}

/** What somebody who is invited may know of a private room. */
export interface InvitedRoom {
  id: string;
  name: string;
  topic: string;
  member_count: number;
}

/** The handshake's `auth`. */
export interface Login {
  token: string;
}

/** Everything up to `seq` has been read; a smaller one than before changes nothing. */
export interface MarkRead {
  room_id: string;
  seq: number;
}

/** What a member may do in a room: an owner renames it, removes members and deletes messages. */
export type MemberRole = "owner" | "member";

/**
 * One's own place in a room.
 *
 * `unread_count` counts others' messages after `last_read_seq` among the newest hundred entries of the room.
 */
export interface Membership {
  role: MemberRole;
  joined_at: string;
  last_read_seq: number;
  unread_count: number;
}

/** Whether a person has a device connected; `last_seen` is when the last one left, None if never. */
export interface Presence {
  online: boolean;
  last_seen: string | null;
}

/** Somebody with whom one shares a room came or went. */
export interface PresenceNotice {
  user_id: string;
  online: boolean;
  last_seen: string | null;
}

/** The marker stands at `seq`. */
export interface ReadAck {
  ok: true;
  seq: number;
  unread_count: number;
}

/** What an account may do: an admin moderates users and rooms. */
export type Role = "admin" | "member";

/**
 * A room as one person sees it.
 *
 * `name` is None in a direct room, whose other member is `peer`. `membership` is None for an outsider, who is also not
 * shown `last_message`, the newest message that is not deleted.
 */
export interface Room {
  id: string;
  kind: RoomKind;
  name: string | null;
  topic: string;
  created_at: string;
  last_seq: number;
  member_count: number;
  membership: Membership | null;
  peer: User | null;
  last_message: Entry | null;
}

/** What all members see of a room changed. */
export interface RoomChangedNotice {
  room_id: string;
  name: string | null;
  topic: string;
  member_count: number;
}

/** Who may join: anybody, whoever is invited, or nobody but the two it was made for. */
export type RoomKind = "public" | "private" | "direct";

/** One is no longer in the room. */
export interface RoomLeftNotice {
  room_id: string;
}

/** One has read the room up to `seq` on another device. */
export interface RoomReadNotice {
  room_id: string;
  seq: number;
  unread_count: number;
}

/** `client_id` is the sender's own name for the message: sent again, it is answered with the first answer. */
export interface SendMessage {
  room_id: string;
  client_id: string;
  text: string;
}

/** The server disconnects next, because of `reason`. */
export interface SessionEndedNotice {
  reason: EndReason;
}

export interface SetTyping {
  room_id: string;
  typing: boolean;
}

export interface TypingAck {
  ok: true;
}

/** Somebody writes, or has stopped. Take it as stopped after `expires_in` seconds without another. */
export interface TypingNotice {
  room_id: string;
  user: Author;
  typing: boolean;
  expires_in: number;
}

/** A person; `presence` is None to those who share no room with them. */
export interface User {
  id: string;
  username: string;
  display_name: string;
  about: string;
  role: Role;
  created_at: string;
  presence: Presence | null;
}

/** What a client says when it connects to the namespace /. */
export type Auth = Login;

/** What the server emits in the namespace /. */
export interface ServerToClientEvents {
  entry: (payload: Entry) => void;
  invitation: (payload: Invitation) => void;
  "invitation:closed": (payload: InvitationClosedNotice) => void;
  presence: (payload: PresenceNotice) => void;
  room: (payload: Room) => void;
  "room:changed": (payload: RoomChangedNotice) => void;
  "room:left": (payload: RoomLeftNotice) => void;
  "room:read": (payload: RoomReadNotice) => void;
  "session:ended": (payload: SessionEndedNotice) => void;
  typing: (payload: TypingNotice) => void;
  user: (payload: User) => void;
}

/** What clients send in the namespace /. */
export interface ClientToServerEvents {
  /** Delete a message. */
  "message:delete": (payload: DeleteMessage, ack: (answer: Ack<EntryAck>) => void) => void;
  /** Change the text of one's message. */
  "message:edit": (payload: EditMessage, ack: (answer: Ack<EntryAck>) => void) => void;
  /** Write a message. */
  "message:send": (payload: SendMessage, ack: (answer: Ack<EntryAck>) => void) => void;
  /** Move one's read marker. */
  read: (payload: MarkRead, ack: (answer: Ack<ReadAck>) => void) => void;
  /** Tell the others of the room, those who can take it now, and not one's own devices. */
  typing: (payload: SetTyping, ack: (answer: Ack<TypingAck>) => void) => void;
}
