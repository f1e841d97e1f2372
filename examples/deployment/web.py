from windsock import Server, Socket

io = Server()


@io.on("version")
def version(socket: Socket) -> int:
    return 1


@io.on("say")
def say(socket: Socket, text: str) -> None:
    io.emit("said", {"text": text, "from": socket.handshake.address})
