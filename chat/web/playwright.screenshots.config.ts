import base from "./playwright.config";

/** `npm run screenshots`: pictures of every screen, for looking at. */
export default { ...base, testMatch: "*.shots.ts", timeout: 180_000 };
