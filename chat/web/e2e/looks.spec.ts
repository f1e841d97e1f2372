import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, fresh, list, logIn, Person, test, write } from "./fixtures";

async function checkAccess(page: Page, where: string): Promise<void> {
  // Colours in the middle of a fade are nobody's choice.
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((one) => one.finish?.call(one) ?? null)).catch(() => null),
  );
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(
    (one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`,
  );
  expect(found, where).toEqual([]);
}

test("on a phone one thing is on the screen at a time, and nothing sticks out", async ({
  server,
  admin,
  open,
}) => {
  const friend = await Person.signUp(server.url, fresh("abel"), "Abel Nord");
  const room = await admin.createRoom(
    fresh("pocket"),
    "public",
    "A topic that is rather too long for a screen as narrow as this one is",
  );
  await friend.join(room.id);
  await friend.send(room.id, `A word without end: ${"Donaudampfschiff".repeat(20)}`);
  await friend.send(
    room.id,
    "| a | b | c | d | e | f |\n|---|---|---|---|---|---|\n| eins | zwei | drei | vier | fünf | sechs |",
  );
  await friend.send(room.id, `\`\`\`\n${"wide ".repeat(60)}\n\`\`\``);
  const page = await open({ phone: true });
  const sidebar = page.getByRole("navigation", { name: "Rooms and conversations" });
  const fits = async () => {
    // Not the page's own `innerWidth`: a phone's grows with what sticks out.
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(page.viewportSize()?.width ?? 0);
    const feed = list(page);
    if (await feed.count())
      expect(await feed.evaluate((one) => one.scrollWidth - one.clientWidth)).toBeLessThanOrEqual(0);
  };
  await logIn(page, admin.user.username);
  await expect(sidebar).toBeVisible();
  await fits();
  await page.getByRole("link", { name: new RegExp(room.name ?? "") }).tap();
  await expect(page.getByRole("textbox", { name: /^Message / })).toBeVisible();
  await expect(page.getByRole("article").filter({ hasText: "A word without end" })).toBeVisible();
  await expect(sidebar).toBeHidden();
  await fits();
  await page.getByRole("textbox", { name: /^Message / }).fill("from a phone");
  await page.getByRole("button", { name: "Send" }).tap();
  await expect(page.getByRole("article").filter({ hasText: "from a phone" })).toBeVisible();
  await page.getByRole("article").filter({ hasText: "from a phone" }).tap();
  const toolbar = page.getByRole("toolbar", { name: "Message" });
  await expect(toolbar).toBeVisible();
  await toolbar.getByRole("button", { name: "Edit" }).tap();
  await page.getByRole("textbox", { name: "Edit message" }).fill("from my phone");
  await page.getByRole("button", { name: "Save" }).tap();
  await page.getByRole("article").filter({ hasText: "from my phone" }).tap();
  await toolbar.getByRole("button", { name: "Delete" }).tap();
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).tap();
  await page.getByRole("textbox", { name: /^Message / }).tap();
  await expect(toolbar).toHaveCount(0);
  await page.getByRole("button", { name: /Show members/ }).tap();
  await expect(page.getByRole("complementary", { name: "Members" })).toContainText("Abel Nord");
  await fits();
  await page.getByRole("button", { name: "Close members" }).tap();
  await page.getByRole("link", { name: "Back to rooms" }).tap();
  await expect(sidebar).toBeVisible();
});

/** What is seen and reaches beyond the window or the dialog it is in, as its text's beginning. */
function stickingOut(page: Page): Promise<string[]> {
  // Not the page's own `innerWidth`: a phone's grows with what sticks out.
  return page.evaluate((width) => {
    const found: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>("h1, h2, p, strong, button, input, a")) {
      const box = element.getBoundingClientRect();
      if (box.width < 2 || !element.checkVisibility()) continue;
      const frame = element.closest("[role=dialog], [role=alertdialog], main, nav")?.getBoundingClientRect();
      const [left, right] = [frame?.left ?? 0, frame?.right ?? width];
      const isCut =
        element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX === "visible";
      if (box.left < left - 1 || box.right > Math.min(right, width) + 1 || (isCut && box.width > 8))
        found.push(
          `${element.tagName} ${element.getAttribute("aria-label") ?? element.textContent?.slice(0, 30)}`,
        );
    }
    return found;
  }, page.viewportSize()?.width ?? 0);
}

test("the longest names there may be stay where they belong", async ({ server, admin, open }) => {
  const endless = (letter: string) => letter.repeat(64);
  const friend = await Person.signUp(server.url, fresh("wanda"), endless("W"));
  const inside = await friend.createRoom(endless("M"), "public", endless("T").repeat(4));
  const outside = await friend.createRoom(endless("O"), "public", endless("T").repeat(4));
  const secret = await friend.createRoom(endless("S"), "private");
  await admin.join(inside.id);
  await friend.call("POST", `/rooms/${secret.id}/invitations`, { user_id: admin.user.id });
  const direct = await friend.direct(admin.user.id);
  await friend.send(direct.id, "unread");
  for (const phone of [true, false]) {
    const page = await open({ phone });
    const fits = (where: string) => expect.poll(() => stickingOut(page), { message: where }).toEqual([]);
    await logIn(page, admin.user.username);
    await expect(page.getByRole("region", { name: "Invitations" })).toContainText(endless("W"));
    await expect(page.getByRole("link", { name: endless("M") })).toBeVisible();
    await fits("the list of rooms");
    await page.goto(`/rooms/${outside.id}`);
    await expect(page.getByRole("button", { name: "Join this room" })).toBeVisible();
    await fits("a room seen from outside");
    await page.goto(`/rooms/${direct.id}`);
    await expect(page.getByText(/the beginning of your conversation/)).toBeVisible();
    await fits("a direct room");
    await page.goto(`/rooms/${inside.id}`);
    await page.getByRole("button", { name: "About this room" }).click();
    await expect(page.getByRole("heading", { name: /^About / })).toBeVisible();
    await fits("a dialog");
    await page.goto("/admin");
    await page.getByRole("button", { name: `Actions for ${endless("W")}` }).click();
    await page.getByRole("menuitem", { name: "Ban…" }).click();
    await expect(page.getByRole("heading", { name: /^Ban / })).toBeVisible();
    await fits("a question");
    await page.getByRole("button", { name: "Ban", exact: true }).click();
    await expect(page.getByText(/has been banned/)).toBeVisible();
    await fits("a notice");
    await admin.call("POST", `/admin/users/${friend.user.id}/reinstate`);
  }
  const newcomer = await Person.signUp(server.url, fresh("nina"), endless("N"));
  const page = await open({ width: 800 });
  await logIn(page, newcomer.user.username);
  await expect(page.getByRole("heading", { name: /^Welcome, / })).toBeVisible();
  await expect.poll(() => stickingOut(page)).toEqual([]);
});

test("the theme follows the system until one is chosen, and is there before the first paint", async ({
  admin,
  open,
}) => {
  const page = await open({ theme: "dark" });
  const isDark = () =>
    page.evaluate(() => {
      const [red = 255] = /\d+/.exec(getComputedStyle(document.body).backgroundColor) ?? [];
      return Number(red) < 100;
    });
  await logIn(page, admin.user.username);
  expect(await isDark()).toBe(true);
  await page.emulateMedia({ colorScheme: "light" });
  await expect.poll(isDark).toBe(false);
  await page.getByRole("contentinfo").getByRole("button").click();
  await page.getByRole("menuitem", { name: "Dark theme" }).click();
  await expect.poll(isDark).toBe(true);
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (!document.body) return;
      observer.disconnect();
      sessionStorage.setItem("theme-at-body", document.documentElement.dataset.theme ?? "none");
    }).observe(document, { childList: true, subtree: true });
  });
  await page.reload();
  expect(await page.evaluate(() => sessionStorage.getItem("theme-at-body"))).toBe("dark");
  expect(await isDark()).toBe(true);
});

for (const theme of ["light", "dark"] as const) {
  test(`every screen passes the accessibility rules, ${theme}`, async ({ server, admin, open }) => {
    const friend = await Person.signUp(server.url, fresh("bela"), "Bela Roth");
    const room = await admin.createRoom(fresh("access"), "private");
    await admin.call("POST", `/rooms/${room.id}/invitations`, { user_id: friend.user.id });
    await friend.join(room.id);
    await friend.send(room.id, "Hello, with `code`, a https://example.org/link and\n> a quotation");
    const elsewhere = await friend.createRoom(fresh("elsewhere"), "private");
    await friend.call("POST", `/rooms/${elsewhere.id}/invitations`, { user_id: admin.user.id });
    await admin.createRoom(fresh("open-to-all"));
    const page = await open({ theme });
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await page.goto("/log-in");
    await expect(page.getByRole("button", { name: "Log in" })).toBeVisible();
    await checkAccess(page, "log-in");
    await page.goto("/sign-up");
    await page.getByRole("button", { name: "Create account" }).click();
    await checkAccess(page, "sign-up");
    await logIn(page, admin.user.username);
    await page.goto(`/rooms/${room.id}?members=true`);
    await expect(page.getByRole("complementary", { name: "Members" })).toContainText("Bela Roth");
    await write(page, "my own");
    await friend.setTyping(room.id, true);
    await expect(page.getByText("Bela Roth is typing…")).toBeVisible();
    // Where the mouse was before the first event on a page, the browser does not tell: the second one has moved it.
    await page.getByRole("textbox", { name: /^Message / }).hover();
    await page.getByRole("article").filter({ hasText: "my own" }).hover();
    await expect(page.getByRole("toolbar", { name: "Message" })).toBeVisible();
    await checkAccess(page, "conversation");
    await page.getByRole("button", { name: "About this room" }).click();
    await checkAccess(page, "room settings");
    await page.keyboard.press("Escape");
    await page.getByRole("contentinfo").getByRole("button").click();
    await checkAccess(page, "menu");
    await page.keyboard.press("Escape");
    for (const path of ["browse", "people", "admin"]) {
      await page.goto(`/${path}`);
      await expect(page.getByRole("main").getByRole("listitem").first()).toBeVisible();
      await checkAccess(page, path);
    }
    await page.goto("/no-such-page");
    await expect(page.getByText("There is no such page")).toBeVisible();
    await checkAccess(page, "not found");
  });
}
