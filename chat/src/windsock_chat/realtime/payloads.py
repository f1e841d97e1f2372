"""What clients send over a socket, and what it is acknowledged with."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from windsock_chat.domain import text
from windsock_chat.domain.entry import Entry
from windsock_chat.domain.log import SEQ_MAX

# An access token has about 350 characters.
TOKEN_MAX: Final = 2048

MessageText = Annotated[str, Field(min_length=1, max_length=text.MESSAGE_MAX), AfterValidator(text.message)]
Seq = Annotated[int, Field(ge=1, le=SEQ_MAX, strict=True)]


class Payload(BaseModel):
    """What an event carries: an unknown field is refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Login(Payload):
    """The handshake's `auth`."""

    token: Annotated[str, Field(min_length=1, max_length=TOKEN_MAX, pattern=r"^[A-Za-z0-9_.=-]+$")]


class SendMessage(Payload):
    """`client_id` is the sender's own name for the message: sent again, it is answered with the first answer."""

    room_id: UUID
    client_id: UUID
    text: MessageText


class EditMessage(Payload):
    room_id: UUID
    client_id: UUID
    target_seq: Seq
    text: MessageText


class DeleteMessage(Payload):
    room_id: UUID
    client_id: UUID
    target_seq: Seq


class MarkRead(Payload):
    """Everything up to `seq` has been read; a smaller one than before changes nothing."""

    room_id: UUID
    seq: Seq


class SetTyping(Payload):
    room_id: UUID
    typing: Annotated[bool, Field(strict=True)]


@dataclass(frozen=True, slots=True)
class EntryAck:
    """The change is committed, as `entry`."""

    ok: Literal[True]
    entry: Entry


@dataclass(frozen=True, slots=True)
class ReadAck:
    """The marker stands at `seq`."""

    ok: Literal[True]
    seq: int
    unread_count: int


@dataclass(frozen=True, slots=True)
class TypingAck:
    ok: Literal[True]
