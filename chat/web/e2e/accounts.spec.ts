import { expect, fresh, logIn, PASSWORD, Person, signUp, test } from "./fixtures";
import { ChatServer } from "./server";

test("sign up, log out, log in", async ({ open }) => {
  const page = await open();
  const username = await signUp(page, "Greta Holm");
  await expect(page.getByRole("heading", { name: "Welcome, Greta Holm" })).toBeVisible();

  await page.reload();
  await expect(page.getByRole("button", { name: /Greta Holm/ })).toBeVisible();

  await page.getByRole("button", { name: /Greta Holm/ }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();

  await page.goto("/people");
  await expect(page).toHaveURL(/\/log-in\?next=%2Fpeople/);
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("heading", { name: "People", level: 1 })).toBeVisible();
});

test("log-in leads back to where a link led, within the chat, and not to where another was", async ({
  server,
  open,
}) => {
  const finn = await Person.signUp(server.url, fresh("finn"), "Finn Aber");
  const room = await finn.createRoom(fresh("hideout"), "private");
  const page = await open();
  await logIn(page, finn.user.username);
  await page.goto(`/rooms/${room.id}`);
  await expect(page.getByRole("textbox", { name: /^Message / })).toBeVisible();
  await page.getByRole("contentinfo").getByRole("button").click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
  await expect(page).toHaveURL(/\/log-in$/);
  for (const next of [
    "//example.org/there",
    "/\\example.org",
    "https://example.org",
    "javascript:alert(1)",
  ]) {
    await page.goto(`/log-in?next=${encodeURIComponent(next)}`);
    await page.getByLabel("Username").fill(finn.user.username);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Log in" }).click();
    await expect(page.getByRole("navigation", { name: "Rooms and conversations" })).toBeVisible();
    await page.goto("/people");
    await page.getByRole("contentinfo").getByRole("button").click();
    await page.getByRole("menuitem", { name: "Your profile" }).click();
    await page.getByRole("button", { name: "Log out on all devices" }).click();
    await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
    await expect(page).toHaveURL(/\/log-in$/);
  }
});

test("a form says what is wrong with it", async ({ open }) => {
  const page = await open();
  const taken = await signUp(page, "Hanna Roth");
  await page.getByRole("button", { name: /Hanna Roth/ }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await page.getByRole("link", { name: "Create an account" }).click();
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByText("Please enter a name.")).toBeVisible();
  await page.getByLabel("Your name").fill("Hanna Again");
  await page.getByLabel("Username").fill(taken);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByText(/is taken/)).toBeVisible();
});

test("logging out in one window logs out in the other", async ({ open }) => {
  const page = await open();
  await signUp(page, "Ivo Lang");
  const other = await page.context().newPage();
  await other.goto("/");
  await expect(other.getByRole("button", { name: /Ivo Lang/ })).toBeVisible();
  await page.getByRole("button", { name: /Ivo Lang/ }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
  await expect(other.getByText("You have been logged out.")).toBeVisible();
});

test("a ban closes the session at once, and a reinstated account may come back", async ({ admin, open }) => {
  const page = await open();
  const username = await signUp(page, "Jon Bauer");
  const adminPage = await open();
  await logIn(adminPage, admin.user.username);
  await adminPage.goto("/admin");
  await adminPage.getByRole("searchbox", { name: "Search accounts" }).fill("Jon Bauer");
  await adminPage.getByRole("button", { name: "Actions for Jon Bauer" }).click();
  await adminPage.getByRole("menuitem", { name: "Ban…" }).click();
  await adminPage.getByLabel(/^Reason/).fill("Selling kites in every room");
  await adminPage.getByRole("button", { name: "Ban", exact: true }).click();
  await expect(adminPage.getByText("Banned", { exact: true })).toBeVisible();

  await expect(page.getByRole("heading", { name: "Welcome back" })).toBeVisible();
  await expect(page.getByText(/has banned this account|is banned/)).toBeVisible();
  await page.getByLabel("Username").fill(username);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByText("This account is banned: Selling kites in every room")).toBeVisible();

  await adminPage.getByRole("button", { name: "Reinstate Jon Bauer" }).click();
  await expect(adminPage.getByText("Banned", { exact: true })).toBeHidden();
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("button", { name: /Jon Bauer/ })).toBeVisible();
});

test("a rate limit says when to come back", async ({ browser }) => {
  const strict = await ChatServer.create({ WINDSOCK_CHAT_RATE_FACTOR: "0.2" });
  const context = await browser.newContext({ baseURL: strict.url });
  try {
    const page = await context.newPage();
    await page.goto("/log-in");
    const username = fresh("nobody");
    const alert = page.getByRole("alert");
    await expect(async () => {
      await page.getByLabel("Username").fill(username);
      await page.getByLabel("Password").fill("not the password");
      await page.getByRole("button", { name: "Log in" }).click();
      await expect(alert).toContainText(/Come back in \d+ (s|min)\./, { timeout: 1_000 });
    }).toPass();
  } finally {
    await context.close();
    await strict.dispose();
  }
});

test("the profile can be changed, and others see it at once", async ({ admin, open }) => {
  const room = await admin.createRoom(fresh("profiles"));
  const page = await open();
  await signUp(page, "Kim Sato");
  await page.goto(`/rooms/${room.id}`);
  await page.getByRole("button", { name: "Join this room" }).click();
  await expect(page.getByRole("textbox", { name: /^Message / })).toBeVisible();
  const adminPage = await open();
  await logIn(adminPage, admin.user.username);
  await adminPage.goto(`/rooms/${room.id}?members=true`);
  const members = adminPage.getByRole("complementary", { name: "Members" });
  await expect(members.getByText("Kim Sato")).toBeVisible();

  await page.getByRole("button", { name: /Kim Sato/ }).click();
  await page.getByRole("menuitem", { name: "Your profile" }).click();
  await page.getByLabel("Name").fill("Kim Satō");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Your profile has been saved.")).toBeVisible();
  await expect(members.getByText("Kim Satō")).toBeVisible();
});

test("a session goes on when its access token has expired, in all windows", async ({ browser }) => {
  const server = await ChatServer.create({ WINDSOCK_CHAT_ACCESS_TOKEN_SECONDS: "2" });
  const context = await browser.newContext({ baseURL: server.url });
  try {
    const page = await context.newPage();
    await signUp(page, "Lola Brand");
    const others = await Promise.all([1, 2, 3].map(() => context.newPage()));
    const pages = [page, ...others];
    await Promise.all(pages.map((one) => one.goto("/people")));
    // Each round asks the server for something, until every window has had to renew its token.
    let renewed = 0;
    context.on("response", (response) => {
      if (response.url().endsWith("/auth/refresh") && response.ok()) renewed += 1;
    });
    await expect(async () => {
      for (const one of pages) {
        await one.getByRole("searchbox", { name: "Search people" }).fill(fresh("x"));
        await expect(one.getByText("Nobody of that name")).toBeVisible();
      }
      expect(renewed).toBeGreaterThan(3);
    }).toPass({ timeout: 60_000 });
    for (const one of pages) await expect(one.getByRole("button", { name: /Lola Brand/ })).toBeVisible();
  } finally {
    await context.close();
    await server.dispose();
  }
});

test("a token that the server does not take is renewed, and the request is sent again", async ({ open }) => {
  const page = await open();
  await signUp(page, "Mona Beck");
  let refusals = 0;
  await page.route(/\/rooms\/browse/, async (route) => {
    if (refusals++ > 0) return route.continue();
    await route.fulfill({ status: 401, json: { error: { code: "unauthorized", message: "Log in first." } } });
  });
  await page.getByRole("button", { name: "Browse rooms" }).click();
  await expect(page.getByRole("list", { name: "Public rooms" })).toBeVisible();
  expect(refusals).toBe(2);
});
