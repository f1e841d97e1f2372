"""The official parsers under Node, asked what they make of a packet; and values on the way to them and back."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import HealthCheck, settings

from tests.conformance.javascript import Lines
from windsock.protocol.socketio import Packet

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Oracle(Lines):
    """The official parsers under Node."""

    def __init__(self) -> None:
        super().__init__("oracle.js")
        self._last = 0

    def ask(self, question: str, **details: Any) -> Any:
        """The parsers' answer.

        Raises:
            Refused: they threw an error.
        """
        self._last += 1
        self.send({"ask": question, "number": self._last, **pack(details)})
        reply = self.receive(within=60)
        # A test whose time was up left without its answer, which is nobody's.
        while reply["number"] < self._last:
            reply = self.receive(within=60)
        if "error" in reply:
            raise Refused(reply["error"])
        return unpack(reply["answer"])


class Refused(Exception):
    """The official parser threw an error."""


slow = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""For a property that asks it each time."""


def agrees(packet: Packet, theirs: Any) -> bool:
    """Whether the official parser read the same packet."""
    return (
        theirs["type"] == packet.type
        and theirs["nsp"] == packet.namespace
        and theirs.get("id") == packet.id
        and same(theirs.get("data"), packet.data)
    )


@dataclass(frozen=True, slots=True)
class ArrayBuffer:
    """What JavaScript distinguishes from a Buffer."""

    content: bytes


class Undefined:
    """What JavaScript distinguishes from null."""


def pack(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$binary": b64encode(value).decode()}
    if isinstance(value, ArrayBuffer):
        return {"$arraybuffer": b64encode(value.content).decode()}
    if isinstance(value, Undefined):
        return {"$undefined": True}
    if isinstance(value, datetime):
        return {"$date": (value - EPOCH) // timedelta(milliseconds=1)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": str(value).replace("inf", "Infinity")}
    if isinstance(value, list):
        return [pack(each) for each in value]
    if isinstance(value, dict):
        return {key: pack(each) for key, each in value.items()}
    return value


def unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [unpack(each) for each in value]
    if isinstance(value, dict):
        if "$binary" in value:
            return b64decode(value["$binary"])
        if "$undefined" in value:
            return None
        if "$date" in value:
            return EPOCH + timedelta(milliseconds=value["$date"])
        if "$number" in value:
            return float(value["$number"].replace("Infinity", "inf"))
        return {key: unpack(each) for key, each in value.items()}
    return value


def same(left: Any, right: Any) -> bool:
    """Equal as JavaScript sees it: one type of numbers, and ``true`` is none."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return math.isclose(left, right, rel_tol=1e-15, abs_tol=0.0) or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    return type(left) is type(right) and bool(left == right)
