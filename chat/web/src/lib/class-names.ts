import { extendTailwindMerge } from "tailwind-merge";

const merge = extendTailwindMerge({ extend: { theme: { shadow: ["lift", "float"] } } });

/** Class names in one string. What is false, null or undefined is left out; of two that contradict, the later stays. */
export function cn(...names: (string | false | null | undefined)[]): string {
  return merge(names);
}
