"""The FastAPI application: REST below /api/v1, the web client everywhere else."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import JSONResponse

from windsock_chat.domain.rate import PAGE
from windsock_chat.http.dependencies import Visitor
from windsock_chat.http.errors import install_error_handlers
from windsock_chat.http.routes import admin, auth, health, invitations, rooms, users
from windsock_chat.http.web import WebClient, web_routes
from windsock_chat.services import Services

# No body of the interface is larger than a few kilobytes; what is read before it is refused stays small.
MAX_BODY = 64 * 1024

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Api(FastAPI):
    """An application whose OpenAPI document also tells of the socket events, so that one document tells all types."""

    socket_schemas: Mapping[str, Any] = {}
    socket_events: Mapping[str, Any] = {}

    def openapi(self) -> dict[str, Any]:
        """The document: the events' schemas are among its components, and `x-socket-events` names them."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["schemas"].update(self.socket_schemas)
            document["x-socket-events"] = dict(self.socket_events)
        return super().openapi()


def create_api(
    services: Services, web: WebClient, socket_contract: tuple[dict[str, Any], dict[str, Any]], lifespan: Lifespan
) -> FastAPI:
    """REST over `services`, and the pages of `web`; `socket_contract` is the events' schemas and the list of them."""
    api = Api(
        title="Windsock chat",
        version="1",
        description="The REST interface of windsock-chat. What happens live travels over Socket.IO.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        max_body_size=MAX_BODY,
        generate_unique_id_function=lambda route: route.name,
    )
    api.socket_schemas, api.socket_events = socket_contract
    api.state.services = services
    v1 = APIRouter(prefix="/api/v1")
    for routes in (auth, users, admin, rooms, invitations, health):
        v1.include_router(routes.router)
    v1.add_api_route(
        "/openapi.json",
        lambda: JSONResponse(api.openapi()),
        dependencies=[Depends(Visitor(PAGE))],
        include_in_schema=False,
    )
    api.include_router(v1)
    api.include_router(web_routes(web))
    install_error_handlers(api)
    return api
