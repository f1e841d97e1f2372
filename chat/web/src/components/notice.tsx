import type { ComponentType, ReactNode, SVGProps } from "react";
import { useEffect, useState } from "react";
import { Button } from "@/components/button";
import { AlertIcon } from "@/components/icons";
import { ApiError, describeError } from "@/lib/api/errors";
import { cn } from "@/lib/class-names";

interface EmptyProps {
  icon: ComponentType<SVGProps<SVGSVGElement>>;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

/** What stands where a list would be. */
export function Empty({ icon: Icon, title, children, action }: EmptyProps) {
  return (
    <div className="mx-auto flex max-w-sm flex-col items-center gap-2 px-6 py-12 text-center">
      <span className="mb-2 flex size-12 items-center justify-center rounded-2xl bg-sky-wash text-sky">
        <Icon className="size-6" />
      </span>
      <p className="max-w-full font-semibold text-ink wrap-anywhere">{title}</p>
      {children && <div className="max-w-full text-sm text-balance text-soft wrap-anywhere">{children}</div>}
      {action && <div className="mt-3 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

/** What stands where something would be that could not be read. */
export function Failure({ error, onRetry }: { error: unknown; onRetry(): void }) {
  return (
    <div role="alert" className="mx-auto flex max-w-sm flex-col items-center gap-2 px-6 py-10 text-center">
      <span className="mb-1 flex size-11 items-center justify-center rounded-2xl bg-alarm-wash text-alarm">
        <AlertIcon className="size-6" />
      </span>
      <p className="text-sm text-balance text-soft">
        <Sentence error={error} />
      </p>
      <Button size="sm" onPress={onRetry} className="mt-1">
        Try again
      </Button>
    </div>
  );
}

/** What went wrong with a form, in a box above its buttons. */
export function Complaint({ error, className }: { error: unknown; className?: string }) {
  if (!error) return null;
  return (
    <p role="alert" className={cn("rounded-lg bg-alarm-wash px-3 py-2 text-sm text-alarm", className)}>
      <Sentence error={error} />
    </p>
  );
}

/** An error in words; where waiting helps, the seconds run down. */
function Sentence({ error }: { error: unknown }) {
  const wait = error instanceof ApiError ? error.retryAfter : null;
  const left = useCountdown(wait, error);
  if (wait === null) return describeError(error);
  if (left === 0) return "You can try again now.";
  const slow = error instanceof ApiError && error.code === "rate_limited";
  return `${slow ? "Too many attempts." : "The server is busy."} Come back in ${spell(left)}.`;
}

function spell(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}

function useCountdown(seconds: number | null, of: unknown): number {
  const [left, setLeft] = useState(seconds ?? 0);
  useEffect(() => {
    void of;
    if (seconds === null) return;
    const end = Date.now() + seconds * 1000;
    const tick = () => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1000)));
    tick();
    const timer = setInterval(tick, 250);
    return () => clearInterval(timer);
  }, [seconds, of]);
  return left;
}
