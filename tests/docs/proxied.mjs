// node proxied.mjs URL CERTIFICATE: the stock client through a proxy, over each transport; prints what the server saw.
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { createRequire } from "node:module";

const require = createRequire(new URL("../conformance/js/package.json", import.meta.url));
const { io } = require("socket.io-client");

const [url, certificate] = process.argv.slice(2);
const ca = readFileSync(certificate);
// Another address than the proxy's own, so that it shows whose the server sees.
const agent = new Agent({ ca, localAddress: "127.0.0.2" });

for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
  // Several: of two servers behind the proxy each would be asked.
  for (let i = 0; i < 4; i++) {
    const socket = io(url, {
      ca,
      agent,
      withCredentials: true, // it keeps cookies
      transports,
      forceNew: true,
      reconnection: false,
      extraHeaders: { Origin: url },
    });
    await new Promise((resolve, reject) => {
      socket.on("connect", resolve);
      socket.on("connect_error", reject);
    });
    if (transports.length > 1 && socket.io.engine.transport.name !== "websocket")
      await new Promise((resolve) => socket.io.engine.on("upgrade", resolve));
    const text = "x".repeat(900_000);
    const size = await socket.timeout(60_000).emitWithAck("size", text);
    const seen = await socket.timeout(60_000).emitWithAck("who am I");
    console.log(JSON.stringify({ transport: socket.io.engine.transport.name, size, ...seen }));
    socket.close();
  }
}
process.exit(0);
