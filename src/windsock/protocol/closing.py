"""Close codes of WebSocket connections, and what they tell a client (RFC 6455, section 7.4; IANA's registry)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class CloseCode(IntEnum):
    """Why a connection was closed. Codes from 4000 on are the application's."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005
    ABNORMAL = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MISSING_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014


_PASSING: Final = frozenset({1001, 1006, 1011, 1012, 1013, 1014})


def may_come_back(code: int) -> bool:
    """Whether a client whose connection ended with this code is to connect again by itself, after a while.

    After 1001, 1006 and 1011 to 1014: what was wrong will be over. Any other code says that the same would happen
    again, or that the client is not wanted.
    """
    return code in _PASSING
