import type { ReactNode } from "react";
import { Logo } from "@/components/logo";

/** What log-in and sign-up stand in: the form, and beside it the airfield. */
export function AuthFrame({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  return (
    <div className="scroll-quiet grid h-full overflow-y-auto md:grid-cols-[minmax(0,1fr)_minmax(0,1.1fr)]">
      <main className="flex flex-col px-6 py-8 md:px-12">
        <div className="flex items-center gap-2.5">
          <Logo className="size-8" swaying />
          <span className="text-lg font-[680] tracking-tight">Windsock</span>
        </div>
        <div className="mx-auto flex w-full max-w-sm flex-1 flex-col justify-center py-10">
          <h1 className="text-[1.75rem] leading-tight">{title}</h1>
          <p className="mt-2 mb-7 text-soft">{lead}</p>
          {children}
        </div>
        <p className="text-[0.8125rem] text-faint">
          A chat of your own. Nothing you write leaves this server.
        </p>
      </main>
      <Airfield />
    </div>
  );
}

function Airfield() {
  return (
    <div className="relative hidden overflow-hidden bg-sky-wash md:block">
      <svg
        aria-hidden="true"
        viewBox="0 0 640 900"
        preserveAspectRatio="xMidYMax slice"
        className="absolute inset-0 h-full w-full"
        focusable="false"
      >
        <defs>
          <linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
            <stop offset="0" className="[stop-color:light-dark(#d3e7ec,#0d2029)]" />
            <stop offset="0.72" className="[stop-color:light-dark(#f7ede2,#1c3440)]" />
            <stop offset="1" className="[stop-color:light-dark(#fbe3d0,#2a3d43)]" />
          </linearGradient>
          <linearGradient id="field" x1="0" y1="0" x2="0" y2="1">
            <stop offset="0" className="[stop-color:light-dark(#c7d6cd,#16292b)]" />
            <stop offset="1" className="[stop-color:light-dark(#a9c0b6,#0f1f22)]" />
          </linearGradient>
        </defs>
        <rect width="640" height="900" fill="url(#sky)" />
        <circle cx="470" cy="566" r="62" className="fill-[light-dark(#fff6eab3,#f2d9bd2e)]" />
        <g
          className="stroke-[light-dark(#ffffff,#4d6d78)]"
          strokeWidth="5"
          strokeLinecap="round"
          fill="none"
          opacity="0.75"
        >
          <path d="M60 150h150M250 150h36M150 206h230M420 206h20M40 268h90M380 300h180M320 96h190" />
        </g>
        <path
          d="M0 640c90-38 170-44 262-22s190 20 378-26v60H0z"
          className="fill-[light-dark(#b9cdc9,#14292d)]"
        />
        <path d="M0 650c150-14 430-14 640 0v250H0z" fill="url(#field)" />
        <path d="M286 655h68l170 245H116z" className="fill-[light-dark(#8fa5a1,#0b171a)] opacity-70" />
        <path
          d="M320 668v26M320 716v40M320 788v70"
          className="stroke-[light-dark(#f6f4ee,#6b8288)]"
          strokeWidth="7"
          strokeLinecap="round"
        />
        <path
          d="M170 300v440"
          className="stroke-[light-dark(#2b4147,#9fb3b6)]"
          strokeWidth="9"
          strokeLinecap="round"
        />
        <g className="origin-[174px_340px] animate-sway">
          <path d="M178 306 252 318v76l-74 14z" className="fill-[light-dark(#dc5a22,#e9693a)]" />
          <path d="m252 318 70 16v54l-70 6z" className="fill-[light-dark(#fff7ee,#f6e4d6)]" />
          <path d="m322 334 62 18v34l-62 2z" className="fill-[light-dark(#dc5a22,#e9693a)]" />
          <path d="m384 352 46 16v18l-46 0z" className="fill-[light-dark(#fff7ee,#f6e4d6)]" />
          <path d="m430 368 26 10v8l-26 0z" className="fill-[light-dark(#dc5a22,#e9693a)]" />
          <ellipse cx="178" cy="357" rx="9" ry="51" className="fill-[light-dark(#b34515,#b8481c)]" />
        </g>
        <circle cx="170" cy="298" r="9" className="fill-[light-dark(#2b4147,#9fb3b6)]" />
      </svg>
    </div>
  );
}
