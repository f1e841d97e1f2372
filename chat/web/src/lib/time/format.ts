const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const shortDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDate = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const fullDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

/** «14:05» */
export function formatClock(iso: string): string {
  return clock.format(new Date(iso));
}

/** «2:05» where a clock has twelve hours and there is no room for which half of the day it is; else as it is. */
export function formatClockFace(iso: string): string {
  const parts = clock.formatToParts(new Date(iso)).filter((part) => part.type !== "dayPeriod");
  return parts
    .map((part) => part.value)
    .join("")
    .trim();
}

/** Date and time in full, for a tooltip. */
export function formatExact(iso: string): string {
  return exact.format(new Date(iso));
}

/** «12 March 2024» */
export function formatDate(iso: string): string {
  return fullDate.format(new Date(iso));
}

/** The name of a day as people say it: today, yesterday, Tuesday, 3 May. */
export function formatDay(iso: string, now: Date): string {
  const date = new Date(iso);
  const days = daysBetween(date, now);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days > 1 && days < 7) return weekday.format(date);
  if (date.getFullYear() === now.getFullYear()) return longDate.format(date);
  return fullDate.format(date);
}

/** As short as a list allows: a time today, a weekday this week, a date before. */
export function formatBrief(iso: string, now: Date): string {
  const date = new Date(iso);
  const days = daysBetween(date, now);
  if (days <= 0) return clock.format(date);
  if (days === 1) return "Yesterday";
  if (days < 7) return weekday.format(date).slice(0, 3);
  return shortDate.format(date);
}

/** «seen 5 min ago» */
export function formatSeen(iso: string | null, now: Date): string {
  if (!iso) return "not seen yet";
  const passed = now.getTime() - Date.parse(iso);
  if (passed < 2 * MINUTE) return "seen just now";
  if (passed < 60 * MINUTE) return `seen ${Math.floor(passed / MINUTE)} min ago`;
  if (passed < DAY) return `seen ${Math.floor(passed / (60 * MINUTE))} h ago`;
  return `seen ${formatBrief(iso, now)}`;
}

/** Midnights between two moments, by the calendar of this machine. */
function daysBetween(earlier: Date, later: Date): number {
  const midnight = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(later) - midnight(earlier)) / DAY);
}
