// Runs scenarios at the word of pytest, in this process or in Chromium; JSON lines on stdin and stdout.
//   → {id, suite: "socket" | "engine" | "recovery", scenario, url, direct, transports, parser,
//      where: "node" | "chromium", limit}
//   ← {id} or {id, error}
//   ← {call, name}   the scenario asks for something   → {call} or {call, error}
import { createInterface } from "node:readline";
import * as engine from "engine.io-client";
import { chromium } from "playwright-core";
import { io } from "socket.io-client";
import msgpack from "socket.io-msgpack-parser";
import { scenarios as engineScenarios } from "./engine.js";
import { scenarios as recoveryScenarios } from "./recovery.js";
import { scenarios } from "./scenarios.js";

const SUITES = { socket: scenarios, engine: engineScenarios, recovery: recoveryScenarios };

// A rejection that nobody awaited belongs to the scenario that runs.
const strays = [];
process.on("unhandledRejection", (error) => strays.push(error));

const calls = new Map();
let lastCall = 0;
let browser;
let page;

const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function host(name) {
  const call = ++lastCall;
  write({ call, name });
  return new Promise((resolve, reject) => calls.set(call, { resolve, reject }));
}

function within(promise, limit) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${limit} ms`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function inNode({ suite, scenario, url, direct, transports, parser, limit }) {
  const connect = parser === "msgpack" ? (to, options) => io(to, { ...options, parser: msgpack }) : io;
  const world = { io: connect, engine, url, direct, transports, parser, host, browser: false, opened: [] };
  const run = SUITES[suite][scenario];
  if (!run) throw new Error(`no scenario ${scenario}`);
  try {
    await within(run(world), limit);
  } finally {
    for (const socket of world.opened) (socket.io ?? socket).reconnection?.(false);
    for (const socket of world.opened) socket.close();
  }
}

/** One page for all scenarios; each loads it anew, and one that failed takes it down with it. */
async function openPage() {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  page = await browser.newPage();
  page.on("pageerror", (error) => strays.push(error));
  await page.exposeFunction("host", host);
}

async function inChromium({ scenario, url, transports, limit, page: address }) {
  if (!page) await openPage();
  const run = async ([name, where, allowed]) => {
    const { scenarios: all } = await import("/scenarios.js");
    const world = { io: window.io, url: where, transports: allowed, host: window.host, browser: true, opened: [] };
    try {
      await all[name](world);
    } finally {
      for (const socket of world.opened) {
        socket.io.reconnection(false);
        socket.close();
      }
    }
  };
  try {
    await page.goto(`${address ?? url}/`);
    await within(page.evaluate(run, [scenario, url, transports]), limit);
  } catch (error) {
    await page.close();
    page = undefined;
    throw error;
  }
}

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const order = JSON.parse(line);
    if ("call" in order) {
      const { resolve, reject } = calls.get(order.call);
      calls.delete(order.call);
      if (order.error) reject(new Error(order.error));
      else resolve();
      return;
    }
    try {
      strays.length = 0;
      await (order.where === "chromium" ? inChromium(order) : inNode(order));
      if (strays.length) throw strays[0];
      write({ id: order.id });
    } catch (error) {
      write({ id: order.id, error: String(error?.stack ?? error) });
    }
  })
  .on("close", async () => {
    await browser?.close();
    process.exit(0);
  });

write({ ready: { socket: Object.keys(scenarios), engine: Object.keys(engineScenarios) } });
