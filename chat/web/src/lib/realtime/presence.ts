import { create } from "zustand";
import type { Presence, User } from "@/lib/api/types";

/** Who is here, as far as it was told. People with whom one shares no room are not in it. */
export const usePresences = create<{ presences: ReadonlyMap<string, Presence> }>(() => ({
  presences: new Map(),
}));

/** Everybody of every room one has opened; past this the ones heard of longest ago go. */
const MAX_PRESENCES = 5_000;

export function hearPresence(userId: string, presence: Presence): void {
  usePresences.setState(({ presences }) => {
    const next = new Map(presences);
    next.delete(userId);
    next.set(userId, presence);
    if (next.size > MAX_PRESENCES) next.delete(next.keys().next().value as string);
    return { presences: next };
  });
}

/** Take over what came along with people in an answer of the server. */
export function learnPresence(users: readonly User[]): void {
  const fresh = users.filter((user) => user.presence);
  if (fresh.length === 0) return;
  usePresences.setState(({ presences }) => {
    const next = new Map(presences);
    for (const user of fresh) if (user.presence) next.set(user.id, user.presence);
    return { presences: next };
  });
}

export function forgetPresence(): void {
  usePresences.setState({ presences: new Map() });
}

export function usePresence(userId: string | undefined): Presence | undefined {
  return usePresences(({ presences }) => (userId ? presences.get(userId) : undefined));
}
