"""The socket rooms that the chat uses: one for each room, one for each person, one for each session."""

from uuid import UUID


def of_room(room_id: UUID) -> str:
    """All devices of a room's members."""
    return f"room:{room_id}"


def of_user(user_id: UUID) -> str:
    """All devices of a person."""
    return f"user:{user_id}"


def of_session(session_id: UUID) -> str:
    """The sockets of one device."""
    return f"session:{session_id}"
