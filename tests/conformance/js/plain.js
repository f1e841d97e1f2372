// What Windsock's plain WebSocket clients talk to, by `ws`: the same as tests/client/websocket/starlette_app.py.
// node plain.js PORT
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const http = createServer((_, response) => response.end("no WebSocket"));
const server = new WebSocketServer({
  noServer: true,
  perMessageDeflate: true,
  maxPayload: 16 * 1024 * 1024,
  handleProtocols: (offered) => [...offered].at(-1) ?? false,
});

server.on("connection", (socket, request) => {
  socket.on("error", () => {});
  socket.on("message", (data, binary) => {
    const [order, code, ...reason] = binary ? [] : data.toString().split(" ");
    if (order === "!close") socket.close(Number(code), reason.join(" "));
    else if (order === "!stop") socket.pause();
    else if (order === "!tell") {
      const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").filter(Boolean);
      socket.send(JSON.stringify({ url: request.url, headers: request.headers, offered }));
    } else socket.send(data, { binary });
  });
});

http.on("upgrade", (request, socket, head) => {
  const status = request.url.match(/^\/(?:refuse\/(\d+)|page)$/);
  if (status) socket.end(`HTTP/1.1 ${status[1] ?? 200} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  else server.handleUpgrade(request, socket, head, (opened) => server.emit("connection", opened, request));
});
http.listen(Number(process.argv[2]), "127.0.0.1");
