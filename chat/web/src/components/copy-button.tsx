import { useEffect, useState } from "react";
import { IconButton } from "@/components/button";
import { CheckIcon, CopyIcon } from "@/components/icons";
import { complain } from "@/lib/toasts";

export function CopyButton({ text, className }: { text: string; className?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <IconButton
      label={copied ? "Copied" : "Copy"}
      size="sm"
      placement="top"
      {...(className ? { className } : {})}
      onPress={() => {
        navigator.clipboard.writeText(text).then(() => setCopied(true), complain);
      }}
    >
      {copied ? <CheckIcon className="text-calm" /> : <CopyIcon />}
    </IconButton>
  );
}
