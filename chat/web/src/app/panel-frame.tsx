import { type ReactNode, useEffect } from "react";

interface PanelFrameProps {
  label: string;
  onClose(): void;
  children: ReactNode;
}

/** Beside the conversation where there is room for both, over it where there is not. */
export function PanelFrame({ label, onClose, children }: PanelFrameProps) {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("[role=dialog]"))
        onClose();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [onClose]);
  return (
    <aside
      aria-label={label}
      className="border-line bg-paper max-lg:fixed max-lg:inset-0 max-lg:z-30 max-lg:animate-fade lg:w-72 lg:shrink-0 lg:border-l"
    >
      {children}
    </aside>
  );
}
