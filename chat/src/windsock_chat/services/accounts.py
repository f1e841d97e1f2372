from dataclasses import dataclass
from windsock_chat.domain.session import Session


@dataclass(frozen=True, slots=True)
class Grant:
    session: Session
    refresh_token: str
    refresh_seconds: int
