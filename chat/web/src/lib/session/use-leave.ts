import { useNavigate } from "@tanstack/react-router";
import { complain } from "@/lib/toasts";

/** Logs out, in one of the ways there are, and goes where whoever comes next may be. */
export function useLeave(logOut: () => Promise<void>): () => Promise<void> {
  const navigate = useNavigate();
  return async () => {
    try {
      await logOut();
      // Whoever logs in next need not be one who may see what was on the screen.
      await navigate({ to: "/log-in" });
    } catch (error) {
      complain(error);
    }
  };
}
