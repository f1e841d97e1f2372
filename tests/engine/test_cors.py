"""Which origins are allowed, and what their browsers are told."""

from __future__ import annotations

from typing import Any

import pytest

from windsock.engine.cors import OriginPolicy
from windsock.engine.options import EngineOptions
from windsock.types import Scope

HERE = "http://here.example"
FRIEND = "https://friend.example"
STRANGER = "https://evil.example"


def scope(origin: str | None, host: str | None = "here.example", requested: str | None = None) -> Scope:
    headers = []
    if host is not None:
        headers.append((b"host", host.encode()))
    if origin is not None:
        headers.append((b"origin", origin.encode("latin-1")))
    if requested is not None:
        headers.append((b"access-control-request-headers", requested.encode()))
    return {"type": "http", "headers": headers}


def policy(rule: Any, *, credentials: bool = False) -> OriginPolicy:
    return OriginPolicy(EngineOptions(cors_allowed_origins=rule, cors_credentials=credentials))


def is_friend(origin: str, scope: Scope) -> bool:
    return origin == FRIEND and scope["type"] == "http"


@pytest.mark.parametrize(
    ("rule", "allowed", "refused"),
    [
        (None, [None, HERE, "https://here.example", "http://HERE.example"], [FRIEND, STRANGER]),
        ("*", [None, HERE, FRIEND, STRANGER, "null"], []),
        (["*"], [None, FRIEND, STRANGER], []),
        (FRIEND, [None, HERE, FRIEND], [STRANGER]),
        ([FRIEND, "https://other.example"], [None, HERE, FRIEND, "https://other.example"], [STRANGER]),
        ([], [None, HERE], [FRIEND]),
        (is_friend, [None, HERE, FRIEND], [STRANGER]),
    ],
    ids=["same origin", "any", "any in a list", "one", "several", "none", "predicate"],
)
def test_who_may_come(rule: Any, allowed: list[str | None], refused: list[str]) -> None:
    for origin in allowed:
        assert policy(rule).allows(scope(origin)), origin
    for origin in refused:
        assert not policy(rule).allows(scope(origin)), origin


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "here.example",
        "//here.example",
        "http://here.example:8080",
        "http://here.example.evil.example",
        "http://evil.example/here.example",
        "http://here.example@evil.example",
        "http://evil.example#here.example",
        "ftp://here.example",
        "http://[here.example",
        "https://friend.example.evil.example",
        "http://friend.example",
        "HTTPS://FRIEND.EXAMPLE/",
        "https://friend.example, https://evil.example",
        "\xff",
    ],
)
def test_look_alikes_stay_out(origin: str) -> None:
    assert not policy([FRIEND]).allows(scope(origin))
    assert not policy([FRIEND]).allows(scope(origin, host=None))


def test_without_a_host_nothing_is_the_same_origin() -> None:
    assert not policy(None).allows(scope(HERE, host=None))


def headers(rule: Any, origin: str | None, *, credentials: bool = False) -> dict[str, str]:
    found = policy(rule, credentials=credentials).headers(scope(origin))
    assert len(dict(found)) == len(found), "no header twice"
    return {name.decode(): value.decode("latin-1") for name, value in found}


def test_headers_for_a_friend() -> None:
    assert headers([FRIEND], FRIEND) == {"access-control-allow-origin": FRIEND, "vary": "Origin"}
    assert headers(is_friend, FRIEND) == {"access-control-allow-origin": FRIEND, "vary": "Origin"}
    assert headers([FRIEND], FRIEND, credentials=True) == {
        "access-control-allow-origin": FRIEND,
        "access-control-allow-credentials": "true",
        "vary": "Origin",
    }


def test_headers_for_anybody() -> None:
    assert headers("*", STRANGER) == {"access-control-allow-origin": "*"}


@pytest.mark.parametrize("rule", [None, [FRIEND], is_friend], ids=["same origin", "list", "predicate"])
@pytest.mark.parametrize("origin", [STRANGER, "null"])
def test_a_stranger_is_told_nothing(rule: Any, origin: str) -> None:
    # An answer that depends on the origin says so even when it allows nothing: caches serve it to others.
    assert headers(rule, origin, credentials=True) == {"vary": "Origin"}


def test_no_origin_no_headers() -> None:
    assert headers([FRIEND], None) == {}


def test_preflight() -> None:
    friendly = policy([FRIEND], credentials=True)
    answer = dict(friendly.preflight_headers(scope(FRIEND, requested="x-token")))
    assert answer[b"access-control-allow-origin"] == FRIEND.encode()
    assert answer[b"access-control-allow-methods"] == b"GET,POST"
    assert answer[b"access-control-allow-headers"] == b"x-token"
    assert dict(friendly.preflight_headers(scope(FRIEND)))[b"access-control-allow-headers"] == b"content-type"
    assert dict(friendly.preflight_headers(scope(STRANGER, requested="x-token"))) == {b"vary": b"Origin"}
