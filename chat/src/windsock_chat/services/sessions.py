"""Whether a session goes on, and as whom: asked before everything that is done in it."""

from dataclasses import replace
from uuid import UUID

from windsock_chat.domain.errors import Banned, Unauthorized
from windsock_chat.domain.repositories import Work
from windsock_chat.domain.session import Principal
from windsock_chat.domain.user import Account


async def account_of(work: Work, session_id: UUID) -> Account:
    """The account whose session it is; raises `Unauthorized` when it has ended, `Banned`."""
    state = await work.sessions.get(session_id)
    if state is None:
        raise Unauthorized("The session has ended.")
    check_ban(state.account)
    if state.ended:
        raise Unauthorized("The session has ended.")
    return state.account


async def confirm(work: Work, principal: Principal) -> Principal:
    """Who asks, as they are in this transaction; raises `Unauthorized`, `Banned`.

    What writes waits for its turn. Whoever was banned, logged out or no longer an admin meanwhile writes nothing more
    once that has been answered, and what they leave as it is stays as it is now.
    """
    account = await account_of(work, principal.session_id)
    return replace(principal, user=account.user(principal.user.presence))


def check_ban(account: Account) -> None:
    """Raises `Banned` when the account is."""
    if account.banned_at is not None:
        raise Banned(account.ban_reason)
