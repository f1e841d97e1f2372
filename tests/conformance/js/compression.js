// What the stock client gets compressed. Asks a server for events and prints, for each, whether what brought it was:
//   node compression.js URL websocket|polling EVENT...

import { io } from "socket.io-client";
import { Fetch } from "engine.io-client";
import { WITHIN, next } from "./world.js";

const [url, transport, ...events] = process.argv.slice(2);
let arrived = [];

// The transport by fetch(), because Node's own takes gzip, as a browser does; the client's other one asks for none.
const plain = globalThis.fetch;
globalThis.fetch = async (...request) => {
  const response = await plain(...request);
  arrived.push(response.headers.get("content-encoding") === "gzip");
  return response;
};

/** The reserved bits of frames (RFC 7692, section 6), before the client reads them. A server's frames have no mask. */
function watch(connection) {
  let rest = Buffer.alloc(0);
  connection.prependListener("data", (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 2) {
      const short = rest[1] & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (rest.length < head) return;
      const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
      if (rest.length < head + length) return;
      arrived.push((rest[0] & 0x40) !== 0);
      rest = rest.subarray(head + length);
    }
  });
}

const socket = io(url, { transports: [transport === "polling" ? Fetch : transport], reconnection: false });
try {
  await next(socket, "connect", WITHIN);
  if (transport === "websocket") watch(socket.io.engine.transport.ws._socket);
  const seen = [];
  for (const event of events) {
    arrived = [];
    const [content] = await Promise.all([next(socket, event), socket.emit("give", event)]);
    seen.push([event, content[0].length, arrived.at(-1)]);
  }
  console.log(JSON.stringify(seen));
} finally {
  socket.disconnect();
}
