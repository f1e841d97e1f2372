import { expect, fresh, list, logIn, messages, Person, signUp, test, write } from "./fixtures";

test("two people talk in two windows", async ({ open }) => {
  const one = await open();
  const two = await open();
  await signUp(one, "Lena Voss");
  await signUp(two, "Max Iyer");
  const name = fresh("runway");
  await one.getByRole("button", { name: "Create a room" }).click();
  await one.getByRole("textbox", { name: "Name" }).fill(name);
  await one.getByRole("button", { name: "Create room" }).click();
  await expect(one.getByRole("textbox", { name: `Message ${name}` })).toBeFocused();

  await two.getByRole("button", { name: "Browse rooms" }).click();
  await two.getByRole("button", { name: `Join ${name}` }).click();
  await expect(two.getByRole("textbox", { name: `Message ${name}` })).toBeVisible();
  await expect(one.getByText("Max Iyer joined")).toBeVisible();

  await write(one, "Hello Max, **welcome**");
  await expect(two.getByRole("article").filter({ hasText: "Hello Max, welcome" })).toBeVisible();
  await two.getByRole("textbox", { name: `Message ${name}` }).pressSequentially("Hi");
  await expect(one.getByText("Max Iyer is typing…")).toBeVisible();
  await two.keyboard.press("Shift+Enter");
  await two.keyboard.type("there");
  await two.keyboard.press("Enter");
  await expect(one.getByRole("article").filter({ hasText: "Hi" })).toContainText("there");
  await expect(one.getByText("Max Iyer is typing…")).toBeHidden();
  await expect.poll(() => messages(two)).toEqual(await messages(one));
});

test("a room that is there before its dialog has closed begins in its composer, too", async ({ open }) => {
  const page = await open();
  await signUp(page, "Olga Reiter");
  const name = fresh("early");
  const composer = page.locator(`textarea[aria-label="Message ${name}"]`);
  // The news of the room is quicker than the answer to the request.
  await page.route(/\/api\/v1\/rooms$/, async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    const response = await route.fetch();
    await expect(composer).toBeAttached();
    await route.fulfill({ response });
  });
  await page.getByRole("button", { name: "Create a room" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("button", { name: "Create room" }).click();
  await expect(composer).toBeFocused();
  await expect(page.getByRole("dialog")).toHaveCount(0);

  // Once only: what is closed later gives the focus back to where it was.
  await page.getByRole("button", { name: "About this room" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await expect(page.getByRole("button", { name: "About this room" })).toBeFocused();
});

test("one's own message can be edited and deleted, by mouse and by keyboard", async ({ admin, open }) => {
  const room = await admin.createRoom(fresh("edits"));
  const one = await open();
  const two = await open();
  await signUp(one, "Nora Lund");
  await signUp(two, "Omar Haddad");
  for (const page of [one, two]) {
    await page.goto(`/rooms/${room.id}`);
    await page.getByRole("button", { name: "Join this room" }).click();
  }
  await write(one, "frist");
  await write(one, "second");
  await expect.poll(() => messages(two)).toEqual(["frist", "second"]);
  // What is confirmed loses a line, and the rows move.
  await expect(one.getByText(/Sending|Waiting to be sent/)).toHaveCount(0);

  await one.getByRole("article").filter({ hasText: "frist" }).hover();
  await one.getByRole("button", { name: "Edit", exact: true }).click();
  await one.getByRole("textbox", { name: "Edit message" }).fill("first");
  await one.keyboard.press("Enter");
  await expect.poll(() => messages(two)).toEqual(["first", "second"]);
  await expect(two.getByText("edited")).toBeVisible();

  await one.getByRole("textbox", { name: /^Message / }).press("ArrowUp");
  await one.getByRole("textbox", { name: "Edit message" }).press("Escape");
  await list(one).focus();
  await one.keyboard.press("ArrowUp");
  await expect(one.getByRole("article").filter({ hasText: "second" })).toBeFocused();
  await one.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(one.getByRole("alertdialog")).toContainText("second");
  await one.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(two.getByText("This message was deleted.")).toBeVisible();
  await two.getByRole("article").filter({ hasText: "first" }).hover();
  await expect(two.getByRole("button", { name: "Copy", exact: true })).toBeVisible();
  await expect(two.getByRole("button", { name: "Edit", exact: true })).toHaveCount(0);
});

test("who is here shows, and so does who has gone", async ({ server, admin, open }) => {
  const friend = await Person.signUp(server.url, fresh("pia"), "Pia Novak");
  const page = await open();
  await logIn(page, admin.user.username);
  await page.goto("/people");
  await page.getByRole("button", { name: "Message Pia Novak" }).click();
  const link = page.getByRole("link", { name: /^(PN )?Pia Novak/ });
  await expect(link).toContainText("offline");
  await friend.connect();
  await expect(link).toContainText("online");
  friend.disconnect();
  await expect(link).toContainText("offline");
});

test("unread messages are counted, and read where they are seen", async ({ server, admin, open }) => {
  const friend = await Person.signUp(server.url, fresh("quin"), "Quin Adler");
  const [first, second] = [await admin.createRoom(fresh("alpha")), await admin.createRoom(fresh("beta"))];
  await friend.join(second.id);
  const page = await open();
  await logIn(page, admin.user.username);
  await page.goto(`/rooms/${first.id}`);
  const link = page.getByRole("link", { name: new RegExp(second.name ?? "") });
  for (const text of ["one", "two", "three"]) await friend.send(second.id, text);
  await expect(link).toContainText("3 unread");
  await expect(page).toHaveTitle(/^\(\d+\+?\) /);
  await link.click();
  await expect(page.getByText("New", { exact: true })).toBeVisible();
  await expect(link).not.toContainText("unread");
});

test("a private room is entered by invitation", async ({ admin, open }) => {
  const room = await admin.createRoom(fresh("secret"), "private");
  const guest = await open();
  const username = await signUp(guest, "Rosa Klein");
  await guest.goto(`/rooms/${room.id}`);
  await expect(guest.getByText("There is no such room")).toBeVisible();

  const host = await open();
  await logIn(host, admin.user.username);
  await host.goto(`/rooms/${room.id}`);
  await host.getByRole("button", { name: "Invite people" }).click();
  await host.getByRole("searchbox", { name: "Search people" }).fill(username);
  await host.getByRole("button", { name: "Invite Rosa Klein" }).click();
  await expect(host.getByText("Invited")).toBeVisible();

  await guest.getByRole("region", { name: "Invitations" }).getByRole("button", { name: "Join" }).click();
  await expect(guest.getByRole("textbox", { name: `Message ${room.name}` })).toBeVisible();
  await expect(guest.getByRole("region", { name: "Invitations" })).toBeHidden();
  await expect(host.getByText("Rosa Klein joined")).toBeAttached();

  await host.keyboard.press("Escape");
  await host.getByRole("button", { name: /Show members/ }).click();
  await host.getByRole("button", { name: "Actions for Rosa Klein" }).click();
  await host.getByRole("menuitem", { name: "Remove from room" }).click();
  await expect(guest.getByText("There is no such room")).toBeVisible();
});

test("a room can be renamed and left", async ({ open }) => {
  const page = await open();
  await signUp(page, "Sven Borg");
  const name = fresh("before");
  await page.getByRole("button", { name: "Create a room" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("button", { name: "Create room" }).click();
  await page.getByRole("button", { name: "About this room" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill(`${name}-after`);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: `${name}-after`, level: 1 })).toBeVisible();
  await expect(page.getByText("named the room")).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByRole("searchbox", { name: "Room or person" }).fill("after");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.getByRole("button", { name: "About this room" }).click();
  await page.getByRole("button", { name: "Leave this room" }).click();
  await page.getByRole("button", { name: "Leave", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Welcome, Sven Borg" })).toBeVisible();
});
