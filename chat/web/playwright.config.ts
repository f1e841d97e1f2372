import { defineConfig } from "@playwright/test";

/** Chromium as Debian has it: nothing is downloaded, and it asks nobody for anything. */
export const launchOptions = {
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
};

export default defineConfig({
  testDir: "e2e",
  testMatch: "*.spec.ts",
  outputDir: "test-results",
  reporter: [["list"]],
  // Each worker has a server and a browser; two cores carry one of each.
  workers: 1,
  retries: 0,
  forbidOnly: true,
  // Bounds for a machine twenty times as slow as one on which a test takes twenty seconds.
  timeout: 480_000,
  expect: { timeout: 60_000 },
  use: { launchOptions, trace: "retain-on-failure", actionTimeout: 60_000, navigationTimeout: 60_000 },
});
