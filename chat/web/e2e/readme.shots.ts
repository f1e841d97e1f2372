import { fileURLToPath } from "node:url";
import { expect, logIn, Person, test } from "./fixtures";

const target = fileURLToPath(new URL("../../../docs/chat.png", import.meta.url));

/** What Ada and Ben say, and minutes past nine. */
const TALK: readonly (readonly ["ada" | "ben", number, string])[] = [
  [
    "ben",
    2,
    "Morning! The wind has turned to the south-west, 14 knots and gusting. The sock is standing straight out.",
  ],
  ["ben", 2, "I would leave the little ones in the hangar until ten."],
  ["ada", 6, "Agreed. The forecast says it calms down after lunch:"],
  [
    "ada",
    6,
    "| | 9:00 | 12:00 | 15:00 |\n|---|---|---|---|\n| Wind | 14 kn | 9 kn | 6 kn |\n| Cloud | 900 ft | 2500 ft | clear |",
  ],
  ["ben", 9, "So the afternoon is ours. I can take **two people** up at three, if somebody does the fuel."],
  ["ada", 11, "Fuel is done, the pump log is here: https://example.org/pump-log"],
  ["ben", 12, "> two people\n\nWho is first on the list?"],
  ["ada", 14, "Cleo, and her niece, who has asked *every single day* since May 🪁"],
];

test("the picture for the README", async ({ server, browser }) => {
  const ada = await Person.signUp(server.url, "ada", "Ada Moreau");
  const ben = await Person.signUp(server.url, "ben", "Ben Okafor");
  const cleo = await Person.signUp(server.url, "cleo", "Cleo Lindqvist");
  const room = await ada.createRoom(
    "airfield",
    "public",
    "Weather, slots, and who has the keys to the hangar",
  );
  const kitchen = await ben.createRoom("kitchen", "public", "Lunch, mostly");
  const crew = await ada.createRoom("crew-planning", "private", "Rota for the summer fair");
  await ben.join(room.id);
  await ada.join(kitchen.id);
  await ada.call("POST", `/rooms/${crew.id}/invitations`, { user_id: cleo.user.id });
  await cleo.join(crew.id);
  for (const [who, , text] of TALK) await (who === "ada" ? ada : ben).send(room.id, text);
  await ben.send(kitchen.id, "There is soup. Bring bowls.");
  await ben.send(kitchen.id, "The good bread is from next door.");
  const direct = await cleo.direct(ada.user.id);
  await cleo.send(direct.id, "She will not sleep tonight 😄");
  await ada.direct(ben.user.id);
  await cleo.connect();

  const context = await browser.newContext({
    baseURL: server.url,
    viewport: { width: 1180, height: 760 },
    deviceScaleFactor: 2,
    colorScheme: "light",
    locale: "en-GB",
  });
  const page = await context.newPage();
  // All of it is said within a second; on the picture it takes a quarter of an hour.
  await page.route(new RegExp(`/rooms/${room.id}/log`), async (route) => {
    const response = await route.fetch();
    const log = await response.json();
    let said = 0;
    for (const entry of log.entries) {
      const time = new Date();
      time.setHours(9, entry.kind === "message" ? (TALK[said++]?.[1] ?? 0) : 0, 20);
      entry.created_at = time.toISOString();
    }
    await route.fulfill({ response, json: log });
  });
  await logIn(page, "ada");
  await page.goto(`/rooms/${room.id}`);
  await expect(page.getByText("every single day")).toBeVisible();
  await expect(page.getByRole("link", { name: /airfield/ })).not.toContainText("unread");
  // Read by now: a second look has no «new» line.
  await page.reload();
  await expect(page.getByText("every single day")).toBeVisible();
  await ben.setTyping(room.id, true);
  await expect(page.getByText("Ben Okafor is typing…")).toBeVisible();
  await page.getByRole("textbox", { name: "Message airfield" }).fill("Then it is settled. I will file it");
  await page.mouse.move(5, 5);
  await page.screenshot({ path: target, animations: "disabled" });
  await context.close();
});
