"""People and their profiles."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from windsock_chat.domain.user import User, UserPage
from windsock_chat.http.dependencies import Reader, Serving, Writer
from windsock_chat.http.errors import refusals
from windsock_chat.http.requests import ProfileChange, Search

router = APIRouter(prefix="/users", tags=["users"], responses=refusals(401, 403, 422, 429))


@router.get("/me")
async def get_me(principal: Reader) -> User:
    """One's own profile."""
    return principal.user


@router.patch("/me")
async def change_me(body: ProfileChange, principal: Writer, services: Serving) -> User:
    """Change one's own profile; those who share a room see it at once."""
    return await services.people.change(principal, body.display_name, body.about)


@router.get("")
async def search_users(query: Annotated[Search, Query()], principal: Reader, services: Serving) -> UserPage:
    """Those whose username or display name contains the query."""
    return await services.people.search(principal, query.query, query.cursor, query.limit)


@router.get("/{user_id}", responses=refusals(404))
async def get_user(user_id: UUID, principal: Reader, services: Serving) -> User:
    """One person's profile."""
    return await services.people.get(principal, user_id)
