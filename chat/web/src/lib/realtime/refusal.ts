import type { ErrorInfo } from "@/lib/api/types";

/** No acknowledgement came: the time ran out, or the connection went. Whether it was done is unknown. */
export class NoAnswer extends Error {
  readonly reason: "timeout" | "disconnected";

  constructor(reason: "timeout" | "disconnected") {
    super(reason === "timeout" ? "The server did not answer in time." : "There is no connection.");
    this.name = "NoAnswer";
    this.reason = reason;
  }
}

/** The server said no, and why. */
export class Refused extends Error {
  readonly refusal: ErrorInfo;

  constructor(refusal: ErrorInfo) {
    super(refusal.message);
    this.name = "Refused";
    this.refusal = refusal;
  }
}

/** Refusals that pass by themselves; `unauthorized` because the next connection brings a fresh token. */
const PASSING: ReadonlySet<string> = new Set(["rate_limited", "busy", "unauthorized"]);

export function isPassing(refusal: ErrorInfo): boolean {
  return PASSING.has(refusal.code);
}

/** The server failed: it may work the next time, and may never work for this message. */
export function isFault(refusal: ErrorInfo): boolean {
  return refusal.code === "internal_error";
}
