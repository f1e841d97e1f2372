// Reads an AsyncAPI document on standard input with the official parser; prints its complaints and what it understood.
import { text } from "node:stream/consumers";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(await text(process.stdin));
const operations = document?.operations().all() ?? [];
const understood = {
  version: document?.version(),
  complaints: diagnostics
    .filter(({ severity }) => severity <= 1)
    .map(({ code, message, path }) => `${path.join(".")}: ${code}: ${message}`),
  channels: document?.channels().all().map((channel) => [channel.id(), channel.address()]),
  operations: operations.map((operation) => [
    operation.id(),
    operation.action(),
    operation.messages().all().map((message) => message.name()),
    operation.reply()?.messages().all().length ?? 0,
  ]),
  schemas: document?.components().schemas().all().map((schema) => schema.id()),
};
process.stdout.write(JSON.stringify(understood));
