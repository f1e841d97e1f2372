import type { components } from "@/lib/api/schema";

type Schemas = components["schemas"];

export type Account = Schemas["Account"];
export type Author = Schemas["Author"];
export type EndReason = Schemas["EndReason"];
export type Entry = Schemas["Entry"];
export type ErrorInfo = Schemas["ErrorInfo"];
export type Invitation = Schemas["Invitation"];
export type LogPage = Schemas["LogPage"];
export type Member = Schemas["Member"];
export type Presence = Schemas["Presence"];
export type Room = Schemas["Room"];
export type Session = Schemas["Session"];
export type User = Schemas["User"];

/** What the server tells the socket. */
export interface ServerEvents {
  entry(entry: Entry): void;
  room(room: Room): void;
  "room:changed"(notice: Schemas["RoomChangedNotice"]): void;
  "room:left"(notice: Schemas["RoomLeftNotice"]): void;
  "room:read"(notice: Schemas["RoomReadNotice"]): void;
  invitation(invitation: Invitation): void;
  "invitation:closed"(notice: Schemas["InvitationClosedNotice"]): void;
  user(user: User): void;
  presence(notice: Schemas["PresenceNotice"]): void;
  typing(notice: Schemas["TypingNotice"]): void;
  "session:ended"(notice: Schemas["SessionEndedNotice"]): void;
}

/** An acknowledgement: what was asked for, or the refusal, in the form HTTP gives it. */
export type Ack<T> = T | { error: ErrorInfo };

export type EntryAck = Ack<Schemas["EntryAck"]>;
export type ReadAck = Ack<Schemas["ReadAck"]>;

/** What the socket tells the server. */
export interface ClientEvents {
  "message:send"(payload: Schemas["SendMessage"], ack: (answer: EntryAck) => void): void;
  "message:edit"(payload: Schemas["EditMessage"], ack: (answer: EntryAck) => void): void;
  "message:delete"(payload: Schemas["DeleteMessage"], ack: (answer: EntryAck) => void): void;
  read(payload: Schemas["MarkRead"], ack: (answer: ReadAck) => void): void;
  typing(payload: Schemas["SetTyping"]): void;
}

/** The `data` of a refused connection. */
export type RefusalData = Schemas["RefusalData"];
