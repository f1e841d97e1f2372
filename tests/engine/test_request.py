"""What a session remembers of the request that opened it."""

from __future__ import annotations

import time

import pytest

from windsock.engine.request import Request, parse_query


def request(**scope: object) -> Request:
    return Request(
        {
            "type": "http",
            "scheme": "http",
            "path": "/socket.io/",
            "query_string": b"EIO=4&transport=polling",
            "headers": [],
            "client": ("192.0.2.1", 1234),
            **scope,
        }
    )


def test_headers() -> None:
    headers = [(b"host", b"here"), (b"x-a", b"one"), (b"cookie", b"a=b:c"), (b"x-a", b"two"), (b"x-b", b"\xe9")]
    assert request(headers=headers).headers == {"host": "here", "x-a": "one, two", "cookie": "a=b:c", "x-b": "é"}
    assert request(headers=[]).headers == {}


def test_query_and_url() -> None:
    opened = request(query_string=b"EIO=4&name=J%C3%BCrgen+K&empty=&name=last")
    assert opened.query == {"EIO": "4", "name": "last", "empty": ""}
    assert opened.url == "/socket.io/?EIO=4&name=J%C3%BCrgen+K&empty=&name=last"
    assert request(query_string=b"").url == "/socket.io/"


def test_the_peer() -> None:
    assert request().address == "192.0.2.1"
    assert request(client=None).address == ""
    assert [request(scheme=scheme).secure for scheme in ("http", "https", "ws", "wss")] == [False, True, False, True]


def test_the_time() -> None:
    before = time.time()
    assert before <= request().opened_at <= time.time()


def test_a_query_of_many_fields_is_not_read() -> None:
    assert len(parse_query(b"&".join(b"a%d=1" % number for number in range(64)))) == 64
    with pytest.raises(ValueError, match="fields"):
        parse_query(b"&".join(b"a=1" for _ in range(65)))
