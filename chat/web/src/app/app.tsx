import { RouterProvider } from "@tanstack/react-router";
import { useEffect } from "react";
import { router } from "@/app/router";
import { Splash } from "@/app/splash";
import { useLiveSession } from "@/app/use-live-session";
import { ToastRegion } from "@/components/toast-region";
import { resume, useSession } from "@/lib/session/session";

export function App() {
  const status = useSession((state) => state.status);
  const isReady = useLiveSession();

  useEffect(() => {
    void resume();
  }, []);
  // Who may see what has changed: the routes decide anew.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the status is what they decide by
  useEffect(() => {
    if (isReady) void router.invalidate();
  }, [status, isReady]);

  return (
    <>
      {isReady ? <RouterProvider router={router} /> : <Splash />}
      <ToastRegion />
    </>
  );
}
