// A stock client that tells what happens to it, a line of JSON each.
// node client.js URL AUTH: AUTH is JSON.
import { io } from "socket.io-client";

const [url, auth] = process.argv.slice(2);
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const pack = (value) => (Buffer.isBuffer(value) ? { $binary: value.toString("base64") } : value);

const options = { reconnectionDelay: 20, reconnectionDelayMax: 200, transports: ["websocket"] };
const socket = io(url, { ...options, auth: JSON.parse(auth) });
socket.on("connect", () => tell({ connect: socket.id, pid: socket._pid, recovered: socket.recovered }));
socket.on("disconnect", (reason) => tell({ disconnect: reason }));
// The offset comes last; the client takes it for an argument.
socket.onAny((...event) => tell({ event: event.map(pack) }));
process.stdin.on("end", () => process.exit(0)).resume();
