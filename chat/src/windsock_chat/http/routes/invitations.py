"""Invitations to private rooms. Joining the room accepts one."""

from uuid import UUID

from fastapi import APIRouter

from windsock_chat.domain.room import Invitation
from windsock_chat.http.dependencies import Reader, Serving, Writer
from windsock_chat.http.errors import refusals
from windsock_chat.http.requests import NewInvitation

router = APIRouter(tags=["invitations"], responses=refusals(401, 403, 422, 429))


@router.get("/invitations")
async def list_invitations(principal: Reader, services: Serving) -> list[Invitation]:
    """The rooms that one is invited to, the newest first."""
    return await services.invitations.mine(principal)


@router.post("/rooms/{room_id}/invitations", status_code=201, responses=refusals(404, 409))
async def invite(room_id: UUID, body: NewInvitation, principal: Writer, services: Serving) -> Invitation:
    """Invite somebody to a room that one is in."""
    return await services.invitations.invite(principal, room_id, body.user_id)


@router.delete("/rooms/{room_id}/invitations/me", status_code=204, responses=refusals(404))
async def decline_invitation(room_id: UUID, principal: Writer, services: Serving) -> None:
    """Decline an invitation."""
    await services.invitations.decline(principal, room_id)
