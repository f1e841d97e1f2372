// A client of the shop (../shop.py), as its author would write it: what compiles here must, and nothing else.
import { io, type Socket } from "socket.io-client";
import type {
  Ack,
  AdminAreaClientToServerEvents,
  AdminAreaServerToClientEvents,
  Auth,
  Circle,
  ClientToServerEvents,
  Receipt,
  Refusal,
  SayInput,
  ServerToClientEvents,
  TenantDClientToServerEvents,
  TenantDServerToClientEvents,
} from "shop";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const auth: Auth = { token: "t" };
const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io("http://localhost", { auth });

// What the server emits.
socket.on("said", (said) => {
  same<string, typeof said.at>(true);
  same<string, typeof said.by>(true);
  same<"red" | "blue", typeof said.colour>(true);
  same<Record<string, number>, typeof said.likes>(true);
  same<number | undefined, typeof said.by_colour.red>(true);
  same<[number, number], typeof said.place>(true);
  same<number[], typeof said.trail>(true);
  same<ArrayBuffer, typeof said.picture>(true);
  same<string, typeof said.odd_name>(true);
  // @ts-expect-error: the server has no such field
  said.author;
  // @ts-expect-error: no green in the enumeration
  if (said.colour === "green") return;
});
socket.on("moved", (x, pair) => {
  same<number, typeof x>(true);
  same<number | undefined, typeof pair.left>(true);
});
socket.on("cleared", () => undefined);
socket.on("picture", (picture) => same<ArrayBuffer, typeof picture>(true));
socket.on("ask", (question, ack) => {
  same<number | null, typeof question.reply_to>(true);
  ack("red");
  ack(null);
  // @ts-expect-error: the answer is a colour
  ack("green");
});
// @ts-expect-error: the server emits nothing of this name
socket.on("shouted", () => undefined);
// @ts-expect-error: one argument comes, not a number
socket.on("said", (said: number) => said);

// What clients send.
const say: SayInput = { room: "r", text: "t", shapes: [{ kind: "circle", radius: 1 }], "odd-name": "x" };
socket.emit("say", say, (answer: Ack<Receipt>) => {
  if ("error" in answer) {
    same<Refusal, typeof answer>(true);
    same<string, typeof answer.error.code>(true);
  } else {
    same<string | null, typeof answer.price>(true);
    same<true, typeof answer.ok>(true);
  }
});
const answer = await socket.emitWithAck("say", say);
same<Ack<Receipt>, typeof answer>(true);
same<false, Same<any, typeof answer>>(true);
// @ts-expect-error: text is missing
socket.emit("say", { room: "r" }, () => undefined);
// @ts-expect-error: it is acknowledged
socket.emit("say", say);
// @ts-expect-error: a square has a side
const square: SayInput = { ...say, shapes: [{ kind: "square", radius: 1 }] };
const circle: Circle = { kind: "circle", radius: 2 };
// @ts-expect-error: no such field is taken
const misspelt: SayInput = { room: "r", text: "t", colur: "red" };
// @ts-expect-error: an event that the server emits
socket.emit("said", say);

socket.emit("find", "t", (found) => {
  same<Ack<ServerToClientEvents["said"] extends (said: infer Said) => void ? Said[] | undefined : never>, typeof found>(true);
});
socket.emit("find", "t", 10, () => undefined);
const found = await socket.emitWithAck("find", "t", 10);
if (found && "error" in found) found.error.message;
await socket.emitWithAck("find", "t");
// @ts-expect-error: a limit is a number
await socket.emitWithAck("find", "t", "10");

const sum = await socket.emitWithAck("sum", 1, 2, 3);
same<Ack<number>, typeof sum>(true);
// @ts-expect-error: numbers only
await socket.emitWithAck("sum", 1, "2");

socket.emit("split", "a b", (...answer) => {
  same<[string, number] | [Refusal], typeof answer>(true);
});

socket.emit("tell", { left: 1 });
socket.emit("tell", {}, true, "a", "b");
// @ts-expect-error: it is not acknowledged
socket.emit("tell", {}, () => undefined);

const copy = await socket.emitWithAck("upload", new Uint8Array(3));
same<Ack<ArrayBuffer>, typeof copy>(true);
socket.emit("upload", new Blob(), () => undefined);
// @ts-expect-error: text is not binary
socket.emit("upload", "text", () => undefined);

socket.emit("box", { a: circle, b: 3 }, () => undefined);
// @ts-expect-error: neither a shape nor three
socket.emit("box", { a: 4 }, () => undefined);
const anything = await socket.emitWithAck("anything", { any: "thing" });
same<Ack<unknown>, typeof anything>(true);

// Other namespaces.
const admin: Socket<AdminAreaServerToClientEvents, AdminAreaClientToServerEvents> = io("http://localhost/admin-area");
admin.emit("shut down");
admin.on("log", (line) => same<string, typeof line>(true));
// @ts-expect-error: an event of another namespace
admin.emit("say", say);
const tenant: Socket<TenantDServerToClientEvents, TenantDClientToServerEvents> = io("http://localhost/tenant-7");
await tenant.emitWithAck("say", say);

export { misspelt, square };
