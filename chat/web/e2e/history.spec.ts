import type { Page } from "@playwright/test";
import { expect, fresh, list, logIn, Person, positions, restingPositions, test, write } from "./fixtures";
import type { ChatServer } from "./server";

const TOTAL = 240;

/** A room with a long history of messages of very different heights. */
async function longRoom(server: ChatServer, admin: Person): Promise<{ id: string; friend: Person }> {
  const friend = await Person.signUp(server.url, fresh("yara"), "Yara Stein");
  const room = await admin.createRoom(fresh("archive"));
  await friend.join(room.id);
  for (let number = 1; number <= TOTAL; number++) {
    const author = number % 4 === 0 ? admin : friend;
    const body = number % 7 === 0 ? `\n${"a line of a long message\n".repeat(number % 12)}` : "";
    await author.send(room.id, `message ${number}${body}${number % 11 === 0 ? "\n```\ncode\n```" : ""}`);
  }
  return { id: room.id, friend };
}

const scrollTop = (page: Page) => list(page).evaluate((feed) => feed.scrollTop);
const distanceFromEnd = (page: Page) =>
  list(page).evaluate((feed) => feed.scrollHeight - feed.clientHeight - feed.scrollTop);

test("older pages load when scrolled up, and what is in view stays where it is", async ({
  server,
  admin,
  open,
}) => {
  const room = await longRoom(server, admin);
  const page = await open();
  // Each page waits until the test has looked, so that «before» is before.
  const waiting: (() => void)[] = [];
  let isHeld = false;
  await page.route(/\/log\?.*before=/, async (route) => {
    if (isHeld) await new Promise<void>((release) => waiting.push(release));
    await route.continue();
  });
  await logIn(page, room.friend.user.username);
  await page.goto(`/rooms/${room.id}`);
  await expect(page.getByText(`message ${TOTAL}`, { exact: true })).toBeVisible();
  await expect.poll(() => distanceFromEnd(page)).toBeLessThan(2);

  isHeld = true;
  for (let round = 0; round < 3; round++) {
    await list(page).hover();
    await expect(async () => {
      await page.mouse.wheel(0, -600);
      expect(waiting.length).toBeGreaterThan(0);
    }).toPass();
    const before = await restingPositions(page);
    const top = await scrollTop(page);
    const height = await list(page).evaluate((feed) => feed.scrollHeight);
    waiting.splice(0).forEach((release) => {
      release();
    });
    await expect.poll(() => list(page).evaluate((feed) => feed.scrollHeight)).toBeGreaterThan(height);
    await expect.poll(() => scrollTop(page)).toBeGreaterThan(top);
    const after = await positions(page);
    const common = Object.keys(before).filter((key) => key in after);
    expect(common.length).toBeGreaterThan(1);
    for (const key of common) expect(Math.abs((after[key] ?? 0) - (before[key] ?? 0))).toBeLessThanOrEqual(1);
  }

  isHeld = false;
  waiting.splice(0).forEach((release) => {
    release();
  });
  await expect(async () => {
    await page.mouse.wheel(0, -5_000);
    await expect(page.getByText("This is the beginning of the room.")).toBeVisible({ timeout: 500 });
  }).toPass();
  await expect(page.getByText("message 1", { exact: true })).toBeVisible();
});

test("at the end it stays at the end; elsewhere new messages are announced", async ({
  server,
  admin,
  open,
}) => {
  const room = await longRoom(server, admin);
  const page = await open();
  await logIn(page, room.friend.user.username);
  await page.goto(`/rooms/${room.id}`);
  await expect(page.getByText(`message ${TOTAL}`, { exact: true })).toBeVisible();
  await admin.send(room.id, "right at the end\n\nand tall\n\nvery tall");
  await expect(page.getByRole("article").filter({ hasText: "very tall" })).toBeInViewport();
  await expect.poll(() => distanceFromEnd(page)).toBeLessThan(2);

  await page.getByRole("textbox", { name: /^Message / }).fill("a\nb\nc\nd\ne\nf");
  await expect.poll(() => distanceFromEnd(page)).toBeLessThan(2);
  // A letter more makes it no higher.
  await page.getByRole("textbox", { name: /^Message / }).press("g");
  await expect(page.getByRole("textbox", { name: /^Message / })).toHaveValue(/g$/);
  expect(await distanceFromEnd(page)).toBeLessThan(2);
  await admin.send(room.id, "heard while writing");
  await expect(page.getByText("heard while writing", { exact: true })).toBeInViewport();
  await page.getByRole("textbox", { name: /^Message / }).fill("");

  await list(page).hover();
  await page.mouse.wheel(0, -1_500);
  await expect(page.getByRole("button", { name: "Go to the newest messages" })).toBeVisible();
  const before = await restingPositions(page);
  await admin.send(room.id, "news one");
  await admin.send(room.id, "news two");
  await expect(page.getByRole("button", { name: "2 new messages" })).toBeVisible();
  expect(await positions(page)).toEqual(before);
  await page.getByRole("button", { name: "2 new messages" }).click();
  await expect(page.getByText("news two", { exact: true })).toBeInViewport();
  await expect(page.getByRole("button", { name: /new message/ })).toBeHidden();

  await page.mouse.wheel(0, -1_500);
  await expect(page.getByRole("button", { name: "Go to the newest messages" })).toBeVisible();
  await write(page, "one's own message brings one to the end");
  await expect(page.getByText("one's own message brings one to the end")).toBeInViewport();
});

test("others' messages that come while one's own is on its way leave the list at its end", async ({
  server,
  admin,
  open,
}) => {
  const room = await longRoom(server, admin);
  const page = await open();
  const held: (() => void)[] = [];
  let isHeld = true;
  await page.routeWebSocket(/socket\.io/, (socket) => {
    const upstream = socket.connectToServer();
    socket.onMessage((message) => {
      if (isHeld && String(message).includes("message:send")) held.push(() => upstream.send(message));
      else upstream.send(message);
    });
  });
  await logIn(page, room.friend.user.username);
  await page.goto(`/rooms/${room.id}`);
  await expect(page.getByText(`message ${TOTAL}`, { exact: true })).toBeVisible();
  await expect.poll(() => distanceFromEnd(page)).toBeLessThan(2);
  await write(page, "still on its way");
  await expect.poll(() => held.length).toBeGreaterThan(0);
  for (let number = 1; number <= 5; number++) await admin.send(room.id, `crossing ${number}`);
  await expect(page.getByText("crossing 5", { exact: true })).toBeVisible();
  await expect.poll(() => distanceFromEnd(page)).toBeLessThan(2);
  isHeld = false;
  for (const send of held) send();
  await expect(page.getByText(/Sending|Waiting to be sent/)).toHaveCount(0);
  await admin.send(room.id, "and after it");
  await expect(page.getByText("and after it", { exact: true })).toBeInViewport();
});
