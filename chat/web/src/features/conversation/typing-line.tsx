import { describeTypists, useTypists } from "@/lib/realtime/typing";

export function TypingLine({ roomId }: { roomId: string }) {
  const typists = useTypists((state) => state.typists[roomId]);
  const text = describeTypists(typists?.map((typist) => typist.user) ?? []);
  return (
    <div className="mx-auto h-6 w-full max-w-[54.5rem] px-5 md:px-7" aria-live="polite">
      {text && (
        <p className="flex animate-fade items-center gap-2 text-[0.8125rem] leading-6 text-soft">
          <Breeze />
          <span className="truncate">{text}…</span>
        </p>
      )}
    </div>
  );
}

/** Three lines of wind. */
function Breeze() {
  return (
    <svg viewBox="0 0 18 12" className="h-3 w-[1.125rem] shrink-0 text-sky" aria-hidden="true">
      {[2, 6, 10].map((y, index) => (
        <path
          key={y}
          d={`M${1 + index * 2} ${y}h${14 - index * 3}`}
          stroke="currentColor"
          strokeWidth="1.6"
          strokeLinecap="round"
          className="animate-blink"
          style={{ animationDelay: `${index * 160}ms` }}
        />
      ))}
    </svg>
  );
}
