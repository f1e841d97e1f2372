// Drives examples/websocket in Chromium at the word of pytest: node websocket-page.js URL [FOLDER FOR SCREENSHOTS]
//   ← {call: NAME}  something for pytest to do  → {}
//   ← {} or {error}  the end
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [url, folder] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin });
const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function host(name) {
  write({ call: name });
  await once(lines, "line");
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // A name that is not this machine's own, so that being offline means something.
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP windsock.test 127.0.0.1"],
});
const errors = [];

/** The page, in one colour scheme and size. */
async function open(address, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(address);
  return page;
}

const state = (page, name) => page.waitForSelector(`#state[data-name="${name}"]`);
const submit = (page, id) => page.click(`#${id} button`);

/** The newest line of what goes or comes. */
async function newest(page, way, kind) {
  const line = page.locator(`#log li[data-way="${way}"]`, { has: page.getByText(kind, { exact: true }) }).first();
  await line.waitFor();
  return line.locator("code").textContent();
}

async function received(page, kind, content) {
  await page.locator('#log li[data-way="in"] code', { hasText: content }).first().waitFor();
  assert.equal(await newest(page, "in", kind), content);
}

async function everyKind(page) {
  await state(page, "open");
  await page.fill("#text", "grüße 🎐");
  await submit(page, "send-text");
  await received(page, "text", "grüße 🎐");
  await page.fill("#json", '{ "a": [1, null] }');
  await submit(page, "send-json");
  await received(page, "JSON", '{"echo":{"a":[1,null]}}');
  await page.fill("#size", "4");
  await submit(page, "send-bytes");
  const sent = await newest(page, "out", "ArrayBuffer");
  assert.match(sent, /^([0-9a-f]{2} ){3}[0-9a-f]{2}$/);
  await received(page, "ArrayBuffer", sent);
  const file = randomBytes(5_000_000);
  await page.setInputFiles("#file", { name: "grüße.bin", mimeType: "application/octet-stream", buffer: file });
  await submit(page, "send-file");
  const digest = createHash("sha256").update(file).digest("hex");
  await received(page, "JSON", JSON.stringify({ file: { name: "grüße.bin", size: 5_000_000, sha256: digest } }));
}

async function restart(page, end) {
  await host(end);
  await state(page, "reconnecting");
  await page.fill("#text", `sent after ${end}`);
  await submit(page, "send-text");
  await page.getByText("waits for the connection").waitFor();
  await host("start");
  await state(page, "open");
  await received(page, "text", `sent after ${end}`);
  await page.getByText("waits for the connection").waitFor({ state: "hidden" });
}

/** Everything is on the screen, and nothing beside it. */
async function look(page, name) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, `${name} is wider than the screen`);
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

async function run() {
  const page = await open(url, { colorScheme: "light", viewport: { width: 1280, height: 800 } });
  await everyKind(page);
  await look(page, "light-open");
  await restart(page, "stop");
  await restart(page, "kill");

  // Offline the page does not try; online again, it does at once.
  await page.context().setOffline(true);
  await state(page, "reconnecting");
  await page.getByText("the network is gone").waitFor();
  await page.context().setOffline(false);
  await state(page, "open");

  // The application's own close, and back.
  await page.click("#toggle");
  await state(page, "closed");
  await page.getByText("closed: 1000").waitFor();
  await page.click("#toggle");
  await state(page, "open");
  // A code after which it stays away.
  await page.fill("#json", '{"file": "none"}');
  await submit(page, "send-json");
  await page.getByText("closed: 1003 expected a file's name and size").waitFor();
  await page.context().close();

  const phone = await open(`${url}?slow`, { colorScheme: "dark", viewport: { width: 360, height: 740 }, isMobile: true });
  await look(phone, "dark-phone-first");
  await everyKind(phone);
  await look(phone, "dark-phone-open");
  await host("kill");
  await state(phone, "reconnecting");
  await look(phone, "dark-phone-reconnecting");
  await host("start");
  await state(phone, "open");
  await phone.context().close();
  assert.deepEqual(errors, []);
}

try {
  await run();
  write({});
} catch (error) {
  write({ error: String(error?.stack ?? error) });
}
await browser.close();
process.exit(0);
