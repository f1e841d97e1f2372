import { type BrowserContext, test as base, expect, type Locator, type Page } from "@playwright/test";
import { PASSWORD, Person } from "./person";
import { ChatServer } from "./server";

export { expect, PASSWORD, Person };

interface Fixtures {
  /** A window of its own, with nothing of the others' storage; it fails the test when something runs that must not. */
  open: (options?: WindowOptions) => Promise<Page>;
}

export interface WindowOptions {
  phone?: boolean;
  theme?: "light" | "dark";
  width?: number;
  height?: number;
}

interface WorkerFixtures {
  server: ChatServer;
  /** The first account of the server, which is an administrator's. */
  admin: Person;
}

/** What the page did that no page of ours may do. */
export interface Watch {
  readonly violations: string[];
}

const watches = new WeakMap<Page, Watch>();

/** What was seen on the page so far: dialogs, refused resources, errors, requests to elsewhere. */
export function seenOn(page: Page): readonly string[] {
  return watches.get(page)?.violations ?? [];
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures from the pattern
    async ({}, use) => {
      const server = await ChatServer.create();
      await use(server);
      await server.dispose();
    },
    { scope: "worker" },
  ],
  admin: [
    async ({ server }, use) => {
      const admin = await Person.signUp(server.url, "root-of-it-all", "Ria Root");
      await use(admin);
      admin.disconnect();
    },
    { scope: "worker", auto: true },
  ],
  open: async ({ browser, server }, use) => {
    const contexts: BrowserContext[] = [];
    const pages: Page[] = [];
    await use(async (options = {}) => {
      const context = await browser.newContext({
        baseURL: server.url,
        viewport: options.phone
          ? { width: 390, height: 844 }
          : { width: options.width ?? 1280, height: options.height ?? 800 },
        colorScheme: options.theme ?? "light",
        ...(options.phone ? { hasTouch: true, isMobile: true, deviceScaleFactor: 2 } : {}),
      });
      contexts.push(context);
      const page = await context.newPage();
      await watch(page, server.url);
      pages.push(page);
      return page;
    });
    const seen = pages.flatMap((page) => seenOn(page));
    for (const context of contexts) await context.close();
    expect(seen, "dialogs, refused resources, errors and requests to elsewhere").toEqual([]);
  },
});

async function watch(page: Page, home: string): Promise<void> {
  const violations: string[] = [];
  watches.set(page, { violations });
  page.on("dialog", (dialog) => {
    violations.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => violations.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    // The browser itself reports an answer of 401, 409 and so on, and a server that is away.
    if (/Failed to load resource|WebSocket connection to/.test(message.text())) return;
    violations.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== home && url.origin !== home.replace("http", "ws")) {
      violations.push(`request: ${request.url()}`);
    }
  });
  await page.exposeFunction("reportViolation", (text: string) => violations.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      const report = (globalThis as unknown as { reportViolation(text: string): void }).reportViolation;
      report(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
}

let count = 0;

/** A username that nobody else in this run has. */
export function fresh(name = "somebody"): string {
  count += 1;
  return `${name}-${process.pid.toString(36)}-${count}`;
}

/** Sign up in the window, through its form. */
export async function signUp(
  page: Page,
  displayName: string,
  username = fresh(displayName.toLowerCase().split(" ")[0]),
): Promise<string> {
  await page.goto("/sign-up");
  await page.getByLabel("Your name").fill(displayName);
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByRole("button", { name: displayName })).toBeVisible();
  return username;
}

export async function logIn(page: Page, username: string): Promise<void> {
  await page.goto("/log-in");
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("navigation", { name: "Rooms and conversations" })).toBeVisible();
}

/** Write a message in the room that is open. */
export async function write(page: Page, text: string): Promise<void> {
  const composer = page.getByRole("textbox", { name: /^Message / });
  await composer.fill(text);
  await composer.press("Enter");
}

/** The list of messages; others of its role belong to the announcements for screen readers. */
export function list(page: Page): Locator {
  return page.getByRole("log", { name: /^Messages in / });
}

/** The messages in view, in the order in which they stand. */
export async function messages(page: Page): Promise<string[]> {
  return list(page).evaluate((feed) =>
    [...feed.querySelectorAll<HTMLElement>("article")]
      .sort((one, other) => Number(one.dataset.index) - Number(other.dataset.index))
      .map((article) => article.querySelector(".message-body")?.textContent ?? ""),
  );
}

/** Where the messages in view stand, by their keys. */
export function positions(page: Page): Promise<Record<string, number>> {
  return list(page).evaluate((feed) => {
    const frame = feed.getBoundingClientRect();
    const found: Record<string, number> = {};
    for (const row of feed.querySelectorAll<HTMLElement>("article")) {
      const box = row.getBoundingClientRect();
      if (box.bottom > frame.top && box.top < frame.bottom)
        found[row.dataset.key ?? ""] = box.top - frame.top;
    }
    return found;
  });
}

/** The same, once nothing moves any more: what was scrolled over is still being measured for a moment. */
export async function restingPositions(page: Page): Promise<Record<string, number>> {
  // What the page has still to measure, it does before it paints: a page that paints nothing is not at rest.
  const painted = async () => {
    await page.evaluate(async () => {
      for (let frame = 0; frame < 3; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
    });
    return positions(page);
  };
  let before = await painted();
  await expect(async () => {
    const now = await painted();
    const isStill = JSON.stringify(now) === JSON.stringify(before);
    before = now;
    expect(isStill).toBe(true);
  }).toPass();
  return before;
}
