"""Rooms and their members."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from windsock_chat.domain.entry import LogPage
from windsock_chat.domain.room import MemberPage, Room, RoomKind, RoomPage
from windsock_chat.http.dependencies import Reader, Serving, Writer
from windsock_chat.http.errors import refusals
from windsock_chat.http.requests import LogQuery, NewDirectRoom, NewRoom, PageQuery, RoomChange, RoomSearch

router = APIRouter(prefix="/rooms", tags=["rooms"], responses=refusals(401, 403, 422, 429))


@router.get("")
async def list_rooms(principal: Reader, services: Serving) -> list[Room]:
    """The rooms that one is in."""
    return await services.rooms.mine(principal)


@router.get("/browse")
async def browse_rooms(query: Annotated[RoomSearch, Query()], principal: Reader, services: Serving) -> RoomPage:
    """The public rooms."""
    return await services.rooms.browse(principal, query.query, query.cursor, query.limit)


@router.post("", status_code=201, responses=refusals(409))
async def create_room(body: NewRoom, principal: Writer, services: Serving) -> Room:
    """Make a room and own it."""
    return await services.rooms.create(principal, RoomKind(body.kind), body.name, body.topic)


@router.post("/direct", responses=refusals(404, 409))
async def open_direct_room(body: NewDirectRoom, principal: Writer, services: Serving) -> Room:
    """The room of oneself and another person; it is made the first time."""
    return await services.rooms.open_direct(principal, body.user_id)


@router.get("/{room_id}", responses=refusals(404))
async def get_room(room_id: UUID, principal: Reader, services: Serving) -> Room:
    """A room that one is in, or a public one."""
    return await services.rooms.get(principal, room_id)


@router.patch("/{room_id}", responses=refusals(404, 409))
async def change_room(room_id: UUID, body: RoomChange, principal: Writer, services: Serving) -> Room:
    """Rename a room or set its topic: its owner, or an administrator who can see it."""
    return await services.rooms.change(principal, room_id, body.name, body.topic)


@router.post("/{room_id}/join", responses=refusals(404, 409))
async def join_room(room_id: UUID, principal: Writer, services: Serving) -> Room:
    """Join a public room, or a private one that one is invited to."""
    return await services.rooms.join(principal, room_id)


@router.post("/{room_id}/leave", status_code=204, responses=refusals(404, 409))
async def leave_room(room_id: UUID, principal: Writer, services: Serving) -> None:
    """Leave a room; when its last owner leaves, the longest member becomes one."""
    await services.rooms.leave(principal, room_id)


@router.get("/{room_id}/members", responses=refusals(404))
async def list_members(
    room_id: UUID, query: Annotated[PageQuery, Query()], principal: Reader, services: Serving
) -> MemberPage:
    """Who is in a room that one is in."""
    return await services.rooms.members(principal, room_id, query.cursor, query.limit)


@router.delete("/{room_id}/members/{user_id}", status_code=204, responses=refusals(404, 409))
async def remove_member(room_id: UUID, user_id: UUID, principal: Writer, services: Serving) -> None:
    """Put a member out: the room's owner, or an administrator who can see it."""
    await services.rooms.remove(principal, room_id, user_id)


@router.get("/{room_id}/log", responses=refusals(404))
async def read_log(room_id: UUID, query: Annotated[LogQuery, Query()], principal: Reader, services: Serving) -> LogPage:
    """A page of a room's log, in ascending order.

    Without `before` and `after`, the newest. More than 500 entries behind, `after` answers the newest page and `reset`.
    """
    return await services.log.page(principal, room_id, query.before, query.after, query.limit)
