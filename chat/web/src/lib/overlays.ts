import { create } from "zustand";

/** The dialog that stands over everything, if any. Features open each other's dialogs by name, through here. */
export type Overlay =
  | { kind: "profile" }
  | { kind: "person"; userId: string }
  | { kind: "create-room" }
  | { kind: "room-settings"; roomId: string }
  | { kind: "invite"; roomId: string }
  | { kind: "switcher" };

export const useOverlay = create<{ overlay: Overlay | null }>(() => ({ overlay: null }));

export function open(overlay: Overlay): void {
  useOverlay.setState({ overlay });
}

export function close(): void {
  useOverlay.setState({ overlay: null });
}
