import { Button } from "@/components/button";
import { Logo } from "@/components/logo";
import { resume, useSession } from "@/lib/session/session";

/** While it is not yet known who is there. */
export function Splash() {
  const isUnreachable = useSession((state) => state.unreachable);
  return (
    <div className="flex h-full flex-col items-center justify-center gap-4 px-6 text-center">
      <Logo className="size-14" swaying />
      {isUnreachable ? (
        <div role="alert" className="flex flex-col items-center gap-2">
          <p className="font-semibold">The server cannot be reached.</p>
          <p className="text-sm text-soft">It may be starting, or the network is away.</p>
          <Button className="mt-2" onPress={() => void resume()}>
            Try again
          </Button>
        </div>
      ) : (
        <p role="status" className="sr-only">
          Windsock is starting
        </p>
      )}
    </div>
  );
}
