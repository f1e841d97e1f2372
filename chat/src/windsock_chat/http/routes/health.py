"""Whether the server works, for whoever watches it."""

from dataclasses import dataclass

from fastapi import APIRouter, Depends

from windsock_chat.domain.rate import PAGE
from windsock_chat.http.dependencies import Serving, Visitor

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class Health:
    """`ok` once the database has answered."""

    status: str


@router.get("/health", dependencies=[Depends(Visitor(PAGE))])
async def health(services: Serving) -> Health:
    """Answers once the database has."""
    await services.store.check()
    return Health("ok")
