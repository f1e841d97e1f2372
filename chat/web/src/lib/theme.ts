import { create } from "zustand";

export type Theme = "system" | "light" | "dark";

/** public/theme.js reads the same key before the first paint. */
const KEY = "windsock.theme";

export const useTheme = create<{ theme: Theme }>(() => ({ theme: stored() }));

export function setTheme(theme: Theme): void {
  const { dataset } = document.documentElement;
  if (theme === "system") delete dataset.theme;
  else dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Without a storage the choice lasts as long as the window.
  }
  useTheme.setState({ theme });
}

/** Another window of this browser has chosen. */
globalThis.addEventListener?.("storage", (event) => {
  if (event.key === KEY) setTheme(stored());
});

function stored(): Theme {
  const theme = globalThis.document?.documentElement.dataset.theme;
  try {
    const kept = localStorage.getItem(KEY);
    if (kept === "light" || kept === "dark") return kept;
    return "system";
  } catch {
    return theme === "light" || theme === "dark" ? theme : "system";
  }
}
