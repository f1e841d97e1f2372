import { IconButton } from "@/components/button";
import { AlertIcon, CheckIcon, CloseIcon } from "@/components/icons";
import { cn } from "@/lib/class-names";
import { dismiss, useToasts } from "@/lib/toasts";

/** Short messages that come and go. The region is always there, so that screen readers hear what comes into it. */
export function ToastRegion() {
  const toasts = useToasts((state) => state.toasts);
  return (
    <section
      aria-label="Notifications"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-0 bottom-20 z-50 flex flex-col items-center gap-2 px-4"
    >
      {toasts.map((toast) => (
        <div
          key={toast.id}
          className="pointer-events-auto flex max-w-md animate-rise items-center gap-2.5 rounded-xl border border-line bg-raised py-1.5 pr-1.5 pl-3.5 text-sm shadow-float"
        >
          {toast.tone === "alarm" ? (
            <AlertIcon className="shrink-0 text-alarm" />
          ) : (
            <CheckIcon className={cn("shrink-0 text-calm")} />
          )}
          <span className="min-w-0 wrap-anywhere">{toast.text}</span>
          <IconButton label="Dismiss" size="sm" onPress={() => dismiss(toast.id)}>
            <CloseIcon />
          </IconButton>
        </div>
      ))}
    </section>
  );
}
