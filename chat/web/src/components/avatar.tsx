import { cn } from "@/lib/class-names";
import { hueOf, initialsOf } from "@/lib/hue";

/** Eight quiet colours, each readable with its letters in light and in dark. */
const PAINTS = [
  "bg-[light-dark(#d7e8e4,#1f4740)] text-[light-dark(#1d5348,#a9ddd0)]",
  "bg-[light-dark(#dbe6f3,#213f5c)] text-[light-dark(#234b76,#b3d2f2)]",
  "bg-[light-dark(#f4e0d5,#54321f)] text-[light-dark(#7d3d17,#f1c2a4)]",
  "bg-[light-dark(#e9e0f1,#41305a)] text-[light-dark(#553a7a,#d3bdf0)]",
  "bg-[light-dark(#f3e3e6,#552a36)] text-[light-dark(#7f2f42,#f0b7c4)]",
  "bg-[light-dark(#ece8d2,#46401d)] text-[light-dark(#5d5314,#e0d692)]",
  "bg-[light-dark(#dde9d6,#2d4a24)] text-[light-dark(#355b27,#b9dfa8)]",
  "bg-[light-dark(#dfe5e8,#33454d)] text-[light-dark(#3a525c,#bfd2da)]",
] as const;

const SIZES = {
  sm: "size-6 rounded-[7px] text-[0.625rem]",
  md: "size-9 rounded-[10px] text-[0.8125rem]",
  lg: "size-16 rounded-[18px] text-[1.375rem]",
} as const;

interface AvatarProps {
  user: { id: string; display_name: string };
  size?: keyof typeof SIZES;
  /** Shows a dot; undefined shows none. */
  online?: boolean | undefined;
  className?: string;
}

/** Somebody's picture: their letters on their colour. The name stands beside it, so it is decoration. */
export function Avatar({ user, size = "md", online, className }: AvatarProps) {
  return (
    <span aria-hidden="true" className={cn("relative inline-flex shrink-0 select-none", className)}>
      <span
        className={cn("flex items-center justify-center font-semibold", SIZES[size], PAINTS[hueOf(user.id)])}
      >
        {initialsOf(user.display_name)}
      </span>
      {online !== undefined && (
        <span
          className={cn(
            "absolute rounded-full ring-2 ring-(--dot-ring,var(--color-mist))",
            size === "lg" ? "-right-0.5 -bottom-0.5 size-4" : "-right-0.5 -bottom-0.5 size-2.5",
            online ? "bg-calm" : "border-2 border-faint bg-(--dot-ring,var(--color-mist))",
          )}
        />
      )}
    </span>
  );
}
