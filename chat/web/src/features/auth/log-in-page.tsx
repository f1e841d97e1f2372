import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/button";
import { Field } from "@/components/field";
import { Complaint } from "@/components/notice";
import { AuthFrame } from "@/features/auth/auth-frame";
import { ApiError } from "@/lib/api/errors";
import { logIn, type SessionState, useSession } from "@/lib/session/session";

export function LogInPage() {
  const ended = useSession((state) => state.ended);
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [isPending, setPending] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isPending) return;
    setPending(true);
    setError(null);
    try {
      await logIn(username.trim(), password);
    } catch (refusal) {
      setError(refusal);
      // What was typed is wrong, or the moment is: only the first is worth typing again.
      if (refusal instanceof ApiError && refusal.status === 401) setPassword("");
      setPending(false);
    }
  };

  return (
    <AuthFrame title="Welcome back" lead="Log in to see what has come in on the wind.">
      <form onSubmit={submit} className="flex flex-col gap-4" aria-label="Log in">
        {ended && !error && <Ended ended={ended} />}
        <Field
          label="Username"
          name="username"
          autoComplete="username"
          autoFocus
          isRequired
          value={username}
          onChange={setUsername}
          inputProps={{ autoCapitalize: "none", autoCorrect: "off", spellCheck: false, maxLength: 64 }}
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          isRequired
          value={password}
          onChange={setPassword}
          inputProps={{ maxLength: 128 }}
        />
        <Complaint error={error} />
        <Button
          type="submit"
          tone="primary"
          className="mt-1 h-11"
          isPending={isPending}
          isDisabled={!username.trim() || !password}
        >
          Log in
        </Button>
      </form>
      <p className="mt-6 text-sm text-soft">
        New here?{" "}
        <Link to="/sign-up" className="font-medium text-sky underline-offset-2 hover:underline">
          Create an account
        </Link>
      </p>
    </AuthFrame>
  );
}

const REASONS = {
  banned: "An administrator has banned this account.",
  logged_out: "You have been logged out.",
  reused:
    "This session was used from another place, so it was ended to keep your account safe. Please log in again.",
  expired: "Your session has expired. Please log in again.",
} as const;

function Ended({ ended }: { ended: NonNullable<SessionState["ended"]> }) {
  const isAlarm = ended.reason === "banned" || ended.reason === "reused";
  return (
    <p
      role="status"
      className={
        isAlarm
          ? "rounded-lg bg-alarm-wash px-3 py-2 text-sm text-alarm"
          : "rounded-lg bg-sky-wash px-3 py-2 text-sm text-sky"
      }
    >
      {ended.message ?? REASONS[ended.reason]}
    </p>
  );
}
