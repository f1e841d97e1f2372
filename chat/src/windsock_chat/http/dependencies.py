"""What routes ask for: the services, and who is calling, within the rate that each route names."""

from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from windsock_chat.domain.errors import Forbidden
from windsock_chat.domain.rate import READ, WRITE, Rate
from windsock_chat.domain.session import Principal
from windsock_chat.domain.user import Role
from windsock_chat.services import Services

_BEARER: Final = HTTPBearer(auto_error=False, scheme_name="access_token", description="A session's access_token.")


def services_of(request: Request) -> Services:
    """The application's services, put into its state when it was made."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


Serving = Annotated[Services, Depends(services_of)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]


def address_of(request: Request) -> str:
    """The caller's network address; the proxies that are trusted have been looked through by now."""
    return request.client.host if request.client else "unknown"


class Visitor:
    """Anybody, logged in or not, within the rate of an address."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate

    async def __call__(self, request: Request, services: Serving) -> str:
        address = address_of(request)
        await services.limiter.check_address(self.rate, address)
        return address


class Caller:
    """Somebody who is logged in, within the rates of an address and of a user."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate

    async def __call__(self, request: Request, services: Serving, bearer: Bearer) -> Principal:
        await services.limiter.check_address(self.rate, address_of(request))
        principal = await services.accounts.authenticate(bearer.credentials if bearer else None)
        await services.limiter.check_user(self.rate, str(principal.user.id))
        return principal


class Administrator(Caller):
    """An admin, within the same rates."""

    async def __call__(self, request: Request, services: Serving, bearer: Bearer) -> Principal:
        principal = await super().__call__(request, services, bearer)
        if principal.user.role is not Role.ADMIN:
            raise Forbidden("Only an administrator may do this.")
        return principal


Reader = Annotated[Principal, Depends(Caller(READ))]
Writer = Annotated[Principal, Depends(Caller(WRITE))]
AdminReader = Annotated[Principal, Depends(Administrator(READ))]
AdminWriter = Annotated[Principal, Depends(Administrator(WRITE))]
