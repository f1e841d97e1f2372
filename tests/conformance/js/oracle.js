// The official parsers, asked by pytest: one JSON line for each question and for each answer.
// Binary is written {"$binary": base64}; what JSON has no word for, {"$kind": …} likewise.
import { decodePayload, encodePayload } from "engine.io-parser";
import msgpack from "socket.io-msgpack-parser";
import { Decoder, Encoder } from "socket.io-parser";
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

const packJavaScript = (value) => {
  if (value === undefined) return { $undefined: true };
  if (value instanceof Date) return { $date: value.getTime() };
  if (value instanceof ArrayBuffer) return { $binary: Buffer.from(value).toString("base64") };
  if (Number.isNaN(value)) return { $number: "nan" };
  if (Array.isArray(value)) return value.map(packJavaScript);
  if (value && typeof value === "object" && !Buffer.isBuffer(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, packJavaScript(inner)]));
  }
  return pack(value);
};

const unpackJavaScript = (value) => {
  if (Array.isArray(value)) return value.map(unpackJavaScript);
  if (value && typeof value === "object") {
    if ("$undefined" in value) return undefined;
    if ("$date" in value) return new Date(value.$date);
    if ("$number" in value) return Number(value.$number);
    if ("$arraybuffer" in value) return Uint8Array.from(Buffer.from(value.$arraybuffer, "base64")).buffer;
    if ("$binary" in value) return unpack(value);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unpackJavaScript(inner)]));
  }
  return value;
};

/** An event's name as EventEmitter has it, which looks its listeners up by a property: text, though it be a number. */
const named = (packet) => {
  if (typeof packet.data?.[0] === "number" && [2, 5].includes(packet.type)) packet.data[0] = String(packet.data[0]);
  return packet;
};

const questions = {
  encode({ packet }) {
    return new Encoder().encode(unpack(packet));
  },
  decode({ messages }) {
    const decoder = new Decoder();
    const packets = [];
    decoder.on("decoded", (packet) => packets.push(named(packet)));
    for (const message of unpack(messages)) decoder.add(message);
    return { packets, waiting: Boolean(decoder.reconstructor) };
  },
  "encode msgpack"({ packet }) {
    return new msgpack.Encoder().encode(unpackJavaScript(packet))[0];
  },
  "decode msgpack"({ message }) {
    const decoder = new msgpack.Decoder();
    let found;
    decoder.on("decoded", (packet) => (found = named(packet)));
    decoder.add(unpack(message));
    return packJavaScript(found);
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
  const { number } = question;
  try {
    const answer = await questions[question.ask](question);
    process.stdout.write(`${JSON.stringify({ number, answer: pack(answer) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ number, error: String(error?.message ?? error) })}\n`);
  }
}
