import { create } from "zustand";
import { describeError, LoggedOut } from "@/lib/api/errors";
import { newId } from "@/lib/ids";

export interface Toast {
  readonly id: string;
  readonly tone: "plain" | "alarm";
  readonly text: string;
}

export const useToasts = create<{ toasts: readonly Toast[] }>(() => ({ toasts: [] }));

/** More would hide what they are about. */
const MAX_TOASTS = 3;

/** Long enough to read two sentences. */
const SHOWN_MS = 7_000;

export function say(text: string, tone: Toast["tone"] = "plain"): void {
  const id = newId();
  useToasts.setState(({ toasts }) => ({
    toasts: [...toasts.filter((toast) => toast.text !== text), { id, tone, text }].slice(-MAX_TOASTS),
  }));
  setTimeout(() => dismiss(id), SHOWN_MS);
}

/** Say what went wrong. Being logged out is told by the log-in page. */
export function complain(error: unknown): void {
  if (!(error instanceof LoggedOut)) say(describeError(error), "alarm");
}

export function dismiss(id: string): void {
  useToasts.setState(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.id !== id) }));
}
