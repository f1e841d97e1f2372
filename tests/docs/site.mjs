// node site.mjs URL PATH...: reads pages in Chromium, on a desk and on a phone, light and dark; searches once.
import { createRequire } from "node:module";

const require = createRequire(new URL("../conformance/js/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const [url, ...paths] = process.argv.slice(2);
const faults = [];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  for (const [colorScheme, width] of [
    ["light", 1280],
    ["dark", 390],
  ]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
    page.on("request", (request) => {
      const asked = request.url();
      if (!asked.startsWith(url) && !asked.startsWith("data:")) faults.push(`${page.url()} fetches ${asked}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) faults.push(`${response.url()}: ${response.status()}`);
    });
    for (const path of paths) {
      await page.goto(`${url}/${path}`);
      const scheme = await page.evaluate(() => document.body.dataset.mdColorScheme);
      if (scheme !== (colorScheme === "dark" ? "slate" : "default")) faults.push(`${path}: ${scheme} for ${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) faults.push(`${path}: ${wide} pixels wider than a screen of ${width}`);
    }
    if (width > 1000) {
      await page.goto(`${url}/`);
      await page.getByRole("button", { name: "Search" }).click();
      await page.getByRole("combobox", { name: "Search" }).fill("stall_timeout");
      await page.locator('a[href*="slow-consumers"]', { hasText: "stall_timeout" }).first().waitFor();
    }
    await context.close();
  }
} finally {
  await browser.close();
}
if (faults.length) console.log(faults.join("\n"));
process.exit(faults.length ? 1 : 0);
