"""What a client leaves unread is closed with its session."""

from __future__ import annotations

import aiohttp


class KeptAnswers:
    """A session of aiohttp, and the answers that came in it.

    python-socketio looks only at the status of what answers its posts. Where the body comes after the session was
    closed, the connection stays with the answer, and the garbage collector complains of it in a later test. Reading
    each answer here is no way out: the client's disconnecting depends on when its post ends.

    Attributes:
        session: what the client is given.
    """

    def __init__(self) -> None:
        self.session = aiohttp.ClientSession(middlewares=(self._keep,))
        self._answers: list[aiohttp.ClientResponse] = []

    async def close(self) -> None:
        """Closes the session, with each answer that was not read to its end."""
        for answer in self._answers:
            answer.close()
        await self.session.close()

    async def _keep(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        answer = await handler(request)
        self._answers.append(answer)
        return answer
