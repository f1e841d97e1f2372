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
      className="w-full border-line bg-paper max-lg:fixed max-lg:inset-y-0 max-lg:right-0 max-lg:z-30 max-lg:animate-fade md:w-80 md:border-l md:max-lg:shadow-float lg:w-72 lg:shrink-0"
    >
      {children}
    </aside>
  );
}
