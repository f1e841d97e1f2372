/** What `npm pack` makes, used as a stranger does: by its name, by another compiler's options, and copied. */

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
const tsc = join(root, "node_modules/.bin/tsc");
let folder: string;

const CONSUMER = `
import { BufferFull, type Closure, type State, WebSocketClient } from "FROM";
const ws = new WebSocketClient(() => "wss://localhost/", { reconnectAfter: (closure: Closure) => closure.code !== 4403 });
ws.on("state", (state: State) => {
  if (state.name === "reconnecting") console.log(state.delay.toFixed(), state.closure.reason);
});
ws.on("message", (message) => console.log(typeof message === "string" ? message.length : message));
try {
  ws.send(new Uint8Array(1));
} catch (error) {
  if (!(error instanceof BufferFull)) throw error;
}
// @ts-expect-error: a number is no message
ws.send(5);
`;

async function compile(options: string[]): Promise<void> {
  const { stdout } = await run(tsc, options, { cwd: folder }).catch((error) => error);
  expect(stdout).toBe("");
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "windsock-"));
  await run("npm", ["pack", "--pack-destination", folder, "--loglevel=error"], { cwd: root });
  const installed = join(folder, "node_modules/@windsock/websocket");
  await mkdir(installed, { recursive: true });
  await run("tar", ["xzf", join(folder, "windsock-websocket-0.1.0.tgz"), "-C", installed, "--strip-components=1"]);
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

test.each(["Bundler", "NodeNext"])("its types are found by the rules of %s", async (rules) => {
  await writeFile(join(folder, "consumer.ts"), CONSUMER.replace("FROM", "@windsock/websocket"));
  const module = rules === "Bundler" ? "ESNext" : rules;
  const options = ["--strict", "--noEmit", "--target", "ES2022", "--lib", "ES2022,DOM"];
  await compile([...options, "--module", module, "--moduleResolution", rules, "consumer.ts"]);
});

test("it is imported without a browser", async () => {
  const code =
    'import { isTransient } from "@windsock/websocket"; console.log(isTransient({ code: 1012, reason: "" }))';
  const { stdout } = await run("node", ["--input-type=module", "-e", code], { cwd: folder });
  expect(stdout).toBe("true\n");
});

test("its one file, copied, compiles where everything is strict", async () => {
  await cp(join(root, "src/websocket-client.ts"), join(folder, "websocket-client.ts"));
  await writeFile(join(folder, "copied.ts"), CONSUMER.replace("FROM", "./websocket-client"));
  const strict = [
    "strict", "noEmit", "noUncheckedIndexedAccess", "exactOptionalPropertyTypes", "noImplicitOverride",
    "noImplicitReturns", "noPropertyAccessFromIndexSignature", "noUnusedLocals", "noUnusedParameters",
    "verbatimModuleSyntax", "isolatedModules", "isolatedDeclarations", "declaration", "erasableSyntaxOnly",
  ].map((option) => `--${option}`); // biome-ignore format: a list
  const options = ["--target", "ES2022", "--lib", "ES2022,DOM", "--module", "ESNext"];
  await compile([...strict, ...options, "--moduleResolution", "Bundler", "copied.ts"]);
});
