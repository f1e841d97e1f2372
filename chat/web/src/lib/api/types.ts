import type { ClientToServerEvents, Refusal } from "@/lib/api/events";
import type { components } from "@/lib/api/schema";

export type { ClientToServerEvents, ServerToClientEvents } from "@/lib/api/events";

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

/** The server's answer to an event: what was asked for, or the refusal, in the form HTTP gives it. */
export type Answer<Event extends keyof ClientToServerEvents> =
  | Exclude<Parameters<Parameters<ClientToServerEvents[Event]>[1]>[0], Refusal>
  | { error: ErrorInfo };

export type EntryAnswer = Answer<"message:send">;

/** The `data` of a refused connection. */
export type RefusalData = Schemas["RefusalData"];
