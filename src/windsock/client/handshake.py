"""The ``open`` packet (Engine.IO protocol, "Handshake")."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, ValidationError

from windsock.errors import ConnectionFailed

MAX_INTERVAL = 24 * 3600 * 1000
"""Milliseconds of a heartbeat's interval or time-out: what is longer is no heartbeat."""


class Handshake(BaseModel):
    """What a server says about a session. Times in milliseconds.

    Attributes:
        sid: the session's id.
        upgrades: transports it may change to.
        ping_interval: between two pings of the server.
        ping_timeout: that a ping may be late.
        max_payload: bytes in one body of long-polling; 0 for any number.
    """

    sid: str = Field(min_length=1, max_length=1024)
    upgrades: list[str] = Field(default=[], max_length=16)
    ping_interval: int = Field(alias="pingInterval", gt=0, le=MAX_INTERVAL)
    ping_timeout: int = Field(alias="pingTimeout", ge=0, le=MAX_INTERVAL)
    max_payload: int = Field(default=0, alias="maxPayload", ge=0)

    @classmethod
    def parse(cls, packet: str | bytes) -> Self:
        """Reads the packet.

        Raises:
            ConnectionFailed: it is another, or malformed.
        """
        if not isinstance(packet, str) or not packet.startswith("0"):
            raise ConnectionFailed(f"expected an Engine.IO handshake, got {packet[:40]!r}")
        try:
            return cls.model_validate_json(packet[1:])
        except ValidationError as error:
            where = ", ".join(".".join(map(str, each["loc"])) or "JSON" for each in error.errors(include_input=False))
            raise ConnectionFailed(f"expected an Engine.IO handshake; wrong in it: {where}") from None
