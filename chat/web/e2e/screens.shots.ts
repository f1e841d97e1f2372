import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { expect, fresh, logIn, Person, test } from "./fixtures";
import type { ChatServer } from "./server";

const folder = fileURLToPath(new URL("../screenshots/", import.meta.url));
const shoot = (page: Page, name: string) => page.screenshot({ path: `${folder}${name}.png` });

interface Village {
  ada: Person;
  ben: Person;
  room: string;
}

/** A few people, a few rooms, and what they have to say. */
async function settle(server: ChatServer): Promise<Village> {
  const { url } = server;
  const ada = await Person.signUp(url, fresh("ada"), "Ada Moreau");
  const ben = await Person.signUp(url, fresh("ben"), "Ben Okafor");
  const cleo = await Person.signUp(url, fresh("cleo"), "Cleo Lindqvist");
  const dev = await Person.signUp(url, fresh("dev"), "Dev Raman");
  const field = await ada.createRoom(
    "airfield",
    "public",
    "Weather, slots, and who has the keys to the hangar",
  );
  const kitchen = await ben.createRoom("kitchen", "public", "Lunch, mostly");
  await cleo.createRoom("night-flights", "public", "For those who are awake anyway");
  const crew = await ada.createRoom("crew-planning", "private", "Rota for the summer fair");
  const board = await dev.createRoom("board", "private", "");
  for (const person of [ben, cleo, dev]) await person.join(field.id);
  await ada.join(kitchen.id);
  for (const person of [ben, cleo]) {
    await ada.call("POST", `/rooms/${crew.id}/invitations`, { user_id: person.user.id });
    await person.join(crew.id);
  }
  await dev.call("POST", `/rooms/${board.id}/invitations`, { user_id: ada.user.id });
  const talk: [Person, string][] = [
    [
      cleo,
      "Morning! The wind has turned to the south-west, 14 knots and gusting. The sock is standing straight out.",
    ],
    [cleo, "I would leave the little ones in the hangar until ten."],
    [ben, "Agreed. I looked at the forecast:"],
    [
      ben,
      "| | 9:00 | 12:00 | 15:00 |\n|---|---|---|---|\n| Wind | 14 kn | 9 kn | 6 kn |\n| Cloud | 900 ft | 2500 ft | clear |",
    ],
    [ada, "So the afternoon is ours. I can take **two people** up at three if somebody does the fuel."],
    [dev, "Fuel is done, pump log is here: https://example.org/pump-log"],
    [ada, "You are a treasure 🪁"],
    [cleo, "> two people\n\nMe, please. And my niece, who has asked every day since May."],
    [ada, "Then it is the two of you. Bring a jumper, the heating is still _decorative_."],
    [
      ben,
      "For the checklist, the tower wants it like this now:\n```\nCALLSIGN  G-WNDS\nPOB       3\nENDURANCE 02:40\n```",
    ],
    [ada, "Noted. Anything else before I file it?"],
  ];
  for (const [person, text] of talk) await person.send(field.id, text);
  await ben.send(kitchen.id, "There is soup. Bring bowls.");
  await ben.send(kitchen.id, "The good bread is from *next door*.");
  await cleo.send(crew.id, "I can do both Saturdays.");
  const direct = await ben.direct(ada.user.id);
  await ben.send(direct.id, "Do you have the spare key?");
  await ada.send(direct.id, "On the hook behind the door.");
  const other = await ada.direct(cleo.user.id);
  await cleo.send(other.id, "She will not sleep tonight 😄");
  return { ada, ben, room: field.id };
}

const village = async (server: ChatServer) => {
  known ??= settle(server);
  return known;
};
let known: Promise<Village> | null = null;

for (const theme of ["light", "dark"] as const) {
  test(`screens, ${theme}`, async ({ server, admin, open }) => {
    const { ada, ben, room } = await village(server);
    const page = await open({ theme });
    await page.goto("/log-in");
    await expect(page.getByRole("button", { name: "Log in" })).toBeVisible();
    await shoot(page, `log-in-${theme}`);
    await page.goto("/sign-up");
    await page.getByLabel("Username").fill("a b");
    await page.getByLabel("Password").fill("short");
    await page.getByRole("button", { name: "Create account" }).click();
    await shoot(page, `sign-up-${theme}`);
    await logIn(page, ada.user.username);
    await page.goto(`/rooms/${room}`);
    await expect(page.getByText("Anything else before I file it?")).toBeVisible();
    await ben.setTyping(room, true);
    await expect(page.getByText("Ben Okafor is typing…")).toBeVisible();
    await page.mouse.move(600, 300);
    await shoot(page, `conversation-${theme}`);
    await page.getByRole("button", { name: /Show members/ }).click();
    await expect(
      page.getByRole("complementary", { name: "Members" }).getByText("Cleo Lindqvist"),
    ).toBeVisible();
    await page.getByRole("article").filter({ hasText: "So the afternoon is ours" }).hover();
    await shoot(page, `members-${theme}`);
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    await shoot(page, `edit-${theme}`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "About this room" }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await shoot(page, `settings-${theme}`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "New room or conversation" }).click();
    await shoot(page, `new-menu-${theme}`);
    await page.getByRole("menuitem", { name: "Create a room" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("garden-club");
    await shoot(page, `create-room-${theme}`);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await page.getByRole("searchbox", { name: "Room or person" }).fill("e");
    await shoot(page, `switcher-${theme}`);
    // Once for the text, once for the dialog.
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.getByRole("contentinfo").getByRole("button").click();
    await shoot(page, `self-menu-${theme}`);
    await page.getByRole("menuitem", { name: "Your profile" }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await shoot(page, `profile-${theme}`);
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: /Ben Okafor/ }).click();
    await expect(page.getByText("On the hook behind the door.")).toBeVisible();
    await shoot(page, `direct-${theme}`);
    await admin.call("PATCH", `/admin/users/${ada.user.id}`, { role: "admin" });
    for (const [path, heading] of [
      ["browse", "Public rooms"],
      ["people", "People"],
      ["admin", "Administration"],
    ] as const) {
      await page.goto(`/${path}`);
      await expect(page.getByRole("heading", { name: heading, level: 1 })).toBeVisible();
      await expect(page.getByRole("list", { name: path === "admin" ? "Accounts" : heading })).toBeVisible();
      await shoot(page, `${path}-${theme}`);
    }
    await page.getByRole("button", { name: "Actions for Cleo Lindqvist" }).first().click();
    await page.getByRole("menuitem", { name: "Ban…" }).click();
    await shoot(page, `ban-${theme}`);
  });
}

test("screens, phone", async ({ server, open }) => {
  const { ada, room } = await village(server);
  for (const theme of ["light", "dark"] as const) {
    const page = await open({ theme, phone: true });
    await page.goto("/log-in");
    await shoot(page, `phone-log-in-${theme}`);
    await logIn(page, ada.user.username);
    await expect(page.getByRole("link", { name: /airfield/ })).toBeVisible();
    await shoot(page, `phone-rooms-${theme}`);
    await page.getByRole("link", { name: /airfield/ }).tap();
    await expect(page.getByText("Anything else before I file it?")).toBeVisible();
    await shoot(page, `phone-conversation-${theme}`);
    await page.getByRole("button", { name: /Show members/ }).click();
    await shoot(page, `phone-members-${theme}`);
    await page.goto(`/rooms/${room}`);
    await page.getByRole("button", { name: "About this room" }).click();
    await shoot(page, `phone-settings-${theme}`);
    await page.goto("/people");
    await expect(page.getByRole("list", { name: "People" })).toBeVisible();
    await shoot(page, `phone-people-${theme}`);
  }
});

test("screens, of a newcomer", async ({ server, open }) => {
  const dora = await Person.signUp(server.url, fresh("dora"), "Dora Bell");
  const page = await open();
  await logIn(page, dora.user.username);
  await expect(page.getByRole("heading", { name: "Welcome, Dora Bell" })).toBeVisible();
  await shoot(page, "welcome-light");
  const room = await dora.createRoom("first-steps", "private");
  await page.goto(`/rooms/${room.id}`);
  await expect(page.getByRole("heading", { name: "first-steps" }).first()).toBeVisible();
  await shoot(page, "empty-room-light");
});
