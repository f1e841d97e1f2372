import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/button";
import { Field } from "@/components/field";
import { Complaint } from "@/components/notice";
import { checkDisplayName, checkPassword, checkUsername } from "@/features/auth/account-rules";
import { AuthFrame } from "@/features/auth/auth-frame";
import { ApiError, sentence } from "@/lib/api/errors";
import { signUp } from "@/lib/session/session";

type Name = "username" | "display_name" | "password";

export function SignUpPage() {
  const [account, setAccount] = useState({ username: "", display_name: "", password: "" });
  const [touched, setTouched] = useState<ReadonlySet<Name>>(new Set());
  const [error, setError] = useState<unknown>(null);
  const [isPending, setPending] = useState(false);

  const wrong: Record<Name, string | null> = {
    username: checkUsername(account.username),
    display_name: checkDisplayName(account.display_name),
    password: checkPassword(account.password),
  };
  const told = refusals(error);
  const errorOf = (name: Name) => told[name] ?? (touched.has(name) ? (wrong[name] ?? undefined) : undefined);
  const fieldOf = (name: Name) => ({
    name,
    value: account[name],
    isRequired: true,
    error: errorOf(name),
    onChange: (value: string) => {
      setAccount({ ...account, [name]: value });
      setError(null);
    },
    onBlur: () => account[name] && setTouched(new Set(touched).add(name)),
  });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTouched(new Set<Name>(["username", "display_name", "password"]));
    if (isPending || wrong.username || wrong.display_name || wrong.password) return;
    setPending(true);
    setError(null);
    try {
      await signUp({
        username: account.username.trim().toLowerCase(),
        display_name: account.display_name.trim(),
        password: account.password,
      });
    } catch (refusal) {
      setError(refusal);
      setPending(false);
    }
  };

  return (
    <AuthFrame title="Create your account" lead="It takes a name and a password. That is all.">
      <form onSubmit={submit} className="flex flex-col gap-4" aria-label="Create an account" noValidate>
        <Field
          {...fieldOf("display_name")}
          label="Your name"
          hint="How others will see you. You can change it later."
          autoComplete="name"
          autoFocus
          inputProps={{ maxLength: 64 }}
        />
        <Field
          {...fieldOf("username")}
          label="Username"
          hint="For logging in, and for others to find you."
          autoComplete="username"
          inputProps={{ autoCapitalize: "none", autoCorrect: "off", spellCheck: false, maxLength: 32 }}
        />
        <Field
          {...fieldOf("password")}
          label="Password"
          hint="At least 10 characters. A few words in a row make a good one."
          type="password"
          autoComplete="new-password"
          inputProps={{ maxLength: 128 }}
        />
        {Object.keys(told).length === 0 && <Complaint error={error} />}
        <Button type="submit" tone="primary" className="mt-1 h-11" isPending={isPending}>
          Create account
        </Button>
      </form>
      <p className="mt-6 text-sm text-soft">
        Here before?{" "}
        <Link to="/log-in" className="font-medium text-sky underline-offset-2 hover:underline">
          Log in
        </Link>
      </p>
    </AuthFrame>
  );
}

/** What the server says of single fields. */
function refusals(error: unknown): Partial<Record<Name, string>> {
  if (!(error instanceof ApiError)) return {};
  if (error.status === 409) return { username: error.message };
  const found: Partial<Record<Name, string>> = {};
  for (const { loc, msg } of error.details) {
    const name = loc.at(-1);
    if (name === "username" || name === "display_name" || name === "password") found[name] = sentence(msg);
  }
  return found;
}
