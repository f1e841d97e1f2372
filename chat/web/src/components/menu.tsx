import type { ComponentType, ReactNode, SVGProps } from "react";
import {
  Menu as AriaMenu,
  MenuItem as AriaMenuItem,
  MenuTrigger,
  Popover,
  type PopoverProps,
  Separator,
} from "react-aria-components";
import { cn } from "@/lib/class-names";

interface MenuProps {
  label: string;
  /** The button that opens it. */
  trigger: ReactNode;
  children: ReactNode;
  placement?: PopoverProps["placement"];
  /** Shown above the items. */
  header?: ReactNode;
  onOpenChange?(isOpen: boolean): void;
}

export function Menu({
  label,
  trigger,
  children,
  placement = "bottom end",
  header,
  onOpenChange,
}: MenuProps) {
  return (
    <MenuTrigger {...(onOpenChange ? { onOpenChange } : {})}>
      {trigger}
      <Popover
        placement={placement}
        offset={6}
        className="scroll-quiet z-50 min-w-56 animate-rise overflow-y-auto rounded-xl border border-line bg-raised p-1.5 shadow-float"
      >
        {header}
        <AriaMenu aria-label={label} className="outline-none">
          {children}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}

interface MenuItemProps {
  icon?: ComponentType<SVGProps<SVGSVGElement>>;
  onAction(): void;
  children: string;
  tone?: "plain" | "alarm";
  /** Shown behind the name. */
  mark?: ReactNode;
}

export function MenuItem({ icon: Icon, onAction, children, tone = "plain", mark }: MenuItemProps) {
  return (
    <AriaMenuItem
      onAction={onAction}
      textValue={children}
      className={cn(
        "flex h-9 cursor-default items-center gap-2.5 rounded-lg px-2.5 text-sm outline-none data-focused:bg-hover touch:h-11",
        tone === "alarm" ? "text-alarm" : "text-ink",
      )}
    >
      {Icon && <Icon className={cn("size-[1.125rem]", tone === "plain" && "text-faint")} />}
      <span className="flex-1">{children}</span>
      {mark}
    </AriaMenuItem>
  );
}

export function MenuLine() {
  return <Separator className="my-1.5 h-px border-0 bg-line" />;
}
