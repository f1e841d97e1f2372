import { useEffect, useState } from "react";
import { Button } from "@/components/button";
import { OfflineIcon } from "@/components/icons";
import { Spinner } from "@/components/spinner";
import { useConnection } from "@/lib/realtime/connection";
import { current } from "@/lib/realtime/live";

/** Shorter than this an interruption is not worth a word: the page was reloaded, the server restarted. */
const PATIENCE_MS = 1_200;

/** Says that the connection is lost, what becomes of what is written meanwhile, and when the next attempt is. */
export function ConnectionBanner() {
  const { status, nextAttemptAt, lostSince } = useConnection();
  const now = useNow(lostSince !== null);
  const isShown = lostSince !== null && now - lostSince >= PATIENCE_MS;
  const seconds = nextAttemptAt === null ? 0 : Math.max(0, Math.ceil((nextAttemptAt - now) / 1000));
  return (
    <div role="status" aria-live="polite">
      {isShown && (
        <div className="flex animate-fade items-center gap-3 border-b border-signal/25 bg-signal-wash px-4 py-2 text-sm">
          <OfflineIcon className="shrink-0 text-signal" />
          <p className="min-w-0 flex-1">
            <strong className="font-semibold">The connection is lost.</strong>{" "}
            <span className="text-soft">What you write is kept, and sent when it is back.</span>
          </p>
          {status === "waiting" ? (
            <>
              {/* Read out once a second it would drown everything else. */}
              <span aria-hidden="true" className="shrink-0 text-soft tabular-nums max-md:hidden">
                Next attempt in {seconds} s
              </span>
              <Button size="sm" onPress={() => current().connection.tryNow()}>
                Try now
              </Button>
            </>
          ) : (
            <span className="flex h-8 shrink-0 items-center gap-2 text-soft">
              <Spinner label="Connecting" className="size-4" />
              <span aria-hidden="true">Connecting…</span>
            </span>
          )}
        </div>
      )}
    </div>
  );
}

function useNow(isTicking: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!isTicking) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [isTicking]);
  return now;
}
