/** White space, control characters, and what is seen as nothing at all: the server refuses a message of these alone. */
const SEEN = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800]/u;

export function isBlank(text: string): boolean {
  return !SEEN.test(text);
}
