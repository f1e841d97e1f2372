"""What administrators get to see of a client: what is known to be harmless, and not too much of it."""

from __future__ import annotations

import datetime
import decimal
import enum
import logging
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from windsock.adapters.base import RemoteSocket
    from windsock.server.socket import Socket

HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "dnt",
        "host",
        "origin",
        "pragma",
        "sec-ch-ua",
        "sec-ch-ua-mobile",
        "sec-ch-ua-platform",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-websocket-extensions",
        "sec-websocket-version",
        "upgrade",
        "user-agent",
    }
)
"""Request headers that are shown: those that hold no secret of anybody. Not ``cookie``, not ``authorization``, and no
header that somebody may use in their place."""

QUERY: Final = frozenset({"EIO", "transport", "t", "b64"})
"""Fields of the query string that are shown: the protocol's own. An application's may be a token."""

HIDDEN: Final = "(hidden)"

MAX_DEPTH: Final = 6
"""Containers within containers that are shown: a payload may be nested as deep as its parser allows."""

MAX_VALUES: Final = 200
"""Values that are shown of one payload: it may hold a million, and each costs its encoding."""

MAX_TEXT: Final = 1000
"""Characters that are shown of one text: it may be a file."""

MAX_CHARACTERS: Final = 4000
"""Characters that are shown of all texts of one payload."""

SAFE_BITS: Final = 53
"""Of an integer that JavaScript has."""

MAX_ROOMS: Final = 1000
"""Rooms that are listed of one socket."""

LINK: Final = "_admin"
"""Where nodes of a cluster tell each other of a socket's connection: in its data, under the original's name, so that
the UI shows the sockets of Node's servers, too, and those show ours."""

_PLAIN: Final = (bool, type(None), float)
_AS_TEXT: Final = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID)

logger: logging.Logger = logging.getLogger("windsock.contrib.admin")

DataOf = Callable[[Any], Mapping[str, Any]]
"""Of a socket, of this node or of another: what is shown of its ``data``."""


def data_of(socket: RemoteSocket) -> Mapping[str, Any]:
    """All of a socket's ``data``."""
    data = socket.data
    return data if isinstance(data, Mapping) else vars(data)


class Disclosure:
    """Says what is shown.

    Args:
        headers: of the request that opened a session, in lower case.
        query: fields of its query string; the values of others are hidden.
        data: what is shown of a socket's ``data``.
    """

    def __init__(
        self, headers: Collection[str] = HEADERS, query: Collection[str] = QUERY, data: DataOf = data_of
    ) -> None:
        self._headers = frozenset(name.lower() for name in headers)
        self._query = frozenset(query)
        self._data = data

    def describe(self, socket: Socket) -> dict[str, Any]:
        """A local socket, as the UI wants it (``SerializedSocket``)."""
        return self._describe(socket, socket.namespace.name, link_of(socket))

    def describe_remote(self, socket: RemoteSocket, namespace: str) -> dict[str, Any]:
        """A socket of another node. Of its connection is known what that node keeps in its data for the purpose."""
        data = socket.data
        link = data.get(LINK) if isinstance(data, Mapping) else getattr(data, LINK, None)
        return self._describe(socket, namespace, link if isinstance(link, Mapping) else {})

    def data(self, socket: RemoteSocket) -> dict[str, Any]:
        """What is shown of its ``data``."""
        try:
            shown = summarise({name: value for name, value in self._data(socket).items() if name != LINK})
        except Exception:
            logger.exception("what is shown of the data of a socket cannot be had")
            return {}
        assert isinstance(shown, dict)
        return shown

    def _describe(self, socket: RemoteSocket, namespace: str, link: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": socket.id,
            "clientId": label(str(link.get("clientId", socket.id))),
            "transport": label(str(link.get("transport", "websocket"))),
            "nsp": namespace,
            "data": self.data(socket),
            "handshake": self._handshake(getattr(socket, "handshake", None)),
            "rooms": rooms_of(socket),
        }

    def _handshake(self, handshake: Any) -> dict[str, Any]:
        if handshake is None:
            return {}
        headers = {name: value for name, value in handshake.headers.items() if name in self._headers}
        query = {name: value if name in self._query else HIDDEN for name, value in handshake.query.items()}
        opened_at = handshake.time
        return {
            # As the server sees it: a header that says something else is the client's to make up.
            "address": handshake.address,
            "headers": summarise(headers),
            "query": summarise(query),
            "issued": int(opened_at * 1000),
            "secure": handshake.secure,
            "time": time.strftime("%a %b %d %Y %H:%M:%S GMT+0000", time.gmtime(opened_at)),
            "url": handshake.url.partition("?")[0][:MAX_TEXT],
            "xdomain": handshake.xdomain,
        }


def link_of(socket: Socket) -> dict[str, str]:
    """What is known of a local socket's connection: what stands for the session, and its transport.

    The session's own id is a secret, by which one can speak for the client.
    """
    return {
        "clientId": blake2b(socket.session.id.encode(), digest_size=6).hexdigest(),
        "transport": socket.transport,
    }


def rooms_of(socket: RemoteSocket) -> list[str]:
    """The rooms of a socket that are listed."""
    return sorted(map(label, islice(socket.rooms, MAX_ROOMS)))


def summarise(value: Any) -> Any:
    """A value that every parser can encode, in bounded time: what is too much is cut, what is not data is named."""
    return _Summary().of(value, 0)


class _Summary:
    __slots__ = ("_characters", "_values")

    def __init__(self) -> None:
        self._values = MAX_VALUES
        self._characters = MAX_CHARACTERS

    def of(self, value: Any, depth: int) -> Any:
        self._values -= 1
        if isinstance(value, enum.Enum):
            value = value.value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, int):
            if value.bit_length() <= SAFE_BITS:
                return value
            return str(value) if value.bit_length() < MAX_TEXT else "(integer)"
        if isinstance(value, bytes | bytearray | memoryview):
            return f"({memoryview(value).nbytes} bytes)"
        if isinstance(value, _AS_TEXT):
            return self._text(str(value))
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._sequence(value, depth)
        return f"({type(value).__name__})"

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        if depth >= MAX_DEPTH:
            return f"({len(value)} entries)"
        shown: dict[str, Any] = {}
        for number, (key, entry) in enumerate(value.items()):
            if self._values <= 0:
                shown["…"] = f"({len(value) - number} more)"
                break
            name = str(key) if isinstance(key, str | int | float) else f"({type(key).__name__})"
            shown[self._text(name)] = self.of(entry, depth + 1)
        return shown

    def _sequence(self, value: Collection[Any], depth: int) -> Any:
        if depth >= MAX_DEPTH:
            return f"({len(value)} entries)"
        shown: list[Any] = []
        for number, entry in enumerate(value):
            if self._values <= 0:
                shown.append(f"({len(value) - number} more)")
                break
            shown.append(self.of(entry, depth + 1))
        return shown

    def _text(self, text: str) -> str:
        limit = min(MAX_TEXT, self._characters)
        self._characters -= min(len(text), limit)
        shown = label(text[:limit])
        return shown if len(text) <= limit else f"{shown}… ({len(text)} characters)"


def label(text: str) -> str:
    """The name of a room, which may be a client's, as it can be shown.

    Of bounded length, and without lone surrogates, which a parser cannot encode.
    """
    text = text[:MAX_TEXT]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
