import { LoggedOut } from "@/lib/api/errors";
import type { Session } from "@/lib/api/types";

export interface TokenPorts {
  /** Ask for a new access token by the refresh cookie. @throws ApiError, Unreachable */
  refresh(): Promise<Session>;
  /** Whether the server said that the session is over, and not only that now is a bad moment. */
  isOver(error: unknown): boolean;
  /** Run `task` while no other window of this browser refreshes. */
  exclusively(task: () => Promise<void>): Promise<void>;
  /** Hand the new session to the other windows. */
  announce(session: Session): void;
  accepted(session: Session): void;
  over(error: unknown): void;
  now(): number;
}

/** A token this close to its end is not sent any more: it might be over when it arrives. */
const MARGIN_MS = 30_000;

/** Of a short life at least this part is used, or every request would ask for a new token. */
const USED = 0.7;

/** Holds the access token, in memory alone, and renews it: one request at a time for all windows. */
export class Tokens {
  readonly #ports: TokenPorts;
  /** Used `until` then, which is a while before it expires. */
  #token: { value: string; until: number } | null = null;
  #renewing: Promise<void> | null = null;
  /** Moves with every session taken over, so that a window that waited its turn sees that it is done. */
  #generation = 0;

  constructor(ports: TokenPorts) {
    this.#ports = ports;
  }

  /** A token that works for a while yet. @throws LoggedOut, ApiError, Unreachable */
  async fresh(): Promise<string> {
    if (!this.#token || this.#token.until <= this.#ports.now()) await this.renew();
    if (!this.#token) throw new LoggedOut();
    return this.#token.value;
  }

  /** Get a new token although the old one seemed good. @throws LoggedOut, ApiError, Unreachable */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /** Take over a session, from a log-in here or from another window. */
  accept(session: Session): void {
    this.#generation += 1;
    const life = session.expires_in * 1000;
    const until = this.#ports.now() + Math.max(life - MARGIN_MS, life * USED);
    this.#token = { value: session.access_token, until };
    this.#ports.accepted(session);
  }

  clear(): void {
    this.#token = null;
    this.#generation += 1;
  }

  async #renew(): Promise<void> {
    const generation = this.#generation;
    await this.#ports.exclusively(async () => {
      if (this.#generation !== generation) return;
      try {
        const session = await this.#ports.refresh();
        // Logged out, or logged in as somebody else, while the answer was on its way.
        if (this.#generation !== generation) return;
        this.accept(session);
        this.#ports.announce(session);
      } catch (error) {
        if (!this.#ports.isOver(error)) throw error;
        this.#token = null;
        this.#ports.over(error);
        throw new LoggedOut();
      }
    });
  }
}
