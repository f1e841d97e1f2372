// The benchmark's application on the official server, configured as it comes. Usage: node server.js PORT [deflating]
import { createServer } from "node:http";
import { Server } from "socket.io";

const ROOM = "benchmark";

const httpServer = createServer();
// Its own defaults but for the switch: a threshold of 1024 bytes, zlib's level 6, and contexts that are kept.
const io = new Server(httpServer, { perMessageDeflate: process.argv[3] === "deflating" });

io.on("connection", (socket) => {
  socket.join(ROOM);
  socket.on("chat", (text) => {
    io.to(ROOM).emit("chat", text);
  });
  socket.on("echo", (text, acknowledge) => {
    acknowledge(text);
  });
});

httpServer.listen(Number(process.argv[2]), "127.0.0.1");
