"""The chat in the test's own process: no network, and a clock that the test moves."""

from pathlib import Path
from typing import Any, Final, cast

import httpx

from chat.tests.devices import Device, KitDevice
from chat.tests.server import SETTINGS, query
from windsock.testing import Harness
from windsock.types import TransportName
from windsock_chat.main import create_chat
from windsock_chat.settings import Settings

# Seconds after which somebody without a device is offline.
GRACE: Final = float(SETTINGS["WINDSOCK_CHAT_PRESENCE_GRACE_SECONDS"])

_PREFIX: Final = "WINDSOCK_CHAT_"


class ChatInside:
    """The chat over its ASGI application, with the settings of those in a process of their own.

    `harness` has its clock, and ends it.
    """

    url = "http://localhost"

    def __init__(self, harness: Harness, data: Path) -> None:
        self.harness = harness
        settings: dict[str, Any] = {
            name.removeprefix(_PREFIX).lower(): value for name, value in SETTINGS.items() if name.startswith(_PREFIX)
        }
        self._chat = create_chat(Settings(data=data, web=data, **settings))

    async def open(self) -> None:
        """Start it; it ends with the harness."""
        await self.harness.start(self._chat.asgi)

    def transport(self) -> httpx.AsyncBaseTransport:
        """See :class:`chat.tests.people.Place`."""
        return httpx.ASGITransport(self._chat.asgi)

    def device(self, token: object, transport: str) -> Device:
        """See :class:`chat.tests.people.Place`."""
        return KitDevice(self.harness, self._chat.io, self._chat.asgi, token, cast("TransportName", transport))

    def query(self, sql: str) -> list[Any]:
        """Rows of its database."""
        return query(self._chat.folder, sql)
