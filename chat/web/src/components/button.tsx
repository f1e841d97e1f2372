import type { ReactNode } from "react";
import {
  Button as AriaButton,
  type ButtonProps as AriaButtonProps,
  Tooltip as AriaTooltip,
  TooltipTrigger,
} from "react-aria-components";
import { Spinner } from "@/components/spinner";
import { cn } from "@/lib/class-names";

const TONES = {
  primary: "bg-signal text-on-signal font-semibold shadow-lift data-hovered:bg-signal-strong",
  plain: "bg-raised text-ink font-medium border border-edge shadow-lift data-hovered:bg-hover",
  quiet: "text-soft font-medium data-hovered:bg-hover data-hovered:text-ink",
  alarm: "bg-alarm text-on-alarm font-semibold shadow-lift data-hovered:opacity-90",
} as const;

export interface ButtonProps extends Omit<AriaButtonProps, "className" | "children" | "style"> {
  tone?: keyof typeof TONES;
  size?: "sm" | "md";
  className?: string;
  children: ReactNode;
}

export function Button({ tone = "plain", size = "md", className, children, ...props }: ButtonProps) {
  return (
    <AriaButton
      {...props}
      className={cn(
        "relative inline-flex cursor-default select-none items-center justify-center gap-1.5 rounded-lg transition-colors",
        "data-disabled:opacity-50 data-pressed:scale-[0.985]",
        size === "md" ? "h-10 px-4 text-[0.9375rem]" : "h-8 px-3 text-sm",
        TONES[tone],
        className,
      )}
    >
      <span className={cn("contents", props.isPending && "*:invisible")}>{children}</span>
      {props.isPending && (
        <span className="absolute inset-0 flex items-center justify-center rounded-lg bg-inherit">
          <Spinner label="Working" className="size-4" />
        </span>
      )}
    </AriaButton>
  );
}

interface IconButtonProps extends Omit<AriaButtonProps, "className" | "children" | "style"> {
  /** Its name, also shown as a tooltip. */
  label: string;
  children: ReactNode;
  className?: string;
  size?: "sm" | "md";
  placement?: "top" | "bottom" | "left" | "right";
  isActive?: boolean;
}

/** A button with a picture alone. */
export function IconButton({
  label,
  children,
  className,
  size = "md",
  placement = "bottom",
  isActive = false,
  ...props
}: IconButtonProps) {
  return (
    <TooltipTrigger delay={500} closeDelay={0}>
      <AriaButton
        {...props}
        aria-label={label}
        className={cn(
          "inline-flex shrink-0 cursor-default items-center justify-center rounded-lg transition-colors",
          "data-hovered:bg-hover data-hovered:text-ink data-pressed:bg-hover data-disabled:opacity-40",
          size === "md" ? "size-9" : "size-7 text-sm",
          isActive ? "bg-hover text-ink" : "text-soft",
          className,
        )}
      >
        {children}
      </AriaButton>
      <AriaTooltip
        offset={6}
        placement={placement}
        className="animate-fade rounded-md bg-ink px-2 py-1 text-xs font-medium text-paper shadow-float"
      >
        {label}
      </AriaTooltip>
    </TooltipTrigger>
  );
}
