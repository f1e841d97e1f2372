import { Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect } from "react";
import { Overlays } from "@/app/overlays";
import { SelfMenu } from "@/app/self-menu";
import { ConnectionBanner } from "@/features/connection/connection-banner";
import { Sidebar } from "@/features/rooms/sidebar";
import { cn } from "@/lib/class-names";
import { open, useOverlay } from "@/lib/overlays";

/** The list of rooms and what is chosen in it: side by side, or on a narrow screen one at a time. */
export function Shell() {
  const navigate = useNavigate();
  const isHome = useRouterState({ select: (state) => state.location.pathname === "/" });
  useSwitcherKey();
  return (
    <div className="flex h-full flex-col">
      <ConnectionBanner />
      <div className="grid min-h-0 flex-1 grid-cols-1 md:grid-cols-[17.5rem_minmax(0,1fr)]">
        <Sidebar
          goTo={(place) => void navigate({ to: `/${place}` })}
          footer={<SelfMenu />}
          className={cn(!isHome && "max-md:hidden")}
        />
        <main className={cn("min-h-0 min-w-0 bg-paper", isHome && "max-md:hidden")}>
          <Outlet />
        </main>
      </div>
      <Overlays />
    </div>
  );
}

function useSwitcherKey(): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (
        event.key.toLowerCase() !== "k" ||
        !(event.ctrlKey || event.metaKey) ||
        event.shiftKey ||
        event.altKey
      )
        return;
      event.preventDefault();
      if (!useOverlay.getState().overlay) open({ kind: "switcher" });
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}
