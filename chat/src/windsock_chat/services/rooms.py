"""Rooms: making, finding, joining, leaving and governing them."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from windsock_chat.domain.entry import EntryKind
from windsock_chat.domain.errors import Conflict, NotFound
from windsock_chat.domain.events import (
    EntryAppended,
    InvitationClosed,
    PresenceChanged,
    RoomChanged,
    RoomLeft,
    RoomShown,
)
from windsock_chat.domain.repositories import NewEntry, Store, Taken, Work
from windsock_chat.domain.room import Member, MemberPage, MemberRole, Room, RoomKind, RoomPage
from windsock_chat.domain.session import Principal
from windsock_chat.domain.user import Author
from windsock_chat.services.membership import check_governor, check_member, check_visible, direct_room
from windsock_chat.services.presence import Presences
from windsock_chat.services.sessions import confirm

# Rooms that one person may be in: a socket joins all of them when it connects, and the list of them is one answer.
# Direct rooms count, whoever opens them: nobody can fill another's list further.
ROOMS_MAX: Final = 500


class Rooms:
    """Rooms and their members; every change of a room is an entry of its log."""

    def __init__(self, store: Store, presences: Presences) -> None:
        self._store = store
        self._presences = presences

    async def mine(self, principal: Principal) -> list[Room]:
        """The rooms that one is in."""
        async with self._store.read() as work:
            rooms = await work.rooms.mine(principal.user.id)
        return [self._presences.live_room(room) for room in rooms]

    async def ids(self, user_id: UUID) -> list[UUID]:
        """The ids of the rooms that a user is in."""
        async with self._store.read() as work:
            return await work.rooms.ids_of(user_id)

    async def browse(self, principal: Principal, query: str, cursor: UUID | None, limit: int) -> RoomPage:
        """The public rooms whose names contain the query."""
        async with self._store.read() as work:
            rooms = await work.rooms.browse(principal.user.id, query, cursor, limit + 1)
        return RoomPage(rooms[:limit], str(rooms[limit - 1].id) if len(rooms) > limit else None)

    async def get(self, principal: Principal, room_id: UUID) -> Room:
        """A room that one can see; raises `NotFound`."""
        async with self._store.read() as work:
            await check_visible(work, principal, room_id)
            return self._presences.live_room(await work.rooms.get(principal.user.id, room_id))

    async def create(self, principal: Principal, kind: RoomKind, name: str, topic: str) -> Room:
        """Make a public or private room and own it; raises `Conflict` (`too_many_rooms`)."""
        room_id, now = uuid4(), datetime.now(UTC)
        async with self._store.write() as work:
            principal = await confirm(work, principal)
            await _check_room_for_more(work, principal.user.id)
            await work.rooms.add(room_id, kind, name, topic, now, direct_key=None)
            return await self._enter(work, principal, room_id, MemberRole.OWNER)

    async def open_direct(self, principal: Principal, user_id: UUID) -> Room:
        """The direct room with somebody, made the first time; raises `NotFound`, `Conflict`."""
        if user_id == principal.user.id:
            raise Conflict("self_direct", "A direct room needs somebody else.")
        key = ":".join(sorted((str(principal.user.id), str(user_id)))).replace("-", "")
        try:
            async with self._store.write() as work:
                return await self._find_or_make_direct(work, principal, user_id, key)
        except Taken:
            # Both opened it at the same moment, on a database with many writers.
            async with self._store.write() as work:
                return await self._find_or_make_direct(work, principal, user_id, key)

    async def change(self, principal: Principal, room_id: UUID, name: str | None, topic: str | None) -> Room:
        """Rename a room or set its topic; None leaves a part as it is. Raises `NotFound`, `Forbidden`, `Conflict`."""
        async with self._store.write() as work:
            principal = await confirm(work, principal)
            await check_governor(work, principal, room_id)
            room = await work.rooms.get(principal.user.id, room_id)
            new_name = room.name if name is None else name
            await work.rooms.change(room_id, new_name, room.topic if topic is None else topic)
            if new_name != room.name:
                await _append(work, principal, room_id, EntryKind.RENAMED, text=new_name)
            await _tell_of_change(work, principal, room_id)
            return self._presences.live_room(await work.rooms.get(principal.user.id, room_id))

    async def join(self, principal: Principal, room_id: UUID) -> Room:
        """Join a public room, or a private one by invitation; raises `NotFound`, `Conflict` (`too_many_rooms`)."""
        async with self._store.write() as work:
            principal = await confirm(work, principal)
            standing = await work.rooms.standing(principal.user.id, room_id)
            if standing is None:
                raise NotFound("room")
            if standing.role is not None:
                return self._presences.live_room(await work.rooms.get(principal.user.id, room_id))
            invitation = await work.invitations.get(room_id, principal.user.id)
            if standing.kind is not RoomKind.PUBLIC and invitation is None:
                raise NotFound("room")
            await _check_room_for_more(work, principal.user.id)
            if invitation is not None:
                await work.invitations.remove(room_id, principal.user.id)
                work.publish(InvitationClosed(principal.user.id, room_id))
            # Whoever comes first into a room that all have left looks after it.
            role = MemberRole.MEMBER if await work.rooms.has_owner(room_id) else MemberRole.OWNER
            return await self._enter(work, principal, room_id, role)

    async def leave(self, principal: Principal, room_id: UUID) -> None:
        """Leave a room; raises `NotFound`, `NotMember`, `Conflict` (`direct_room`)."""
        async with self._store.write() as work:
            principal = await confirm(work, principal)
            standing = await check_member(work, principal, room_id)
            if standing.kind is RoomKind.DIRECT:
                raise direct_room()
            await self._put_out(work, principal, room_id, principal.user.author())

    async def remove(self, principal: Principal, room_id: UUID, user_id: UUID) -> None:
        """Put a member out; raises `NotFound`, `Forbidden`, `Conflict` (`direct_room`)."""
        async with self._store.write() as work:
            principal = await confirm(work, principal)
            await check_governor(work, principal, room_id)
            member = await work.rooms.member(room_id, user_id)
            if member is None:
                raise NotFound("member")
            await self._put_out(work, principal, room_id, member.user.author())

    async def members(self, principal: Principal, room_id: UUID, cursor: str | None, limit: int) -> MemberPage:
        """Who is in a room that one is in; raises `NotFound`, `NotMember`."""
        async with self._store.read() as work:
            await check_member(work, principal, room_id)
            found = await work.rooms.members(room_id, cursor, limit + 1)
        page = [Member(self._presences.live(member.user), member.role, member.joined_at) for member in found[:limit]]
        return MemberPage(page, page[-1].user.username if len(found) > limit else None)

    async def _enter(self, work: Work, principal: Principal, room_id: UUID, role: MemberRole) -> Room:
        user = principal.user
        await work.rooms.add_member(room_id, user.id, role, datetime.now(UTC))
        joined = NewEntry(room_id, EntryKind.JOINED, user.author(), datetime.now(UTC))
        entry = await work.log.append(joined)
        room = await work.rooms.get(user.id, room_id)
        # First the room, so that the newcomer's devices are in it when the entry goes out.
        work.publish(RoomShown(user.id, room))
        work.publish(EntryAppended(entry))
        work.publish(RoomChanged(room.id, room.name, room.topic, room.member_count))
        if user.presence is not None and self._presences.is_online(user.id):
            work.publish(PresenceChanged(user.id, user.presence, [room_id]))
        return room

    async def _put_out(self, work: Work, principal: Principal, room_id: UUID, member: Author) -> None:
        await work.rooms.remove_member(room_id, member.id)
        # First the departure, so that nothing more of the room reaches who has left.
        work.publish(RoomLeft(member.id, room_id))
        if member.id == principal.user.id:
            await _append(work, principal, room_id, EntryKind.LEFT)
        else:
            await _append(work, principal, room_id, EntryKind.REMOVED, subject=member)
        heir = await work.rooms.heir(room_id)
        if heir is not None and not await work.rooms.has_owner(room_id):
            await work.rooms.set_member_role(room_id, heir, MemberRole.OWNER)
            work.publish(RoomShown(heir, await work.rooms.get(heir, room_id)))
        await _tell_of_change(work, principal, room_id)

    async def _find_or_make_direct(self, work: Work, principal: Principal, user_id: UUID, key: str) -> Room:
        principal = await confirm(work, principal)
        if await work.users.get(user_id) is None:
            raise NotFound("user")
        room = await work.rooms.find_direct(principal.user.id, key)
        if room is None:
            for member_id in (principal.user.id, user_id):
                await _check_room_for_more(work, member_id)
            room_id, now = uuid4(), datetime.now(UTC)
            await work.rooms.add(room_id, RoomKind.DIRECT, None, "", now, direct_key=key)
            for member_id in (principal.user.id, user_id):
                await work.rooms.add_member(room_id, member_id, MemberRole.MEMBER, now)
            for member_id in (principal.user.id, user_id):
                shown = await work.rooms.get(member_id, room_id)
                work.publish(RoomShown(member_id, self._presences.live_room(shown)))
            room = await work.rooms.get(principal.user.id, room_id)
        return self._presences.live_room(room)


async def _check_room_for_more(work: Work, user_id: UUID) -> None:
    if len(await work.rooms.ids_of(user_id)) >= ROOMS_MAX:
        raise Conflict("too_many_rooms", f"One can be in at most {ROOMS_MAX} rooms.")


async def _append(
    work: Work,
    principal: Principal,
    room_id: UUID,
    kind: EntryKind,
    *,
    text: str | None = None,
    subject: Author | None = None,
) -> None:
    new = NewEntry(room_id, kind, principal.user.author(), datetime.now(UTC), text=text, subject=subject)
    work.publish(EntryAppended(await work.log.append(new)))


async def _tell_of_change(work: Work, principal: Principal, room_id: UUID) -> None:
    room = await work.rooms.get(principal.user.id, room_id)
    work.publish(RoomChanged(room.id, room.name, room.topic, room.member_count))
