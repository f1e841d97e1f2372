// Runs before the first paint. lib/theme.ts keeps what it reads here.
try {
  const theme = localStorage.getItem("windsock.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's theme it is.
}
