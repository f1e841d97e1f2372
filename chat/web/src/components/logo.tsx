import { cn } from "@/lib/class-names";

/** The windsock at its mast. On the log-in page it moves in the wind. */
export function Logo({ className, swaying = false }: { className?: string; swaying?: boolean }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden="true" focusable="false">
      <path d="M7 4v24" className="stroke-soft" strokeWidth="2.4" strokeLinecap="round" />
      <g className={cn(swaying && "origin-[7px_10px] animate-sway")}>
        <path d="M8.5 5.2 15 6.3v10L8.5 17.4z" className="fill-signal" />
        <path d="m15 6.3 6 1.5v7L15 16.3z" className="fill-signal-wash" />
        <path d="m21 7.8 5 1.5v4L21 14.8z" className="fill-signal" />
        <path d="m26 9.3 3.6 1.2v1.6L26 13.3z" className="fill-signal-wash" />
        <path
          d="M8.5 5.2 15 6.3l6 1.5 5 1.5 3.6 1.2v1.6L26 13.3l-5 1.5-6 1.5-6.5 1.1z"
          fill="none"
          className="stroke-signal"
          strokeWidth="1.1"
          strokeLinejoin="round"
        />
      </g>
    </svg>
  );
}
