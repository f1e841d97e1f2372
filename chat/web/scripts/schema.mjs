// Writes src/lib/api/schema.d.ts from the server's OpenAPI document; with --check, says whether it is up to date.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";

const source = new URL("../../openapi.json", import.meta.url);
const target = new URL("../src/lib/api/schema.d.ts", import.meta.url);

const document = JSON.parse(await readFile(source, "utf8"));
const fresh = COMMENT_HEADER + astToString(await openapiTS(document, { alphabetize: true }));

if (process.argv.includes("--check")) {
  const present = await readFile(target, "utf8").catch(() => "");
  if (present !== fresh) {
    process.stderr.write(`${fileURLToPath(target)} is stale: run «npm run generate» and commit it.\n`);
    process.exitCode = 1;
  }
} else {
  await writeFile(target, fresh);
}
