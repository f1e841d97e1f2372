"""Every refusal of the REST interface, in one shape."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from windsock_chat.domain.errors import Busy, ChatError, Conflict, Forbidden, NotFound, RateLimited, Unauthorized
from windsock_chat.domain.rate import PAGE
from windsock_chat.http.dependencies import address_of, services_of


class ErrorDetail(BaseModel):
    """One thing that is wrong with a request: where, what, and pydantic's name for it."""

    loc: list[str | int]
    msg: str
    type: str


class ErrorInfo(BaseModel):
    code: str
    message: str
    details: list[ErrorDetail] | None = None
    retry_after: int | None = None


class ErrorBody(BaseModel):
    """What every refusal answers; `retry_after`, in seconds, also stands in the Retry-After header."""

    error: ErrorInfo


_STATUS: Final[Mapping[type[ChatError], int]] = {
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    RateLimited: 429,
    Busy: 503,
}

_DESCRIPTIONS: Final[Mapping[int, str]] = {
    401: "Nobody is logged in, or the credentials are wrong.",
    403: "The user may not do this.",
    404: "There is no such thing, or the user may not know that there is.",
    409: "It contradicts what is already there.",
    422: "The request is not valid.",
    429: "Too many requests; Retry-After says when to come back.",
}

_HTTP_CODES: Final[Mapping[int, str]] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
}

# A body of 64 kB may have ten thousand faults; whoever wrote it sees the point after some.
_DETAILS_MAX: Final = 20
# Characters of a field's name that an error repeats.
_NAME_MAX: Final = 64


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of the refusals that a route may answer."""
    return {status: {"model": ErrorBody, "description": _DESCRIPTIONS[status]} for status in statuses}


def answer(status: int, error: ErrorInfo, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error response."""
    all_headers = dict(headers or {})
    if error.retry_after is not None:
        all_headers["Retry-After"] = str(error.retry_after)
    if status == 401:
        all_headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": error.model_dump(exclude_none=True)}, status, all_headers)


def install_error_handlers(app: FastAPI) -> None:
    """Make the application answer every error with an `ErrorBody`."""
    app.add_exception_handler(ChatError, _refuse)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ChatError)
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)
    return answer(status, ErrorInfo(code=error.code, message=error.message, retry_after=error.retry_after))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    if any(item["type"] == "json_invalid" for item in errors) and (refusal := await _uncounted(request)):
        return refusal
    # Neither the input nor the context is repeated: they may hold a password.
    details = [
        ErrorDetail(loc=[_place(part) for part in item["loc"]], msg=str(item["msg"]), type=str(item["type"]))
        for item in errors[:_DETAILS_MAX]
    ]
    return answer(422, ErrorInfo(code="invalid_payload", message="The request is not valid.", details=details))


def _place(part: str | int) -> str | int:
    """A step of an error's location. An unknown field's name is the client's: long, or not even Unicode."""
    if isinstance(part, int):
        return part
    return part[:_NAME_MAX].encode("utf-8", "replace").decode()


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code != 404 and (refusal := await _uncounted(request)):
        return refusal
    code = _HTTP_CODES.get(error.status_code, "bad_request")
    return answer(error.status_code, ErrorInfo(code=code, message=str(error.detail)), error.headers)


async def _uncounted(request: Request) -> JSONResponse | None:
    """Count a request that the framework refused before any route could: its body, or its method, is none.

    Answers the refusal when there are too many of them from an address. (404 is a route's own, and counted there.)
    """
    try:
        await services_of(request).limiter.check_address(PAGE, address_of(request))
    except ChatError as error:
        return await _refuse(request, error)
    return None


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The framework raises it again once this is sent, and the server logs it.
    return answer(500, ErrorInfo(code="internal_error", message="Something went wrong on the server."))
