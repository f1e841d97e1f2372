// node tutorial.mjs URL: two people open the tutorial's page in Chromium and talk.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../conformance/js/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const packages = new URL("../conformance/js/node_modules/", import.meta.url);
const client = readFileSync(new URL("socket.io-client/dist/socket.io.esm.min.js", packages), "utf8");

const url = process.argv[2];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  const context = await browser.newContext();
  context.setDefaultTimeout(60_000);
  // The official client comes from the packages that are installed.
  await context.route("https://cdn.socket.io/**", (route) =>
    route.fulfill({ contentType: "text/javascript", headers: { "access-control-allow-origin": "*" }, body: client }),
  );
  const open = async (name, first) => {
    const page = await context.newPage();
    page.on("pageerror", (error) => {
      throw error;
    });
    await page.goto(`${url}/?name=${name}`);
    await page.getByText(first, { exact: true }).waitFor();
    return page;
  };
  const ada = await open("ada", "here: ada");
  const bob = await open("bob", "here: ada, bob");
  await ada.getByText("bob came").waitFor();
  await bob.getByPlaceholder("Say something").fill("hello, all");
  await bob.keyboard.press("Enter");
  await ada.getByText("bob: hello, all").waitFor();
  await bob.getByText("bob: hello, all").waitFor();
  await bob.keyboard.press("Enter");
  await bob.getByText("message is not valid").or(bob.getByText("not valid")).first().waitFor();
  await bob.close();
  await ada.getByText("bob went").waitFor();
  await open("admin", "not let in: that name is taken");
} finally {
  await browser.close();
}
