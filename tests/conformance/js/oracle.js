// The official parsers, asked by pytest: one JSON line for each question and for each answer.
// Binary is written {"$binary": base64}.
import { Decoder, Encoder } from "socket.io-parser";
import { decodePayload, encodePayload } from "engine.io-parser";
import { createInterface } from "node:readline";

const pack = (value) => {
  if (Buffer.isBuffer(value)) return { $binary: value.toString("base64") };
  if (Array.isArray(value)) return value.map(pack);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, pack(inner)]));
  }
  // JSON has no word for these two.
  if (value === Infinity || value === -Infinity) return { $number: String(value) };
  return value;
};

const unpack = (value) => {
  if (Array.isArray(value)) return value.map(unpack);
  if (value && typeof value === "object") {
    if ("$binary" in value) return Buffer.from(value.$binary, "base64");
    // Not an assignment: "__proto__" is a key like any other.
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unpack(inner)]));
  }
  return value;
};

const questions = {
  encode({ packet }) {
    return new Encoder().encode(unpack(packet));
  },
  decode({ messages }) {
    const decoder = new Decoder();
    const packets = [];
    decoder.on("decoded", (packet) => packets.push(packet));
    for (const message of unpack(messages)) decoder.add(message);
    return { packets, waiting: Boolean(decoder.reconstructor) };
  },
  "encode payload"({ packets }) {
    return new Promise((resolve) => encodePayload(unpack(packets), resolve));
  },
  "decode payload"({ payload }) {
    return decodePayload(payload);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  try {
    const answer = await questions[question.ask](question);
    process.stdout.write(`${JSON.stringify({ answer: pack(answer) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error?.message ?? error) })}\n`);
  }
}
