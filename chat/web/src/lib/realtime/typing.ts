import { create } from "zustand";
import type { Author } from "@/lib/api/types";

/** Who is writing where, until when (milliseconds of this machine's clock). */
export type Typists = Readonly<Record<string, readonly Typist[]>>;

export interface Typist {
  readonly user: Author;
  readonly until: number;
}

/** More than this many are «several people»; a flood of others is not kept. */
const MAX_TYPISTS = 20;

export function heard(typists: Typists, roomId: string, typist: Typist): Typists {
  const others = (typists[roomId] ?? []).filter((one) => one.user.id !== typist.user.id);
  return { ...typists, [roomId]: [...others, typist].slice(-MAX_TYPISTS) };
}

export function stopped(typists: Typists, roomId: string, userId: string): Typists {
  const before = typists[roomId] ?? [];
  const others = before.filter((one) => one.user.id !== userId);
  return others.length === before.length ? typists : { ...typists, [roomId]: others };
}

/** Who has not been heard of for too long has stopped, whether or not they could say so. */
export function expire(typists: Typists, now: number): Typists {
  let changed = false;
  const kept: Record<string, readonly Typist[]> = {};
  for (const [roomId, all] of Object.entries(typists)) {
    const rest = all.filter((one) => one.until > now);
    if (rest.length !== all.length) changed = true;
    if (rest.length > 0) kept[roomId] = rest;
  }
  return changed ? kept : typists;
}

/** «Ada is typing», for up to two names. */
export function describeTypists(users: readonly Author[]): string {
  const [first, second] = users;
  if (!first) return "";
  if (!second) return `${first.display_name} is typing`;
  if (users.length === 2) return `${first.display_name} and ${second.display_name} are typing`;
  return "Several people are typing";
}

interface TypingState {
  typists: Typists;
  /** When set, somebody's time runs out when it fires. */
  timer: ReturnType<typeof setTimeout> | null;
}

export const useTypists = create<TypingState>(() => ({ typists: {}, timer: null }));

export function hearTyping(roomId: string, user: Author, seconds: number | null): void {
  useTypists.setState(({ typists }) => ({
    typists:
      seconds === null
        ? stopped(typists, roomId, user.id)
        : heard(typists, roomId, { user, until: Date.now() + seconds * 1000 }),
  }));
  sweep();
}

export function forgetTyping(): void {
  useTypists.setState({ typists: {} });
}

function sweep(): void {
  const { typists, timer } = useTypists.getState();
  if (timer) return;
  const next = Math.min(...Object.values(typists).flatMap((all) => all.map((one) => one.until)));
  if (!Number.isFinite(next)) return;
  const fire = () => {
    useTypists.setState((state) => ({ typists: expire(state.typists, Date.now()), timer: null }));
    sweep();
  };
  useTypists.setState({ timer: setTimeout(fire, Math.max(50, next - Date.now() + 1)) });
}
