/** The server's rules, told before it has to: it is the one that decides. Each answers what is wrong, or null. */
export function checkUsername(value: string): string | null {
  const name = value.trim().toLowerCase();
  if (name.length < 3) return "At least 3 characters.";
  if (name.length > 32) return "At most 32 characters.";
  if (!/^[a-z0-9]/.test(name)) return "Begin with a letter or a digit.";
  if (!/^[a-z0-9_.-]+$/.test(name)) return "Only letters a to z, digits, '.', '_' and '-'.";
  return null;
}

export function checkPassword(value: string): string | null {
  const length = [...value].length;
  if (length < 10) return `At least 10 characters; ${10 - length} more.`;
  if (length > 128) return "At most 128 characters.";
  return null;
}

export function checkDisplayName(value: string): string | null {
  if (!value.trim()) return "Please enter a name.";
  if ([...value.trim()].length > 64) return "At most 64 characters.";
  return null;
}
