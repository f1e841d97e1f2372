// Stock clients that all hear what some of them say: node speakers.mjs URL COUNT SPEAKERS TRANSPORT[,TRANSPORT]
// A line of stdin asks, a JSON line of stdout answers:
//   begin RATE   all are connected; from now on the speakers say RATE things a second together: {}
//   so-far       how many things were said and answered: {said: count}
//   end          the speakers fall silent, and all that was said has come, or does not within a minute:
//                {sent: {speaker: count}, logs: {client: [[speaker, number]]}, recovered: count, strangers: count,
//                 disconnects: {reason: count}, errors: {message: count}}
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../conformance/js/", import.meta.url));
const { io } = require("socket.io-client");

const [url, count, speakers, transports] = process.argv.slice(2);
const disconnects = {};
const errors = {};
const sent = {};
const logs = {};
let recovered = 0;
let strangers = 0;
let answered = 0;
let timer;
const add = (counts, key) => {
  counts[key] = (counts[key] ?? 0) + 1;
};

const sockets = Array.from({ length: Number(count) }, (_, index) => {
  const socket = io(url, {
    transports: transports.split(","),
    forceNew: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 1000,
    // A speaker says the next thing when the one before was answered, and again what was not.
    retries: 100,
    ackTimeout: 20_000,
  });
  const log = [];
  logs[`client ${index}`] = log;
  let before = false;
  socket.on("said", (speaker, number) => log.push([speaker, number]));
  socket.on("connect", () => {
    if (before && socket.recovered) recovered++;
    if (before && !socket.recovered) strangers++;
    before = true;
  });
  socket.on("disconnect", (reason) => add(disconnects, reason));
  socket.on("connect_error", (error) => add(errors, error.message));
  return socket;
});

const until = async (condition, tries = 6000) => {
  for (; tries > 0 && !condition(); tries--) await new Promise((resolve) => setTimeout(resolve, 10));
};
const total = () => Object.values(sent).reduce((sum, each) => sum + each, 0);

async function begin(rate) {
  await until(() => sockets.every((socket) => socket.connected));
  const speaking = sockets.slice(0, Number(speakers));
  for (const [index] of speaking.entries()) sent[`speaker ${index}`] = 0;
  let turn = 0;
  timer = setInterval(() => {
    const index = turn++ % speaking.length;
    const speaker = `speaker ${index}`;
    speaking[index].emit("say", speaker, sent[speaker]++, (error) => {
      if (error) add(errors, `not answered: ${error.message}`);
      else answered++;
    });
  }, 1000 / Number(rate));
  return {};
}

async function end() {
  clearInterval(timer);
  await until(() => answered === total());
  await until(() => Object.values(logs).every((log) => log.length >= total()));
  return { sent, logs, recovered, strangers, disconnects, errors };
}

const commands = { begin, "so-far": async () => ({ said: answered }), end };
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...rest] = line.split(" ");
  let answer;
  try {
    answer = await commands[command](...rest);
  } catch (error) {
    answer = { error: `${error.stack}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
