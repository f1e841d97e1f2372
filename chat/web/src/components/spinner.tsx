import { cn } from "@/lib/class-names";

export function Spinner({ label, className }: { label: string; className?: string }) {
  return (
    <svg
      viewBox="0 0 20 20"
      role="img"
      aria-label={label}
      className={cn("animate-spin", className ?? "size-5")}
    >
      <circle
        cx="10"
        cy="10"
        r="7.5"
        fill="none"
        stroke="currentColor"
        strokeOpacity="0.2"
        strokeWidth="2.5"
      />
      <path
        d="M10 2.5A7.5 7.5 0 0 1 17.5 10"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.5"
        strokeLinecap="round"
      />
    </svg>
  );
}
