import { describe, expect, it } from "vitest";
import { ApiError, LoggedOut, Unreachable } from "@/lib/api/errors";
import type { Session } from "@/lib/api/types";
import { Tokens } from "@/lib/session/tokens";

function session(token: string): Session {
  const user = { id: "u", username: "ada", display_name: "Ada", about: "", role: "member" as const };
  return { access_token: token, expires_in: 900, user: { ...user, created_at: "", presence: null } };
}

/** Windows of one browser: one lock, one server, and what one announces all others accept. */
function browser(answer: (count: number) => Promise<Session>) {
  let queue: Promise<void> = Promise.resolve();
  const windows: Tokens[] = [];
  const state = { requests: 0, now: 0, over: 0 };
  const open = () => {
    const tokens: Tokens = new Tokens({
      refresh: () => answer(++state.requests),
      isOver: (error) => error instanceof ApiError && error.status === 401,
      exclusively: (task) => {
        const turn = queue.then(task);
        queue = turn.catch(() => undefined);
        return turn;
      },
      announce: (fresh) => {
        for (const other of windows) if (other !== tokens) other.accept(fresh);
      },
      accepted: () => undefined,
      over: () => {
        state.over += 1;
      },
      now: () => state.now,
    });
    windows.push(tokens);
    return tokens;
  };
  return { open, state };
}

describe("the access token", () => {
  it("is fetched once for all who ask at the same time", async () => {
    const { open, state } = browser(async (count) => session(`token-${count}`));
    const tokens = open();
    const answers = await Promise.all([tokens.fresh(), tokens.fresh(), tokens.fresh()]);
    expect(answers).toEqual(["token-1", "token-1", "token-1"]);
    expect(state.requests).toBe(1);
  });

  it("is fetched once for all windows", async () => {
    const { open, state } = browser(async (count) => session(`token-${count}`));
    const answers = await Promise.all([open(), open(), open()].map((tokens) => tokens.fresh()));
    expect(answers).toEqual(["token-1", "token-1", "token-1"]);
    expect(state.requests).toBe(1);
  });

  it("is kept until shortly before its end", async () => {
    const { open, state } = browser(async (count) => session(`token-${count}`));
    const tokens = open();
    await tokens.fresh();
    state.now = 869_000;
    expect(await tokens.fresh()).toBe("token-1");
    state.now = 871_000;
    expect(await tokens.fresh()).toBe("token-2");
  });

  it("says so when the session is over", async () => {
    const { open, state } = browser(() =>
      Promise.reject(new ApiError(401, { code: "unauthorized", message: "Log in first." })),
    );
    await expect(open().fresh()).rejects.toBeInstanceOf(LoggedOut);
    expect(state.over).toBe(1);
  });

  it("does not take a lost network for the end of the session", async () => {
    const { open, state } = browser((count) =>
      count === 1 ? Promise.reject(new Unreachable()) : Promise.resolve(session("token")),
    );
    const tokens = open();
    await expect(tokens.fresh()).rejects.toBeInstanceOf(Unreachable);
    expect(state.over).toBe(0);
    expect(await tokens.fresh()).toBe("token");
  });

  it("does not bring a session back that was ended while the answer was on its way", async () => {
    let release: (fresh: Session) => void = () => undefined;
    const { open } = browser(() => new Promise((resolve) => (release = resolve)));
    const tokens = open();
    const waiting = tokens.fresh();
    await new Promise((resolve) => setImmediate(resolve));
    tokens.clear();
    release(session("late"));
    await expect(waiting).rejects.toBeInstanceOf(LoggedOut);
  });
});
