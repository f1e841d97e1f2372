import type { Locator, Page } from "@playwright/test";
import type { Entry, Room } from "../src/lib/api/types";
import { expect, fresh, list, logIn, type Person, test, write } from "./fixtures";

/** A room with three messages of one's own, at rest; the mouse is where it touches none of them. */
async function threeMessages(admin: Person, page: Page): Promise<Room> {
  const room = await admin.createRoom(fresh("chosen"));
  await logIn(page, admin.user.username);
  await page.goto(`/rooms/${room.id}`);
  for (const text of ["first", "second", "third"]) await write(page, text);
  await expect(message(page, "third")).toBeVisible();
  await expect(page.getByText(/Sending|Waiting to be sent/)).toHaveCount(0);
  await composer(page).hover();
  return room;
}

const composer = (page: Page) => page.getByRole("textbox", { name: /^Message / });
const message = (page: Page, text: string) => list(page).getByRole("article").filter({ hasText: text });
const toolbars = (page: Page) => page.getByRole("toolbar", { name: "Message" });
const toolbarOf = (page: Page, text: string) => message(page, text).getByRole("toolbar", { name: "Message" });
const button = (toolbar: Locator, name: string) => toolbar.getByRole("button", { name, exact: true });

/** Exactly one message shows what can be done with it: this one. */
async function expectChosen(page: Page, text: string): Promise<void> {
  await expect(toolbarOf(page, text)).toBeVisible();
  await expect(toolbars(page)).toHaveCount(1);
}

/** What the page has to take away after an event, it takes away before it paints. */
async function painted(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let frame = 0; frame < 3; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
  });
}

/** Choose the second of the three by keyboard. */
async function chooseSecond(page: Page, text = "second"): Promise<void> {
  await list(page).focus();
  await page.keyboard.press("ArrowUp");
  await expect(message(page, "third")).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(message(page, text)).toBeFocused();
  await expectChosen(page, text);
}

test("a message chosen by keyboard stays chosen, whatever the mouse does, until the focus leaves it", async ({
  admin,
  open,
}) => {
  const page = await open();
  await threeMessages(admin, page);
  await message(page, "second").hover();
  await chooseSecond(page);

  // The mouse leaves the row: so it does also when the row moves and the mouse rests.
  await composer(page).hover();
  await painted(page);
  await expectChosen(page, "second");
  await page.keyboard.press("Tab");
  await expect(button(toolbarOf(page, "second"), "Copy")).toBeFocused();

  // Another row has the toolbar while the mouse is on it, and the focus is not lost with the button that it was on.
  await message(page, "first").hover();
  await expectChosen(page, "first");
  await expect(message(page, "second")).toBeFocused();
  await composer(page).hover();
  await expectChosen(page, "second");

  await composer(page).focus();
  await expect(toolbars(page)).toHaveCount(0);
});

test("what the mouse alone has chosen is let go when the mouse leaves it", async ({ admin, open }) => {
  const page = await open();
  await threeMessages(admin, page);
  await message(page, "second").hover();
  await expectChosen(page, "second");
  await message(page, "second").click();
  await expect(message(page, "second")).toBeFocused();
  await expectChosen(page, "second");
  await message(page, "third").hover();
  await expectChosen(page, "third");
  await composer(page).hover();
  await expect(toolbars(page)).toHaveCount(0);

  await message(page, "second").hover();
  await button(toolbarOf(page, "second"), "Delete").click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("alertdialog")).toHaveCount(0);
  await expect(message(page, "second")).toBeFocused();
  await expect(toolbars(page)).toHaveCount(0);
});

test("who asks by keyboard what can be done with a message comes back to it", async ({ admin, open }) => {
  const page = await open();
  const room = await threeMessages(admin, page);
  await chooseSecond(page);

  await button(toolbarOf(page, "second"), "Delete").press("Enter");
  await expect(page.getByRole("alertdialog")).toContainText("second");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("alertdialog")).toHaveCount(0);
  await expect(message(page, "second")).toBeFocused();
  await expectChosen(page, "second");

  const editor = page.getByRole("textbox", { name: "Edit message" });
  await button(toolbarOf(page, "second"), "Edit").press("Enter");
  await expect(editor).toBeFocused();
  await editor.press("Escape");
  await expect(message(page, "second")).toBeFocused();
  await expectChosen(page, "second");
  await button(toolbarOf(page, "second"), "Edit").press("Enter");
  await editor.fill("the second");
  await editor.press("Enter");
  await expect(message(page, "the second")).toContainText("edited");
  await expect(message(page, "the second")).toBeFocused();
  await expectChosen(page, "the second");

  await composer(page).press("ArrowUp");
  await expect(editor).toHaveValue("third");
  await editor.press("Escape");
  await expect(composer(page)).toBeFocused();
  await expect(toolbars(page)).toHaveCount(0);

  await chooseSecond(page, "the second");
  await button(toolbarOf(page, "the second"), "Edit").press("Enter");
  await expect(editor).toBeFocused();
  const { entries } = await admin.call<{ entries: Entry[] }>("GET", `/rooms/${room.id}/log`);
  const seq = entries.find((entry) => entry.kind === "message" && entry.text === "the second")?.seq;
  await admin.change("message:delete", { room_id: room.id, target_seq: seq });
  await expect(editor).toHaveCount(0);
  await expect(message(page, "This message was deleted.")).toBeFocused();
});

test("a message that comes back into view leaves the focus where it is", async ({ admin, open }) => {
  const room = await admin.createRoom(fresh("steps"));
  for (let number = 1; number <= 30; number++) {
    await admin.send(room.id, `number ${number}\n${"and a line\n".repeat(20)}`);
  }
  const page = await open();
  await logIn(page, admin.user.username);
  await page.goto(`/rooms/${room.id}`);
  const last = message(page, "number 30");
  await expect(last).toBeInViewport();
  for (const focused of [last, composer(page)]) {
    await list(page).focus();
    await page.keyboard.press("ArrowUp");
    await expect(last).toBeFocused();
    await focused.focus();
    await list(page).hover();
    await expect(async () => {
      await page.mouse.wheel(0, -2_000);
      await expect(last).toHaveCount(0, { timeout: 500 });
    }).toPass();
    await page.getByRole("button", { name: "Go to the newest messages" }).click();
    await expect(last).toBeInViewport();
    await painted(page);
    await expect(last).not.toBeFocused();
    await expect(toolbars(page)).toHaveCount(0);
  }
});
