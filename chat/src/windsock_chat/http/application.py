"""The FastAPI application: REST below /api/v1, the web client everywhere else."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI

from windsock_chat.http.errors import install_error_handlers
from windsock_chat.http.routes import admin, auth, health, invitations, rooms, users
from windsock_chat.services import Services

# No body of the interface is larger than a few kilobytes; what is read before it is refused stays small.
MAX_BODY = 64 * 1024

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_api(
    services: Services, *, allowed_origins: tuple[str, ...], secure_cookies: bool, lifespan: Lifespan
) -> FastAPI:
    """Routes over `services`. `allowed_origins` are the sites, besides the server's own, whose pages may log in."""
    api = FastAPI(
        title="Windsock chat",
        version="1",
        description="The REST interface of windsock-chat. What happens live travels over Socket.IO.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        max_body_size=MAX_BODY,
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.services = services
    api.state.allowed_origins = allowed_origins
    api.state.secure_cookies = secure_cookies
    v1 = APIRouter(prefix="/api/v1")
    for routes in (auth, users, admin, rooms, invitations, health):
        v1.include_router(routes.router)
    api.include_router(v1)
    install_error_handlers(api)
    return api
