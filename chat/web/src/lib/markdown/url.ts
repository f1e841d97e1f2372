const SCHEMES: ReadonlySet<string> = new Set(["http:", "https:", "mailto:"]);

/**
 * The address in its normal form when it is safe to follow, otherwise null. Whatever the browser would make
 * of it is judged, not how it is written: `URL` drops the control characters and case that hide a scheme.
 */
export function safeUrl(address: string): string | null {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  if (!SCHEMES.has(url.protocol)) return null;
  // https://bank.example@evil.example shows one host and goes to another.
  if (url.username || url.password) return null;
  return url.href;
}
