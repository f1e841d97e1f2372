/** How many colours the pictures of people have; components/avatar.tsx paints them. */
export const HUES = 8;

/** The colour of somebody's picture: always the same for the same id, and evenly spread over all. */
export function hueOf(id: string): number {
  let hash = 2166136261;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 16777619);
  return (hash >>> 8) % HUES;
}

/** One or two letters for somebody's picture. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined]
    .map((word) => (word ? ([...new Intl.Segmenter().segment(word)][0]?.segment ?? "") : ""))
    .join("");
  return letters.toLocaleUpperCase() || "?";
}
