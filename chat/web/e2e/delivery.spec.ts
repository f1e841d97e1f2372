import type { Page } from "@playwright/test";
import { expect, fresh, logIn, messages, Person, signUp, test, write } from "./fixtures";

const lost = (page: Page) => page.getByText("The connection is lost.");

test("what both write while the server is away arrives once, in one order", async ({ server, open }) => {
  const one = await open();
  const two = await open();
  await signUp(one, "Tara Quist");
  await signUp(two, "Uwe Park");
  const name = fresh("storm");
  await one.getByRole("button", { name: "Create a room" }).click();
  await one.getByRole("textbox", { name: "Name" }).fill(name);
  await one.getByRole("button", { name: "Create room" }).click();
  await two.getByRole("button", { name: "Browse rooms" }).click();
  await two.getByRole("button", { name: `Join ${name}` }).click();
  await expect(two.getByRole("textbox", { name: `Message ${name}` })).toBeVisible();
  await write(one, "before the storm");
  await expect.poll(() => messages(two)).toEqual(["before the storm"]);

  await server.stop();
  await expect(lost(one)).toBeVisible();
  await expect(lost(two)).toBeVisible();
  await expect(one.getByText(/^Next attempt in \d+ s$/)).toBeVisible();
  for (const text of ["one a", "one b", "one c"]) await write(one, text);
  for (const text of ["two a", "two b"]) await write(two, text);
  await expect(one.getByText("Waiting to be sent")).toHaveCount(3);
  await expect.poll(() => messages(one)).toEqual(["before the storm", "one a", "one b", "one c"]);
  await server.start();

  await expect(lost(one)).toBeHidden();
  await expect(lost(two)).toBeHidden();
  for (const page of [one, two]) {
    await expect.poll(async () => (await messages(page)).length).toBe(6);
    await expect(page.getByText(/Sending|Waiting to be sent/)).toHaveCount(0);
  }
  await expect.poll(() => messages(two)).toEqual(await messages(one));
  const all = await messages(one);
  expect([...all].sort()).toEqual(["before the storm", "one a", "one b", "one c", "two a", "two b"]);
  expect(all.filter((text) => text.startsWith("one"))).toEqual(["one a", "one b", "one c"]);
  expect(all.filter((text) => text.startsWith("two"))).toEqual(["two a", "two b"]);

  await one.reload();
  await expect.poll(() => messages(one)).toEqual(all);
});

test("what is unsent survives a reload, and is sent once", async ({ server, admin, open }) => {
  const room = await admin.createRoom(fresh("reload"));
  const page = await open();
  await signUp(page, "Vera Lind");
  await page.goto(`/rooms/${room.id}`);
  await page.getByRole("button", { name: "Join this room" }).click();
  await expect(page.getByRole("textbox", { name: /^Message / })).toBeVisible();

  const gate = await cutOff(page);
  await page.reload();
  await expect(lost(page)).toBeVisible();
  await write(page, "written without a connection");
  await write(page, "and another");
  await page.reload();
  await expect(page.getByText("Waiting to be sent")).toHaveCount(2);
  expect(await messages(page)).toEqual(["written without a connection", "and another"]);

  gate.open();
  await expect(page.getByText("Waiting to be sent")).toHaveCount(0);
  const log = await admin.call<{ entries: { kind: string; text: string }[] }>("GET", `/rooms/${room.id}/log`);
  expect(log.entries.filter((entry) => entry.kind === "message").map((entry) => entry.text)).toEqual([
    "written without a connection",
    "and another",
  ]);
  expect(server.url).toBeTruthy();
});

test("what a closed window left unsent is sent by another", async ({ admin, open }) => {
  const room = await admin.createRoom(fresh("orphan"));
  const page = await open();
  await signUp(page, "Willa Frost");
  await page.goto(`/rooms/${room.id}`);
  await page.getByRole("button", { name: "Join this room" }).click();
  await expect(page.getByRole("textbox", { name: /^Message / })).toBeVisible();
  await cutOff(page);
  await page.reload();
  await expect(lost(page)).toBeVisible();
  await write(page, "left behind");
  await expect(page.getByText("Waiting to be sent")).toBeVisible();

  const other = await page.context().newPage();
  await other.goto(`/rooms/${room.id}`);
  await expect(other.getByRole("textbox", { name: /^Message / })).toBeVisible();
  await page.close();
  await expect.poll(() => messages(other)).toEqual(["left behind"]);
  await expect(other.getByText("Waiting to be sent")).toHaveCount(0);
});

test("a message that was missed is fetched when the next one shows the hole", async ({
  server,
  admin,
  open,
}) => {
  const friend = await Person.signUp(server.url, fresh("xeno"), "Xeno Falk");
  const room = await admin.createRoom(fresh("holes"));
  await friend.join(room.id);
  const page = await open();
  let isDeaf = false;
  await page.routeWebSocket(/socket\.io/, (socket) => {
    const upstream = socket.connectToServer();
    upstream.onMessage((message) => {
      if (isDeaf && String(message).includes('"entry"')) return;
      socket.send(message);
    });
  });
  await logIn(page, admin.user.username);
  await page.goto(`/rooms/${room.id}`);
  await friend.send(room.id, "heard");
  await expect.poll(() => messages(page)).toEqual(["heard"]);
  isDeaf = true;
  await friend.send(room.id, "not heard");
  await friend.send(room.id, "not heard either");
  isDeaf = false;
  await friend.send(room.id, "heard again");
  await expect.poll(() => messages(page)).toEqual(["heard", "not heard", "not heard either", "heard again"]);
});

/** Let no socket through, by any transport, until the gate is opened. The pages of the server come as before. */
async function cutOff(page: Page): Promise<{ open(): void }> {
  let isOpen = false;
  await page.routeWebSocket(/socket\.io/, (socket) => {
    if (isOpen) socket.connectToServer();
    else void socket.close();
  });
  await page.route(/socket\.io/, (route) => (isOpen ? route.continue() : route.abort()));
  return {
    open: () => {
      isOpen = true;
    },
  };
}
