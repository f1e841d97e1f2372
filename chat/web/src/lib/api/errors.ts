import type { ErrorInfo } from "@/lib/api/types";

/** The server refused a request. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** Seconds after which asking again makes sense. */
  readonly retryAfter: number | null;
  readonly details: NonNullable<ErrorInfo["details"]>;

  constructor(status: number, info: ErrorInfo) {
    super(info.message);
    this.name = "ApiError";
    this.status = status;
    this.code = info.code;
    this.retryAfter = info.retry_after ?? null;
    this.details = info.details ?? [];
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {
  constructor(cause?: unknown) {
    super("The server cannot be reached.", { cause });
    this.name = "Unreachable";
  }
}

/** Nobody is logged in (any more). */
export class LoggedOut extends Error {
  constructor() {
    super("You are logged out.");
    this.name = "LoggedOut";
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * What a request brought.
 *
 * @throws ApiError, Unreachable, LoggedOut
 */
export async function unwrap<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch (error) {
    if (error instanceof LoggedOut || error instanceof ApiError || error instanceof Unreachable) throw error;
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable(error);
  }
  if (answer.response.ok) return answer.data as T;
  throw new ApiError(answer.response.status, infoOf(answer.error, answer.response));
}

/** The refusal in the server's words; of a proxy in between it is not known what it says. */
function infoOf(error: unknown, response: Response): ErrorInfo {
  if (typeof error === "object" && error !== null && "error" in error) {
    const info = (error as { error: unknown }).error;
    if (typeof info === "object" && info !== null && "code" in info && "message" in info) {
      return info as ErrorInfo;
    }
  }
  const wait = Number(response.headers.get("Retry-After"));
  return {
    code: response.status >= 500 ? "unavailable" : "refused",
    message: `The server answered ${response.status}.`,
    retry_after: Number.isFinite(wait) && wait > 0 ? wait : null,
  };
}

/** Whether asking again right away may help: the network failed, or the server did. */
export function isTransient(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof ApiError && error.status >= 500);
}

/** Whether the thing asked for is out of this person's reach for good. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 403 || error.status === 404);
}

/** One sentence for the person; where waiting helps, it says how long. */
export function describeError(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.code === "rate_limited" && error.retryAfter) {
      return `That was a bit fast. Come back in ${error.retryAfter} s.`;
    }
    const [first] = error.details;
    if (error.code === "invalid_payload" && first) return sentence(first.msg);
    return error.message;
  }
  if (error instanceof Error && error.message) return error.message;
  return "Something went wrong.";
}

/** Pydantic's messages begin with what kind of error it was, which is nothing to a person. */
export function sentence(message: string): string {
  const text = message.replace(/^Value error, /, "");
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}
