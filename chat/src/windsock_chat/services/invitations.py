"""Invitations to private rooms. Joining the room accepts one."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from windsock_chat.domain.errors import Conflict, NotFound
from windsock_chat.domain.events import InvitationClosed, InvitationReceived
from windsock_chat.domain.repositories import Store
from windsock_chat.domain.room import Invitation, RoomKind
from windsock_chat.domain.session import Principal
from windsock_chat.services.membership import check_member
from windsock_chat.services.sessions import confirm

# Invitations that may wait for one person: the list of them is one answer, and nobody can fill it further.
_PENDING_MAX: Final = 100


class Invitations:
    """Who is asked to join a private room."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mine(self, principal: Principal) -> list[Invitation]:
        """One's pending invitations, the newest first."""
        async with self._store.read() as work:
            return await work.invitations.mine(principal.user.id)

    async def invite(self, principal: Principal, room_id: UUID, user_id: UUID) -> Invitation:
        """Invite somebody to a private room that one is in; an invitation that is pending is returned.

        Raises `NotFound`, `NotMember`, `Conflict` (`not_private`, `already_member`, `too_many_invitations`).
        """
        async with self._store.write() as work:
            principal = await confirm(work, principal)
            standing = await check_member(work, principal, room_id)
            if standing.kind is not RoomKind.PRIVATE:
                raise Conflict("not_private", "Only private rooms need invitations.")
            account = await work.users.get(user_id)
            if account is None or account.banned_at is not None:
                raise NotFound("user")
            if await work.rooms.member(room_id, user_id) is not None:
                raise Conflict("already_member", "They are in the room already.")
            pending = await work.invitations.get(room_id, user_id)
            if pending is not None:
                return pending
            if len(await work.invitations.mine(user_id)) >= _PENDING_MAX:
                raise Conflict("too_many_invitations", "Too many invitations wait for them already.")
            await work.invitations.add(room_id, user_id, principal.user.id, datetime.now(UTC))
            invitation = await work.invitations.get(room_id, user_id)
            if invitation is None:
                raise NotFound("invitation")
            work.publish(InvitationReceived(user_id, invitation))
            return invitation

    async def decline(self, principal: Principal, room_id: UUID) -> None:
        """Decline an invitation; raises `NotFound`."""
        async with self._store.write() as work:
            principal = await confirm(work, principal)
            if await work.invitations.get(room_id, principal.user.id) is None:
                raise NotFound("invitation")
            await work.invitations.remove(room_id, principal.user.id)
            work.publish(InvitationClosed(principal.user.id, room_id))
