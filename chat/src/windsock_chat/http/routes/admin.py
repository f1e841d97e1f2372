"""What administrators do to accounts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from windsock_chat.domain.user import Account, AccountPage
from windsock_chat.http.dependencies import AdminReader, AdminWriter, Serving
from windsock_chat.http.errors import refusals
from windsock_chat.http.requests import AccountChange, Ban, Search

router = APIRouter(prefix="/admin", tags=["admin"], responses=refusals(401, 403, 422, 429))


@router.get("/users")
async def list_accounts(query: Annotated[Search, Query()], principal: AdminReader, services: Serving) -> AccountPage:
    """All accounts, banned ones included."""
    return await services.moderation.page(principal, query.query, query.cursor, query.limit)


@router.patch("/users/{user_id}", responses=refusals(404, 409))
async def change_account(user_id: UUID, body: AccountChange, principal: AdminWriter, services: Serving) -> Account:
    """Make somebody an administrator, or no longer; the last one stays."""
    return await services.moderation.set_role(principal, user_id, body.role)


@router.post("/users/{user_id}/ban", responses=refusals(404, 409))
async def ban(user_id: UUID, body: Ban, principal: AdminWriter, services: Serving) -> Account:
    """Close an account: its sessions end and its sockets are closed at once."""
    return await services.moderation.ban(principal, user_id, body.reason)


@router.post("/users/{user_id}/reinstate", responses=refusals(404))
async def reinstate(user_id: UUID, principal: AdminWriter, services: Serving) -> Account:
    """Open a banned account again."""
    return await services.moderation.reinstate(principal, user_id)
