"""Sign-up, log-in, log-out.

The refresh token travels in a cookie that scripts cannot read and other sites cannot send; the routes that read it also
check the Origin, so a browser that ignores SameSite does not help a forger either.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Cookie, Depends, Request, Response

from windsock_chat.domain.errors import Forbidden
from windsock_chat.domain.rate import LOG_IN, REFRESH, SIGN_UP
from windsock_chat.domain.session import Session
from windsock_chat.http.dependencies import Bearer, Serving, Visitor, Writer
from windsock_chat.http.errors import refusals
from windsock_chat.http.requests import LogIn, SignUp
from windsock_chat.services.accounts import Grant

COOKIE: Final = "windsock_refresh"
_PATH: Final = "/api/v1/auth"

RefreshCookie = Annotated[
    str | None, Cookie(alias=COOKIE, min_length=1, max_length=128, description="The refresh token.")
]


def check_origin(request: Request) -> None:
    """Refuse a request that a page of another site made. A program that is no browser sends no Origin."""
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
            raise Forbidden("This request came from another site.", "wrong_origin")
        return
    # The scheme is the proxy's business where one ends TLS, so only the host and port are compared.
    if origin.partition("://")[2].lower() != request.headers.get("host", "").lower():
        raise Forbidden("This request came from another site.", "wrong_origin")


router = APIRouter(prefix="/auth", tags=["auth"], dependencies=[Depends(check_origin)])


def _hand_out(grant: Grant, request: Request, response: Response) -> Session:
    response.set_cookie(
        COOKIE,
        grant.refresh_token,
        max_age=grant.refresh_seconds,
        path=_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return grant.session


@router.post(
    "/sign-up",
    status_code=201,
    dependencies=[Depends(Visitor(SIGN_UP))],
    responses=refusals(403, 409, 422, 429),
)
async def sign_up(body: SignUp, request: Request, response: Response, services: Serving) -> Session:
    """Open an account and log in; the first account is an administrator's."""
    grant = await services.accounts.sign_up(body.username, body.display_name, body.password)
    return _hand_out(grant, request, response)


@router.post("/log-in", dependencies=[Depends(Visitor(LOG_IN))], responses=refusals(401, 403, 422, 429))
async def log_in(body: LogIn, request: Request, response: Response, services: Serving) -> Session:
    """Begin a session on this device."""
    return _hand_out(await services.accounts.log_in(body.username, body.password), request, response)


@router.post("/refresh", dependencies=[Depends(Visitor(REFRESH))], responses=refusals(401, 403, 422, 429))
async def refresh(
    request: Request, response: Response, services: Serving, windsock_refresh: RefreshCookie = None
) -> Session:
    """Exchange the cookie's refresh token for the next one and a new access token."""
    return _hand_out(await services.accounts.refresh(windsock_refresh), request, response)


@router.post("/log-out", status_code=204, dependencies=[Depends(Visitor(REFRESH))], responses=refusals(403, 422, 429))
async def log_out(
    response: Response, services: Serving, bearer: Bearer, windsock_refresh: RefreshCookie = None
) -> None:
    """End this device's session and close its sockets. Nothing happens where there is none."""
    await services.accounts.log_out(windsock_refresh, bearer.credentials if bearer else None)
    response.delete_cookie(COOKIE, path=_PATH, httponly=True, samesite="strict")


@router.post("/log-out-everywhere", status_code=204, responses=refusals(401, 403, 429))
async def log_out_everywhere(principal: Writer, response: Response, services: Serving) -> None:
    """End all sessions of the account, this one included, and close their sockets."""
    await services.accounts.log_out_everywhere(principal)
    response.delete_cookie(COOKIE, path=_PATH, httponly=True, samesite="strict")
