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
  timeout: 90_000,
  expect: { timeout: 15_000 },
  use: { launchOptions, trace: "retain-on-failure", actionTimeout: 15_000, navigationTimeout: 30_000 },
});
