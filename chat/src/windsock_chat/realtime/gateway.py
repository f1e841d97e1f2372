"""Lets sockets in, and answers what they send."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter

from windsock import ConnectionRefused, EventError, Server, Socket
from windsock_chat.domain.entry import EntryKind
from windsock_chat.domain.errors import ChatError
from windsock_chat.domain.rate import CONNECT, UNKNOWN
from windsock_chat.domain.session import Principal
from windsock_chat.realtime import channels
from windsock_chat.realtime.contract import CLIENT_EVENTS
from windsock_chat.realtime.notices import TypingNotice
from windsock_chat.realtime.payloads import (
    DeleteMessage,
    EditMessage,
    EntryAck,
    Login,
    MarkRead,
    Payload,
    ReadAck,
    SendMessage,
    SetTyping,
    TypingAck,
)
from windsock_chat.realtime.publisher import SocketPublisher
from windsock_chat.services import Services
from windsock_chat.services.log import Submission

# Seconds after which a reader may take somebody who wrote for having stopped.
TYPING_EXPIRES: Final = 6

Answer = Callable[[Principal, Socket, Any], Awaitable[object]]
Handle = Callable[..., Awaitable[Any]]


class Gateway:
    """The handlers of one server's sockets."""

    def __init__(self, io: Server, services: Services, publisher: SocketPublisher) -> None:
        self._io = io
        self._services = services
        self._publisher = publisher
        io.on("connect")(self.connect)
        io.on("disconnect")(self.disconnect)
        io.use_event(self.limit)
        self._answer("message:send", self.send)
        self._answer("message:edit", self.edit)
        self._answer("message:delete", self.delete)
        self._answer("read", self.mark_read)
        self._answer("typing", self.set_typing)

    async def connect(self, socket: Socket, auth: Login) -> None:
        """Let a device in whose session goes on, and put it into its user's rooms."""
        try:
            await self._admit(socket, auth.token)
        except ChatError as error:
            data: dict[str, Any] = {"code": error.code, "retry_after": error.retry_after}
            raise ConnectionRefused(error.message, data) from None

    def disconnect(self, socket: Socket) -> None:
        """A device is gone that had been let in."""
        self._services.presences.depart(socket.data.user_id)

    async def limit(self, socket: Socket, event: str, arguments: tuple[Any, ...], handle: Handle) -> Any:
        """Let an event through within its rate; what it carries is not looked at before."""
        known = CLIENT_EVENTS.get(event)
        limit = UNKNOWN if known is None else known.rate
        try:
            await self._services.limiter.check_address(limit, socket.handshake.address)
            await self._services.limiter.check_user(limit, str(socket.data.user_id))
        except ChatError as error:
            raise _refusal(error) from None
        return await handle(*arguments)

    async def send(self, principal: Principal, socket: Socket, payload: SendMessage) -> EntryAck:
        """Write a message."""
        submission = Submission(payload.room_id, payload.client_id, EntryKind.MESSAGE, text=payload.text)
        return EntryAck(True, await self._services.log.submit(principal, submission))

    async def edit(self, principal: Principal, socket: Socket, payload: EditMessage) -> EntryAck:
        """Change the text of one's message."""
        submission = Submission(
            payload.room_id, payload.client_id, EntryKind.EDIT, text=payload.text, target_seq=payload.target_seq
        )
        return EntryAck(True, await self._services.log.submit(principal, submission))

    async def delete(self, principal: Principal, socket: Socket, payload: DeleteMessage) -> EntryAck:
        """Delete a message."""
        submission = Submission(payload.room_id, payload.client_id, EntryKind.DELETE, target_seq=payload.target_seq)
        return EntryAck(True, await self._services.log.submit(principal, submission))

    async def mark_read(self, principal: Principal, socket: Socket, payload: MarkRead) -> ReadAck:
        """Move one's read marker."""
        membership = await self._services.log.mark_read(principal, payload.room_id, payload.seq)
        return ReadAck(True, membership.last_read_seq, membership.unread_count)

    async def set_typing(self, principal: Principal, socket: Socket, payload: SetTyping) -> TypingAck:
        """Tell the others of the room, those who can take it now, and not one's own devices."""
        await self._services.log.check_member(principal, payload.room_id)
        user = principal.user
        notice = TypingNotice(payload.room_id, user.author(), payload.typing, TYPING_EXPIRES)
        others = self._io.in_(channels.of_room(payload.room_id)).except_(channels.of_user(user.id))
        others.volatile.emit("typing", self._publisher.dump("typing", notice))
        return TypingAck(True)

    def _answer(self, name: str, answer: Answer) -> None:
        """Register the answer to an event: as whom the session is, its refusals as errors."""
        event = CLIENT_EVENTS[name]
        ack: TypeAdapter[object] = TypeAdapter(event.ack)
        services = self._services

        async def handle(socket: Socket, payload: Payload) -> Any:
            try:
                principal = await services.accounts.resume(socket.data.session_id)
                return ack.dump_python(await answer(principal, socket, payload), mode="json")
            except ChatError as error:
                raise _refusal(error) from None

        # Windsock validates what comes by the handler's annotation, and tells the client's types by both.
        handle.__annotations__.update({"payload": event.payload, "return": event.ack})
        handle.__doc__ = answer.__doc__
        self._io.on(name)(handle)

    async def _admit(self, socket: Socket, token: str) -> None:
        services = self._services
        await services.limiter.check_address(CONNECT, socket.handshake.address)
        claims = services.accounts.claims(token)
        # Before the session is looked up: if it ends from now on, this socket is among those that are closed.
        socket.join(channels.of_user(claims.user_id), channels.of_session(claims.session_id))
        principal = await services.accounts.resume(claims.session_id)
        await services.limiter.check_user(CONNECT, str(principal.user.id))
        room_ids = await self._join_rooms(socket, principal.user.id)
        socket.data.user_id = principal.user.id
        socket.data.session_id = principal.session_id
        presence = principal.user.presence
        services.presences.arrive(principal.user.id, presence.last_seen if presence else None, room_ids)

    async def _join_rooms(self, socket: Socket, user_id: UUID) -> list[UUID]:
        """Join the user's rooms, and look once more: one that was left meanwhile would otherwise stay joined."""
        joined: set[UUID] = set()
        while (wanted := set(await self._services.rooms.ids(user_id))) != joined:
            socket.leave(channels.of_room(room_id) for room_id in joined - wanted)
            socket.join(channels.of_room(room_id) for room_id in wanted)
            joined = wanted
        return list(joined)


def _refusal(error: ChatError) -> EventError:
    return EventError(
        error.code, error.message, {} if error.retry_after is None else {"retry_after": error.retry_after}
    )
