/** What was begun and not sent, by room. It lives as long as the browser's window, through reloads. */
const PREFIX = "windsock.draft";

/** Drafts kept; the storage of a window is as small as that of the browser. */
const MAX_DRAFTS = 50;

export function readDraft(userId: string, roomId: string): string {
  return sessionStorage.getItem(`${PREFIX}.${userId}.${roomId}`) ?? "";
}

export function writeDraft(userId: string, roomId: string, text: string): void {
  const key = `${PREFIX}.${userId}.${roomId}`;
  try {
    if (!text) {
      sessionStorage.removeItem(key);
      return;
    }
    const all = Object.keys(sessionStorage).filter((one) => one.startsWith(PREFIX));
    if (all.length < MAX_DRAFTS || all.includes(key)) sessionStorage.setItem(key, text);
  } catch {
    // No storage: the draft lives as long as the composer.
  }
}
