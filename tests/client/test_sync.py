"""The facade for scripts: no event loop in sight."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.client.servers import Running
from tests.conformance.process import free_port
from tests.server.site import WITHIN
from windsock import AckTimeout, Client, ConfigurationError, ConnectionFailed
from windsock.client.sync import SyncClient


def test_a_script(running: Running) -> None:
    threads: list[str] = []
    io = SyncClient(Client(running.get("node").url, auth={"token": "secret"}))

    @io.on("question")
    def answer(number: int) -> Any:
        threads.append(threading.current_thread().name)
        return io.emit_with_ack("echo-ack", number + 1, timeout=WITHIN)

    with io:
        name, welcome = io.receive(WITHIN)
        assert (name, welcome["id"]) == ("welcome", io.id)
        io.emit("ask", 41)
        assert io.receive(WITHIN) == ("question", 41)
        assert io.receive(WITHIN) == ("answer", 42)
        admin = io.of("/admin")
        admin.connect(WITHIN)
        assert admin.emit_with_ack("whoami") == "admin"
        with pytest.raises(AckTimeout):
            io.emit_with_ack("answer-never", timeout=0.01)
        with pytest.raises(TimeoutError):
            io.receive(0.01)
    assert not io.connected
    assert threads
    assert threads[0].startswith("windsock-handlers")
    assert not [thread for thread in threading.enumerate() if thread.name == "windsock-client"]


def test_a_handler_s_arguments_are_validated(running: Running) -> None:
    io = SyncClient(Client(running.get("windsock").url))

    @io.on("question")
    def answer(number: int) -> int:
        return number

    with io:
        io.receive(WITHIN)
        io.emit("ask", "not a number")
        io.receive(WITHIN)
        name, refusal = io.receive(WITHIN)
        assert (name, refusal["error"]["code"]) == ("answer", "invalid_payload")


def test_failures_come_out(running: Running) -> None:
    refused = SyncClient(Client(f"http://127.0.0.1:{free_port()}", reconnection=False))
    with pytest.raises(ConnectionFailed), refused:
        pytest.fail("there is no server")
    with pytest.raises(ConfigurationError, match="connected first"):
        refused.emit("echo")

    async def asynchronous() -> None:
        pass

    with pytest.raises(ConfigurationError, match="plain function"):
        refused.on("echo")(asynchronous)
    waiting = SyncClient(Client(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(TimeoutError):
        waiting.connect(0.05)
    waiting.close()
