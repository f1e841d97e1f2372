"""Who is online. Several devices are one person; a reload of the page is not a departure."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import structlog

from windsock_chat.domain.events import PresenceChanged, Publisher
from windsock_chat.domain.repositories import Store
from windsock_chat.domain.room import Room
from windsock_chat.domain.user import Account, Presence, User

_log = structlog.get_logger(__name__)


class Presences:
    """Counts the devices of each person; `grace` is how many seconds somebody without any still counts as online.

    What it holds is bounded by the connections there are, and by those that ended within the grace.
    """

    def __init__(self, store: Store, publisher: Publisher, grace: float) -> None:
        self._store = store
        self._publisher = publisher
        self._grace = grace
        self._devices: Counter[UUID] = Counter()
        self._leaving: dict[UUID, asyncio.TimerHandle] = {}
        self._farewells: set[asyncio.Task[None]] = set()

    def is_online(self, user_id: UUID) -> bool:
        return user_id in self._devices or user_id in self._leaving

    def of(self, account: Account) -> Presence:
        """The account's presence now."""
        return Presence(self.is_online(account.id), account.last_seen)

    def live(self, user: User) -> User:
        """The user with the presence of now, where one is shown at all."""
        if user.presence is None:
            return user
        return replace(user, presence=replace(user.presence, online=self.is_online(user.id)))

    def live_room(self, room: Room) -> Room:
        """The room with its peer's presence of now."""
        return room if room.peer is None else replace(room, peer=self.live(room.peer))

    def arrive(self, user_id: UUID, last_seen: datetime | None, room_ids: list[UUID]) -> None:
        """One more device is connected; those in the rooms hear of it when it is the first."""
        was_online = self.is_online(user_id)
        if timer := self._leaving.pop(user_id, None):
            timer.cancel()
        self._devices[user_id] += 1
        if not was_online:
            presence = Presence(online=True, last_seen=last_seen)
            self._publisher.publish(PresenceChanged(user_id, presence, room_ids))

    def depart(self, user_id: UUID) -> None:
        """One device fewer; after the last, the person is offline once the grace has passed."""
        self._devices[user_id] -= 1
        if self._devices[user_id] <= 0:
            del self._devices[user_id]
            self._leaving[user_id] = asyncio.get_running_loop().call_later(self._grace, self._leave, user_id)

    async def close(self) -> None:
        """Everybody leaves, as the server does."""
        everybody = [*self._devices, *self._leaving]
        for timer in self._leaving.values():
            timer.cancel()
        self._devices.clear()
        self._leaving.clear()
        await asyncio.gather(*self._farewells)
        if everybody:
            async with self._store.write() as work:
                await work.users.set_last_seen(everybody, datetime.now(UTC))

    def _leave(self, user_id: UUID) -> None:
        del self._leaving[user_id]
        task = asyncio.get_running_loop().create_task(self._say_farewell(user_id))
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    async def _say_farewell(self, user_id: UUID) -> None:
        now = datetime.now(UTC)
        try:
            async with self._store.write() as work:
                await work.users.set_last_seen([user_id], now)
                # Somebody who is back by now has been announced by `arrive`, which must stay the last word.
                if not self.is_online(user_id):
                    rooms = await work.rooms.ids_of(user_id)
                    work.publish(PresenceChanged(user_id, Presence(online=False, last_seen=now), rooms))
        except Exception:  # noqa: BLE001 - nobody awaits this task: what goes wrong is logged, presence is a courtesy
            _log.exception("presence not stored", user_id=str(user_id))
