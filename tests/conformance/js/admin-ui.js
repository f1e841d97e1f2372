// The admin UI as npm has it, in Chromium: node admin-ui.js SERVER UI [FOLDER FOR SCREENSHOTS]
import assert from "node:assert/strict";
import { once } from "node:events";
import { chromium } from "playwright-core";
import { io } from "socket.io-client";

const [server, ui, folder] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const opened = [];
const errors = [];

function connect(options) {
  const socket = io(server, { forceNew: true, reconnection: false, transports: ["websocket"], ...options });
  opened.push(socket);
  return socket;
}

function within(promise, what, limit = 60_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limit} ms: ${what}`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function open() {
  const context = await browser.newContext({ viewport: { width: 1500, height: 950 } });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(error));
  // Fonts and icons of other hosts: the page does without.
  await page.route(
    (url) => ![server, ui].includes(url.origin),
    (route) => route.abort(),
  );
  await page.goto(`${ui}/`);
  return page;
}

const shoot = (page, name) => folder && page.screenshot({ path: `${folder}/admin-${name}.png` });
const row = (page, text) => page.locator("main tr", { hasText: text }).first();

async function show(page, title) {
  await page.locator("nav .v-list-item", { hasText: title }).click();
  // The view before it stays until it has faded.
  await page.waitForFunction(
    (expected) => {
      const shown = [...document.querySelectorAll("main .v-breadcrumbs")].map((each) => each.innerText.trim());
      return shown.length === 1 && shown[0] === expected;
    },
    title,
  );
}

async function logIn(page, password) {
  await page.getByLabel("Server URL").fill(server);
  await page.getByLabel("Username").fill("admin");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Connect" }).click();
}

async function looking(page, client) {
  const servers = page.locator("main .v-card", { has: page.getByText("Healthy", { exact: true }) });
  await servers.locator("h2", { hasText: /^1$/ }).first().waitFor();
  await row(page, "/admin").locator("td", { hasText: /^\s*1\s*$/ }).waitFor();
  await shoot(page, "dashboard");
  await show(page, "Servers");
  await row(page, "one").getByText("Healthy").waitFor();
  await shoot(page, "servers");
  await show(page, "Sockets");
  await row(page, client.id).getByText("WebSocket").waitFor();
  await shoot(page, "sockets");
  await row(page, client.id).click();
  await page.getByText('"name": "Ann"').waitFor();
  await row(page, "user-agent").getByText("a client").waitFor();
  assert.equal(await page.getByText("s3cret").count(), 0);
  assert.equal(await page.getByText("authorization").count(), 0);
  await shoot(page, "socket");
  client.emit("join", "den");
  await row(page, "den").waitFor();
  await show(page, "Rooms");
  await row(page, "den").getByText("Public").waitFor();
  await row(page, "lobby").locator("td", { hasText: /^\s*1\s*$/ }).waitFor();
  await shoot(page, "rooms");
  await client.emitWithAck("say", "ahoy");
  await show(page, "Events");
  await row(page, "Event name: say").getByText("event received", { exact: false }).waitFor();
  await row(page, "Event name: said").getByText("event sent", { exact: false }).waitFor();
  await shoot(page, "events");
}

async function changing(page, client) {
  const { id } = client;
  await show(page, "Sockets");
  await row(page, client.id).click();
  await page.getByLabel("Join a room").fill("vip");
  await page.locator("main form button").click();
  await row(page, "vip").waitFor();
  await show(page, "Rooms");
  await row(page, "vip").getByRole("button").first().click(); // everybody out; and the UI shows the room's own page
  await page.getByText("Deleted").waitFor();
  await show(page, "Rooms");
  assert.equal(await row(page, "vip").count(), 0);
  const other = connect();
  await within(once(other, "connect"), "another client");
  await show(page, "Sockets");
  await row(page, other.id).waitFor();
  const left = once(client, "disconnect");
  const line = await clientLine(page, client);
  await line.getByRole("button").click();
  assert.equal((await within(left, "the client is disconnected"))[0], "io server disconnect");
  await show(page, "Sockets");
  await row(page, id).waitFor({ state: "detached" });
  assert.ok(other.connected);
}

/** A client's line in the clients' table, which has ids of its own. */
async function clientLine(page, client) {
  await show(page, "Sockets");
  await row(page, client.id).click();
  const id = await page.locator("main tr", { hasText: "ID" }).first().locator("td").nth(1).innerText();
  await show(page, "Clients");
  const line = page.locator("main tbody tr", { has: page.getByText(id.trim(), { exact: true }) });
  await line.waitFor();
  return line;
}

try {
  const client = connect({
    query: { name: "Ann" },
    auth: { token: "s3cret" },
    extraHeaders: { authorization: "Bearer s3cret", cookie: "sid=s3cret", "user-agent": "a client" },
  });
  await within(once(client, "connect"), "connect");
  const page = await open();
  await logIn(page, "wrong");
  await page.getByText("Invalid credentials").waitFor();
  await shoot(page, "refused");
  await logIn(page, "changeit");
  await page.getByLabel("Password").waitFor({ state: "hidden" });
  await looking(page, client);
  await changing(page, client);
  // By its session: nobody is asked for a password.
  await page.reload();
  await show(page, "Servers");
  await row(page, "one").getByText("Healthy").waitFor();
  assert.equal(await page.getByLabel("Password").isVisible(), false);
  if (errors.length) throw errors[0];
} catch (error) {
  console.log(error.stack);
  const page = browser.contexts()[0]?.pages()[0];
  if (page) await shoot(page, "failed");
  process.exitCode = 1;
} finally {
  for (const socket of opened) socket.close();
  await browser.close();
}
