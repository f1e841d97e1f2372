"""What the chat does, whoever asks and however: each service is one noun's verbs, with the checks they need."""

from dataclasses import dataclass

from windsock_chat.auth.passwords import Passwords
from windsock_chat.auth.tokens import AccessTokens, Lifetimes
from windsock_chat.domain.events import Publisher
from windsock_chat.domain.rate import RateLimiter
from windsock_chat.domain.repositories import Store
from windsock_chat.services.accounts import Accounts
from windsock_chat.services.invitations import Invitations
from windsock_chat.services.log import Log
from windsock_chat.services.moderation import Moderation
from windsock_chat.services.people import People
from windsock_chat.services.presence import Presences
from windsock_chat.services.rooms import Rooms


@dataclass(frozen=True, slots=True)
class Services:
    """All of them."""

    store: Store
    limiter: RateLimiter
    accounts: Accounts
    people: People
    moderation: Moderation
    rooms: Rooms
    invitations: Invitations
    log: Log
    presences: Presences


def create_services(
    store: Store,
    publisher: Publisher,
    limiter: RateLimiter,
    passwords: Passwords,
    tokens: AccessTokens,
    lifetimes: Lifetimes,
    *,
    sign_up_open: bool,
    presence_grace: float,
) -> Services:
    """The services over a store; `presence_grace` is in seconds."""
    presences = Presences(store, publisher, presence_grace)
    accounts = Accounts(store, presences, limiter, passwords, tokens, lifetimes, sign_up_open=sign_up_open)
    return Services(
        store=store,
        limiter=limiter,
        accounts=accounts,
        people=People(store, presences),
        moderation=Moderation(store, presences),
        rooms=Rooms(store, presences),
        invitations=Invitations(store),
        log=Log(store),
        presences=presences,
    )
