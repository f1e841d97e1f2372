/** First wait, in milliseconds. A server that restarts is back within a second or two. */
const FIRST = 500;

/** Longest wait. People look at the banner; more than this feels like nobody is trying. */
const LONGEST = 15_000;

/**
 * Milliseconds before attempt number `attempt` (from 0): doubling, and spread by ±30 % so that the clients
 * of a restarted server do not all come back in the same instant.
 *
 * @param random a number from 0 (inclusive) to 1
 */
export function backoff(attempt: number, random: number): number {
  const base = Math.min(LONGEST, FIRST * 2 ** Math.min(attempt, 10));
  return Math.round(base * (0.7 + 0.6 * random));
}
