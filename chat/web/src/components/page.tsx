import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { BackIcon } from "@/components/icons";

/** On a narrow screen, the way back to the list of rooms. */
export function BackLink() {
  return (
    <Link
      to="/"
      aria-label="Back to rooms"
      className="-ml-1.5 flex size-10 shrink-0 items-center justify-center rounded-lg text-soft hover:bg-hover md:hidden"
    >
      <BackIcon />
    </Link>
  );
}

interface PageProps {
  title: string;
  lead: string;
  action?: ReactNode;
  children: ReactNode;
}

/** A page beside the sidebar that is not a conversation. */
export function Page({ title, lead, action, children }: PageProps) {
  return (
    <div className="scroll-quiet h-full overflow-y-auto [--dot-ring:var(--color-raised)]">
      <div className="mx-auto flex min-h-full w-full max-w-2xl flex-col gap-4 px-4 pt-[max(1rem,env(safe-area-inset-top))] pb-10 md:px-8 md:pt-10">
        <header className="flex items-center gap-2">
          <BackLink />
          <div className="min-w-0 flex-1">
            <h1 className="text-xl md:text-2xl">{title}</h1>
            <p className="text-sm text-soft">{lead}</p>
          </div>
          {action}
        </header>
        {children}
      </div>
    </div>
  );
}

/** A list on such a page. */
export function PageRows({
  label,
  isLoading,
  children,
}: {
  label: string;
  isLoading: boolean;
  children: readonly ReactNode[];
}) {
  if (isLoading) {
    return (
      <div role="status" aria-label={`Loading ${label.toLowerCase()}`} className="flex flex-col gap-2">
        {[0, 1, 2, 3].map((row) => (
          <div key={row} className="h-16 animate-pulse rounded-xl bg-sunken" />
        ))}
      </div>
    );
  }
  if (children.length === 0) return null;
  return (
    <ul
      aria-label={label}
      className="divide-y divide-line overflow-hidden rounded-xl border border-line bg-raised shadow-lift"
    >
      {children}
    </ul>
  );
}
