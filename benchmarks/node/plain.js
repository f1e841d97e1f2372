// The plain application on `ws`, configured as it comes. Usage: node plain.js PORT
import { WebSocket, WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) });

server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const text = data.toString();
    if (text.startsWith("chat")) {
      for (const client of server.clients) {
        if (client.readyState === WebSocket.OPEN) client.send(text);
      }
    } else {
      socket.send(text);
    }
  });
});
