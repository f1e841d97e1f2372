"""The logs of the rooms: writing to them once, and reading them without holes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from windsock_chat.domain.entry import Entry, EntryKind, LogPage
from windsock_chat.domain.errors import Conflict, Forbidden, NotFound
from windsock_chat.domain.events import EntryAppended, RoomRead
from windsock_chat.domain.log import window
from windsock_chat.domain.repositories import NewEntry, SentEntry, Standing, Store, Taken, Work
from windsock_chat.domain.room import MemberRole, Membership, RoomKind
from windsock_chat.domain.session import Principal
from windsock_chat.domain.user import Role
from windsock_chat.services.membership import check_member
from windsock_chat.services.sessions import confirm


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody asks to have written, under their own `client_id`."""

    room_id: UUID
    client_id: UUID
    kind: EntryKind
    text: str | None = None
    target_seq: int | None = None


class Log:
    """Every method checks anew that one is in the room, and raises `NotFound` or `NotMember` when not."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self, principal: Principal, room_id: UUID, before: int | None, after: int | None, limit: int
    ) -> LogPage:
        """The newest page, that before `before`, or that after `after`; see `domain.log.window`."""
        async with self._store.read() as work:
            standing = await check_member(work, principal, room_id)
            wanted = window(standing.last_seq, before=before, after=after, limit=limit)
            entries = await work.log.between(room_id, wanted.first, wanted.last)
        return LogPage(entries, standing.last_seq, wanted.has_more, wanted.reset)

    async def submit(self, principal: Principal, submission: Submission) -> Entry:
        """Write a message, an edit or a deletion, once: a retry is answered with what the first try wrote.

        Raises `Conflict` (`client_id_reused`) when something else was sent under the `client_id`, `Conflict`
        (`message_deleted`), `NotFound` when there is no such message, `Forbidden` when it is not theirs to change.
        """
        try:
            async with self._store.write() as work:
                return await self._write(work, await confirm(work, principal), submission)
        except Taken:
            async with self._store.read() as work:
                await check_member(work, principal, submission.room_id)
                sent = await work.log.sent(principal.user.id, submission.client_id)
            if sent is None:
                raise
            return _first_answer(sent, submission)

    async def mark_read(self, principal: Principal, room_id: UUID, seq: int) -> Membership:
        """Move one's marker forward to `seq`, or to the room's newest entry if that is less; never back."""
        user_id = principal.user.id
        async with self._store.write() as work:
            await confirm(work, principal)
            standing = await check_member(work, principal, room_id)
            seq = min(seq, standing.last_seq)
            moved = standing.last_read_seq is not None and seq > standing.last_read_seq
            if moved:
                await work.rooms.mark_read(room_id, user_id, seq)
            membership = (await work.rooms.get(user_id, room_id)).membership
            if membership is None:
                raise NotFound("room")
            if moved:
                work.publish(RoomRead(user_id, room_id, membership.last_read_seq, membership.unread_count))
        return membership

    async def check_member(self, principal: Principal, room_id: UUID) -> None:
        """Nothing but the check."""
        async with self._store.read() as work:
            await check_member(work, principal, room_id)

    async def _write(self, work: Work, principal: Principal, submission: Submission) -> Entry:
        standing = await check_member(work, principal, submission.room_id)
        now = datetime.now(UTC)
        # Before the target is looked at: a retry must come out as one, though its target has changed since.
        entry = await work.log.append(
            NewEntry(
                room_id=submission.room_id,
                kind=submission.kind,
                author=principal.user.author(),
                created_at=now,
                text=submission.text,
                target_seq=submission.target_seq,
                client_id=submission.client_id,
            )
        )
        if submission.target_seq is not None:
            await _check_target(work, principal, standing, submission, submission.target_seq)
            if submission.text is None:
                await work.log.erase(entry.room_id, submission.target_seq, entry.seq, now)
            else:
                await work.log.revise(entry.room_id, submission.target_seq, submission.text, entry.seq, now)
        work.publish(EntryAppended(entry))
        return entry


def _first_answer(sent: SentEntry, submission: Submission) -> Entry:
    entry = sent.entry
    same_place = (entry.room_id, entry.kind, entry.target_seq) == (
        submission.room_id,
        submission.kind,
        submission.target_seq,
    )
    # The text of what has been deleted since cannot be compared any more.
    if same_place and sent.text in (submission.text, None):
        return entry
    raise Conflict("client_id_reused", "Something else was sent under this client_id.")


async def _check_target(
    work: Work, principal: Principal, standing: Standing, submission: Submission, target_seq: int
) -> None:
    target = await work.log.get(submission.room_id, target_seq)
    if target is None or target.kind is not EntryKind.MESSAGE:
        raise NotFound("message")
    is_author = target.author.id == principal.user.id
    # Nobody governs a direct room.
    governs = standing.kind is not RoomKind.DIRECT and (
        standing.role is MemberRole.OWNER or principal.user.role is Role.ADMIN
    )
    if not is_author and not (governs and submission.kind is EntryKind.DELETE):
        raise Forbidden("Only its author may change a message.")
    if target.deleted:
        raise Conflict("message_deleted", "The message has been deleted.")
