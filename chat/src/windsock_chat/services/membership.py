"""Where somebody stands in a room: asked before everything that is done in one."""

from uuid import UUID

from windsock_chat.domain.errors import Conflict, Forbidden, NotFound, NotMember
from windsock_chat.domain.repositories import Standing, Work
from windsock_chat.domain.room import MemberRole, RoomKind
from windsock_chat.domain.session import Principal
from windsock_chat.domain.user import Role


async def check_visible(work: Work, principal: Principal, room_id: UUID) -> Standing:
    """Raises `NotFound` unless the room is public or one is in it: who is outside learns nothing of a private room."""
    standing = await work.rooms.standing(principal.user.id, room_id)
    if standing is None or (standing.role is None and standing.kind is not RoomKind.PUBLIC):
        raise NotFound("room")
    return standing


async def check_member(work: Work, principal: Principal, room_id: UUID) -> Standing:
    """Raises `NotFound`, or `NotMember` for a public room that one is not in."""
    standing = await check_visible(work, principal, room_id)
    if standing.role is None:
        raise NotMember
    return standing


async def check_governor(work: Work, principal: Principal, room_id: UUID) -> Standing:
    """Raises unless one owns the room, or is an administrator who can see it; a direct room has no governor."""
    standing = await check_visible(work, principal, room_id)
    if standing.role is None and principal.user.role is not Role.ADMIN:
        raise NotMember
    if standing.kind is RoomKind.DIRECT:
        raise direct_room()
    if standing.role is not MemberRole.OWNER and principal.user.role is not Role.ADMIN:
        raise Forbidden("Only the room's owner may do this.")
    return standing


def direct_room() -> Conflict:
    """What is refused because it would change who is in a direct room, or what it is called."""
    return Conflict("direct_room", "A direct room belongs to its two members as it is.")
