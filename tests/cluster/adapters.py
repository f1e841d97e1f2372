"""The adapters over Redis, by the names that ``js/server.js`` has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from windsock.redis import RedisPubSubAdapter, RedisShardedAdapter, RedisStreamsAdapter

ADAPTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "pubsub": RedisPubSubAdapter,
    "sharded": RedisShardedAdapter,
    "streams": RedisStreamsAdapter,
}
"""How to make one, given the URL of the Redis server and, as ``on_gap``, whom to tell of a gap. One that is added
here has all tests beside Node and all outages."""

SEVERAL: Final = "streams of several"
"""A name for the adapter over streams with all that it has besides: namespaces in several streams, sharded channels."""

VARIANTS: Final[Mapping[str, Callable[..., Any]]] = {
    **ADAPTERS,
    SEVERAL: partial(RedisStreamsAdapter, stream_count=5, use_sharded_pub_sub=True),
}
"""Those, and what has the tests beside Node alone."""

NODES: Final[Mapping[str, tuple[str, ...]]] = {SEVERAL: ("streams", '{"streamCount":5,"useShardedPubSub":true}')}
"""How ``js/server.js`` is told of those that it does not know by that name."""

OF_EMITTERS: Final[Mapping[str, Mapping[str, Any]]] = {
    **{name: {"adapter": name} for name in ADAPTERS},
    SEVERAL: {"adapter": "streams", "stream_count": 5, "use_sharded_pub_sub": True},
}
"""Options of our emitters for their servers."""

EMITTERS: Final = ("pubsub",)
"""Those whose servers a program on Node reaches that only emits."""

GARBAGE: Final[Mapping[str, list[tuple[str, ...]]]] = {
    "pubsub": [
        ("PUBLISH", "socket.io#/#", "garbage"),
        ("PUBLISH", "socket.io#/#", "\x93"),
        ("PUBLISH", "socket.io#/#{guest}#", "{{}}"),
        ("PUBLISH", "socket.io-request#/#", '{{"type":99}}'),
        ("PUBLISH", "socket.io-request#/#", '{{"type":5,"requestId":1}}'),
        ("PUBLISH", "socket.io-request#/#", "[]"),
        ("PUBLISH", "socket.io-response#/#", "{{"),
        ("PUBLISH", "socket.io-response#/#", '{{"requestId":7}}'),
    ],
    "sharded": [
        ("SPUBLISH", "socket.io#/#", "garbage"),
        ("SPUBLISH", "socket.io#/#", "\x93"),
        ("SPUBLISH", "socket.io#/#", "[]"),
        ("SPUBLISH", "socket.io#/#", '{{"uid":"u","nsp":"/","type":99}}'),
        ("SPUBLISH", "socket.io#/#", '{{"uid":"u","nsp":"/other","type":3}}'),
        ("SPUBLISH", "socket.io#/#", '{{"uid":"u","nsp":"/","type":7,"data":{{"requestId":1}}}}'),
        ("SPUBLISH", "socket.io#/#room 1#", "{{"),
    ],
    "streams": [
        ("XADD", "socket.io", "*", "nsp", "/", "uid", "x"),
        ("XADD", "socket.io", "*", "nsp", "/", "uid", "x", "type", "many"),
        ("XADD", "socket.io", "*", "nsp", "/", "uid", "x", "type", "99", "data", "{{}}"),
        ("XADD", "socket.io", "*", "nsp", "/", "uid", "x", "type", "3", "data", "{{"),
        ("XADD", "socket.io", "*", "nsp", "/", "uid", "x", "type", "3", "data", "garbage!"),
        ("XADD", "socket.io", "*", "nsp", "/", "uid", "x", "type", "3", "data", '{{"opts":7}}'),
        ("XADD", "socket.io", "*", "nsp", "/", "uid", "x", "type", "4", "data", '{{"rooms":["r"]}}'),
        ("PUBLISH", "socket.io#/#", "garbage"),
        ("PUBLISH", "socket.io#/#", '{{"nsp":"/","uid":"x","type":99}}'),
        ("PUBLISH", "socket.io#/#", '{{"nsp":"/other","uid":"x","type":2}}'),
    ],
}
"""Commands that put on Redis what makes no sense; ``{guest}``, a client of the second server, is in ``room 1``."""

FOR_ONE: Final = ("{guest}", "room 1")
"""One of them is in what only the server of that client looks at."""
