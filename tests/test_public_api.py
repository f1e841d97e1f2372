"""What ``import windsock`` gives: the names, their documentation, and nothing beneath them."""

from __future__ import annotations

import importlib.metadata
import inspect
import subprocess
import sys

import pytest

import windsock


def test_every_name_is_there_and_documented() -> None:
    for name in windsock.__all__:
        value = getattr(windsock, name)
        assert inspect.getdoc(value), f"{name} has no documentation"
        assert value.__module__.startswith("windsock")


def test_the_names_are_sorted_and_complete() -> None:
    public = {
        name for name, value in vars(windsock).items() if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == set(windsock.__all__)
    assert list(windsock.__all__) == sorted(windsock.__all__)


def test_public_methods_are_documented() -> None:
    for name in windsock.__all__:
        value = getattr(windsock, name)
        for attribute, member in vars(value).items():
            if not attribute.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                assert inspect.getdoc(member), f"{name}.{attribute} has no documentation"


def test_the_version_is_the_distribution_s() -> None:
    assert windsock.__version__ == importlib.metadata.version("windsock")


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (windsock.ConfigurationError, (windsock.WindsockError, ValueError)),
        (windsock.ConnectionRefused, (windsock.WindsockError,)),
        (windsock.EventError, (windsock.WindsockError,)),
        (windsock.EncodeError, (windsock.WindsockError, TypeError)),
        (windsock.AckTimeout, (windsock.WindsockError, TimeoutError)),
        (windsock.NotConnected, (windsock.WindsockError,)),
    ],
)
def test_errors_are_one_tree(error: type[Exception], bases: tuple[type[Exception], ...]) -> None:
    assert all(issubclass(error, base) for base in bases)


def test_a_server_and_its_namespaces_speak_alike() -> None:
    methods = {
        name
        for name, member in vars(windsock.Namespace).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
    }
    operators = {"to", "in_", "except_", "volatile", "local", "compress", "timeout"}
    many = {"emit", "emit_with_ack", "fetch_sockets", "sockets_join", "sockets_leave", "disconnect_sockets"}
    for speaker in (windsock.Server, windsock.Namespace, windsock.BroadcastOperator):
        for name in operators | many:
            assert hasattr(speaker, name), f"{speaker.__name__}.{name}"
    assert operators | many <= methods
    io = windsock.Server()
    assert io.of("chat") is io.of("/chat")
    assert io.of("/chat") is not io.of("/")


def test_importing_it_starts_nothing() -> None:
    """No server, no client, no web framework comes along with the library."""
    code = (
        "import sys, windsock; "
        "heavy = {'starlette', 'fastapi', 'uvicorn', 'httpx', 'aiohttp', 'socketio'} & set(sys.modules); "
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
