// The benchmark's application on the official server, a member of a cluster. Usage: node cluster.js PORT REDIS-URL
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const ROOM = "benchmark";

const publisher = createClient({ url: process.argv[3] });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const httpServer = createServer();
const io = new Server(httpServer, { adapter: createAdapter(publisher, subscriber), perMessageDeflate: false });

io.on("connection", (socket) => {
  socket.join(ROOM);
  socket.on("chat", (text) => {
    io.to(ROOM).emit("chat", text);
  });
});

httpServer.listen(Number(process.argv[2]), "127.0.0.1");
