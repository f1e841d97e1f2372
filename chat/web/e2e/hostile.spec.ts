import { hostile, tooLong } from "../src/lib/markdown/hostile";
import { expect, fresh, list, logIn, messages, Person, seenOn, test, write } from "./fixtures";

test("hostile messages are text", async ({ server, admin, open }) => {
  const friend = await Person.signUp(server.url, fresh("zed"), "Zed <b>Bold</b>");
  const room = await admin.createRoom(fresh("hostile"), "public", "<script>alert(1)</script>");
  await friend.join(room.id);
  const page = await open({ height: 1600 });
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await logIn(page, admin.user.username);
  await page.goto(`/rooms/${room.id}`);
  await expect(page.getByRole("textbox", { name: /^Message / })).toBeVisible();
  const before = requests.length;
  // Live, from another; and written here, which shows them as waiting first.
  for (const text of hostile) await friend.send(room.id, text);
  for (const text of hostile) await write(page, text);
  await expect(page.getByText(/Sending|Waiting to be sent/)).toHaveCount(0);
  await friend.send(room.id, "the end");
  await expect(page.getByText("the end", { exact: true })).toBeVisible();
  await expect.poll(async () => (await messages(page)).at(-1)).toBe("the end");

  const inspect = async () => {
    const found = await list(page).evaluate((feed) => ({
      elements: feed.querySelectorAll(
        "script, iframe, object, embed, form, style, link, base, img, .message-body svg",
      ).length,
      handlers: [...feed.querySelectorAll("*")].flatMap((element) =>
        element.getAttributeNames().filter((name) => name.startsWith("on")),
      ),
      links: [...feed.querySelectorAll("a")].map((link) => link.getAttribute("href")),
    }));
    expect(found.elements).toBe(0);
    expect(found.handlers).toEqual([]);
    for (const link of found.links) expect(link).toMatch(/^(https?|mailto):/);
  };
  await inspect();
  // Read, and known to be: a page that opens with something unread opens there, and not at the end.
  await expect(page.getByRole("link", { name: new RegExp(room.name ?? "") })).not.toContainText("unread");
  // From history as well, all the way up.
  await page.reload();
  await expect(page.getByText("the end", { exact: true })).toBeVisible();
  const seen = new Set<string>();
  await expect(async () => {
    for (const text of await messages(page)) seen.add(text);
    await inspect();
    await list(page).hover();
    await page.mouse.wheel(0, -500);
    await expect(page.getByText("This is the beginning of the room.")).toBeVisible({ timeout: 200 });
  }).toPass({ timeout: 60_000 });
  for (const text of hostile.filter((one) => !one.includes("](") && one.length < 1000)) {
    expect([...seen]).toContain(text);
  }
  expect(
    requests.slice(before).filter((url) => !url.startsWith(server.url) && !url.startsWith("ws")),
  ).toEqual([]);
  expect(seenOn(page)).toEqual([]);
});

test("a message that is too long cannot be sent, and says so", async ({ admin, open }) => {
  const room = await admin.createRoom(fresh("long"));
  const page = await open();
  await logIn(page, admin.user.username);
  await page.goto(`/rooms/${room.id}`);
  await page.getByRole("textbox", { name: /^Message / }).fill(tooLong);
  await expect(page.getByText("-16000")).toBeVisible();
  await expect(page.getByRole("button", { name: "Send" })).toBeDisabled();
  await page.getByRole("textbox", { name: /^Message / }).press("Enter");
  await expect(page.getByRole("article")).toHaveCount(0);
});
