"""What the chat refuses, and why. The HTTP and socket layers give each its status or acknowledgement."""


class ChatError(Exception):
    """Root of every refusal.

    `code` is for programs and never changes; `message` is for people; `retry_after`, in whole seconds, says when the
    same request may succeed, and is None where waiting does not help.
    """

    def __init__(self, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after


class Unauthorized(ChatError):
    """Nobody is logged in, or the credentials are wrong."""

    def __init__(self, message: str = "Log in first.", code: str = "unauthorized") -> None:
        super().__init__(code, message)


class Forbidden(ChatError):
    """The user is known and may not do this."""

    def __init__(self, message: str, code: str = "forbidden") -> None:
        super().__init__(code, message)


class Banned(Forbidden):
    """The account is banned."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(f"This account is banned: {reason}" if reason else "This account is banned.", "banned")


class NotMember(Forbidden):
    """The room is public, and reading it or writing in it needs membership."""

    def __init__(self) -> None:
        super().__init__("Join the room first.", "not_member")


class NotFound(ChatError):
    """There is no such thing, or the user may not know that there is."""

    def __init__(self, what: str) -> None:
        super().__init__("not_found", f"There is no such {what}.")


class Conflict(ChatError):
    """The request contradicts what is already there; `code` says how."""


class RateLimited(ChatError):
    """Too many requests; `retry_after` is always given."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("rate_limited", f"Too many requests. Try again in {retry_after} s.", retry_after=retry_after)


class Busy(ChatError):
    """The server has more work waiting than it will queue."""

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__("busy", f"The server is busy. Try again in {retry_after} s.", retry_after=retry_after)
