"""What an engine can be told, and what it refuses to be told."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import pytest

from windsock import ConfigurationError, Cookie, HttpCompression, PerMessageDeflate, Server
from windsock.engine.options import EngineOptions


def test_defaults_are_the_original_s() -> None:
    options = EngineOptions()
    assert options.normalized_path == "/socket.io/"
    assert (options.ping_interval, options.ping_timeout, options.upgrade_timeout) == (25, 20, 10)
    assert options.max_http_buffer_size == 1_000_000
    assert set(options.transports) == {"polling", "websocket"}
    assert options.allow_upgrades
    assert options.cookie is None
    assert options.cors_allowed_origins is None
    assert options.per_message_deflate is None
    assert options.http_compression == HttpCompression(threshold=1024)


@pytest.mark.parametrize(
    ("path", "add_trailing_slash", "normalized"),
    [
        ("/socket.io/", True, "/socket.io/"),
        ("/socket.io", True, "/socket.io/"),
        ("socket.io", True, "/socket.io/"),
        ("/socket.io/", False, "/socket.io"),
        ("/a/b", True, "/a/b/"),
        ("/a/b/", False, "/a/b"),
        ("/", True, "/"),
        ("", True, "/"),
        ("/", False, "/"),
    ],
)
def test_paths(path: str, add_trailing_slash: bool, normalized: str) -> None:
    assert EngineOptions(path=path, add_trailing_slash=add_trailing_slash).normalized_path == normalized


@pytest.mark.parametrize("level", [-1, 0, 10])
@pytest.mark.parametrize("compression", [PerMessageDeflate, HttpCompression])
def test_levels_that_zlib_does_not_have(compression: type[PerMessageDeflate | HttpCompression], level: int) -> None:
    with pytest.raises(ConfigurationError, match=f"from 1 to 9, got {level}"):
        compression(level=level)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transports": []}, "transports among polling and websocket"),
        ({"transports": ["polling", "carrier-pigeon"]}, "carrier-pigeon"),
        ({"ping_interval": 0}, "ping_interval above zero, got 0"),
        ({"ping_timeout": -1}, "ping_timeout above zero, got -1"),
        ({"upgrade_timeout": 0}, "upgrade_timeout above zero"),
        ({"max_http_buffer_size": 0}, "max_http_buffer_size above zero"),
        ({"cors_allowed_origins": "*", "cors_credentials": True}, "a list of origins with cors_credentials"),
        ({"cors_allowed_origins": ["*"], "cors_credentials": True}, "a list of origins with cors_credentials"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        EngineOptions(**options)
    with pytest.raises(ConfigurationError, match=message):
        Server(**options)


@pytest.mark.parametrize(
    ("transport", "options", "upgrades"),
    [
        ("polling", {}, ("websocket",)),
        ("websocket", {}, ()),
        ("polling", {"allow_upgrades": False}, ()),
        ("polling", {"transports": ["polling"]}, ()),
    ],
)
def test_upgrades_that_are_offered(transport: Any, options: dict[str, Any], upgrades: tuple[str, ...]) -> None:
    assert EngineOptions(**options).open_parameters(transport).upgrades == upgrades


def test_the_open_packet_counts_in_milliseconds() -> None:
    parameters = EngineOptions(ping_interval=0.3, ping_timeout=1.25, max_http_buffer_size=99).open_parameters("polling")
    assert (parameters.ping_interval, parameters.ping_timeout, parameters.max_payload) == (300, 1250, 99)


@pytest.mark.parametrize(
    ("cookie", "header"),
    [
        (Cookie(), b"io=abc; Path=/; HttpOnly; SameSite=Lax"),
        (Cookie(name="lb", path="/chat", http_only=False, same_site=None), b"lb=abc; Path=/chat"),
        (
            Cookie(secure=True, same_site="none", max_age=3600, domain="app.example"),
            b"io=abc; Max-Age=3600; Domain=app.example; Path=/; HttpOnly; Secure; SameSite=None",
        ),
        (Cookie(same_site="strict", max_age=0), b"io=abc; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"),
    ],
)
def test_cookies(cookie: Cookie, header: bytes) -> None:
    assert cookie.header("abc") == header
    parsed = SimpleCookie(header.decode())[cookie.name]
    assert parsed.value == "abc"
    assert parsed["path"] == cookie.path
