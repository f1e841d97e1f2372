import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { IconButton } from "@/components/button";
import { CloseIcon } from "@/components/icons";
import { cn } from "@/lib/class-names";

interface DialogProps {
  title: string;
  /** Kept for screen readers alone where the content has its own heading. */
  titleHidden?: boolean;
  onClose(): void;
  children: ReactNode;
  role?: "dialog" | "alertdialog";
  width?: "sm" | "md";
}

/** A modal dialog: in the middle of a wide window, from the bottom of a narrow one. */
export function Dialog({
  title,
  titleHidden = false,
  onClose,
  children,
  role = "dialog",
  width = "md",
}: DialogProps) {
  return (
    <ModalOverlay
      isOpen
      isDismissable={role === "dialog"}
      onOpenChange={(isOpen) => !isOpen && onClose()}
      className="fixed inset-0 z-40 flex animate-fade items-end justify-center bg-[#0a1214]/45 backdrop-blur-[1.5px] md:items-center md:p-6"
    >
      <Modal
        className={cn(
          "flex max-h-[90%] w-full animate-rise flex-col overflow-hidden rounded-t-2xl border border-line bg-paper shadow-float outline-none md:rounded-2xl",
          width === "sm" ? "md:max-w-sm" : "md:max-w-md",
        )}
      >
        <AriaDialog
          role={role}
          className="flex min-h-0 flex-col outline-none [--dot-ring:var(--color-paper)]"
        >
          <header
            className={cn(
              "flex items-center justify-between gap-3 pt-4 pr-3 pl-5",
              titleHidden ? "pb-0" : "pb-2",
            )}
          >
            <Heading slot="title" className={cn("min-w-0 text-lg wrap-anywhere", titleHidden && "sr-only")}>
              {title}
            </Heading>
            {role === "dialog" && (
              <IconButton label="Close" onPress={onClose} className="ml-auto">
                <CloseIcon />
              </IconButton>
            )}
          </header>
          <div className="scroll-quiet min-h-0 overflow-y-auto px-5 pt-1 pb-[max(1.25rem,env(safe-area-inset-bottom))]">
            {children}
          </div>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/** The row of buttons at a dialog's end. */
export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="mt-5 flex justify-end gap-2">{children}</div>;
}
