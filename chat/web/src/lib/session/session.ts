import { create } from "zustand";
import { ApiError, unwrap } from "@/lib/api/errors";
import { publicApi } from "@/lib/api/public";
import type { EndReason, Session, User } from "@/lib/api/types";
import { Tokens } from "@/lib/session/tokens";

export interface SessionState {
  /** `starting` until it is known whether the browser holds a session. */
  status: "starting" | "anonymous" | "authenticated";
  user: User | null;
  /** Why the last session ended, when it was not by the person's own click here. */
  ended: { reason: EndReason | "expired"; message: string | null } | null;
  /** The server could not be asked whether there is a session. */
  unreachable: boolean;
}

export const useSession = create<SessionState>(() => ({
  status: "starting",
  user: null,
  ended: null,
  unreachable: false,
}));

/** What the windows of one browser tell each other. Tokens pass from memory to memory, never to storage. */
type Message = { type: "session"; session: Session } | { type: "ended" };

const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("windsock.session");

export const tokens = new Tokens({
  refresh: () => unwrap(publicApi.POST("/api/v1/auth/refresh", { credentials: "same-origin" })),
  isOver: (error) => error instanceof ApiError && (error.status === 401 || error.code === "banned"),
  exclusively: async (task) => {
    // Only a secure context has locks; elsewhere the server's grace for two windows at once must do.
    if (!navigator.locks) return task();
    await navigator.locks.request("windsock.refresh", task);
  },
  announce: (session) => channel?.postMessage({ type: "session", session } satisfies Message),
  accepted,
  over: (error) => {
    const banned = error instanceof ApiError && error.code === "banned";
    const before = useSession.getState().status;
    if (banned) end({ reason: "banned", message: error.message });
    else end(before === "authenticated" ? { reason: "expired", message: null } : null);
  },
  now: () => Date.now(),
});

channel?.addEventListener("message", ({ data }: MessageEvent<Message>) => {
  if (data.type === "session") tokens.accept(data.session);
  else if (useSession.getState().status === "authenticated") end({ reason: "logged_out", message: null });
});

function accepted(session: Session): void {
  const { user } = useSession.getState();
  if (user && user.id !== session.user.id) {
    // Another window logged in as somebody else: nothing of the first person may stay in memory.
    globalThis.location.replace("/");
    return;
  }
  useSession.setState({ status: "authenticated", user: session.user, ended: null, unreachable: false });
}

/** Find out whether the browser holds a session. Never throws. */
export async function resume(): Promise<void> {
  useSession.setState({ unreachable: false });
  try {
    await tokens.renew();
  } catch {
    if (useSession.getState().status === "starting") useSession.setState({ unreachable: true });
  }
}

/** @throws ApiError, Unreachable */
export async function logIn(username: string, password: string): Promise<void> {
  begin(await unwrap(publicApi.POST("/api/v1/auth/log-in", { body: { username, password } })));
}

/** @throws ApiError, Unreachable */
export async function signUp(account: {
  username: string;
  display_name: string;
  password: string;
}): Promise<void> {
  begin(await unwrap(publicApi.POST("/api/v1/auth/sign-up", { body: account })));
}

/** End this device's session, in all its windows. @throws ApiError, Unreachable */
export async function logOut(): Promise<void> {
  await unwrap(publicApi.POST("/api/v1/auth/log-out"));
  channel?.postMessage({ type: "ended" } satisfies Message);
  end(null);
}

/** End all sessions of this person, on all devices. @throws ApiError, Unreachable, LoggedOut */
export async function logOutEverywhere(): Promise<void> {
  const headers = { Authorization: `Bearer ${await tokens.fresh()}` };
  await unwrap(publicApi.POST("/api/v1/auth/log-out-everywhere", { headers }));
  channel?.postMessage({ type: "ended" } satisfies Message);
  end(null);
}

/** The session is over; what was shown to this person is forgotten by those who watch the status. */
export function end(ended: SessionState["ended"]): void {
  tokens.clear();
  useSession.setState({ status: "anonymous", user: null, ended });
}

function begin(session: Session): void {
  tokens.accept(session);
  channel?.postMessage({ type: "session", session } satisfies Message);
}

/** One's own profile has changed, here or on another device. */
export function updateSelf(user: User): void {
  useSession.setState((state) => (state.user?.id === user.id ? { user: { ...state.user, ...user } } : state));
}

/** Who is logged in. To be used under a route that only they can reach. */
export function useMe(): User {
  const user = useSession((state) => state.user);
  if (!user) throw new Error("nobody is logged in here");
  return user;
}
