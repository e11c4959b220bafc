"""Writes of which each is done once, however often it has to be asked for.

Source: thesis §6.3. The cluster remembers the answers to a session's numbered writes.
So a write whose answer is lost is asked for again, by itself and on any member, and
answered as the first time. What bounds the promise is the session: when it has ended, a
write is refused, never done a second time (docs/guide/exactly-once.md).
"""

from types import TracebackType
from typing import Final, Self

import msgspec

from raftwerk.client.endpoints import Endpoints
from raftwerk.client.http import Answer, Request
from raftwerk.client.kv import KeyCalls
from raftwerk.errors import NotProposed, OutcomeUnknown, RequestError

__all__ = ["Numbers", "Session", "SessionCalls"]

_HEADER: Final = "Raftwerk-Session"


class Numbers:
    """What a session has to remember, to go on with it elsewhere or later.

    Parameters
    ----------
    session_id : int
        Names the session on all members.
    next_sequence : int
        The number of the next write.

    Attributes
    ----------
    session_id : int
        As given.
    next_sequence : int
        One more than the last that was used.
    """

    def __init__(self, session_id: int, next_sequence: int = 1) -> None:
        self.session_id = session_id
        self.next_sequence = next_sequence
        self._open: set[int] = set()

    def take(self) -> int:
        """Return the number of a new write.

        Returns
        -------
        int
            Never given before.
        """
        sequence, self.next_sequence = self.next_sequence, self.next_sequence + 1
        return sequence

    def begin(self, sequence: int) -> str:
        """Know that a write is asked for, and return the header that names it.

        Parameters
        ----------
        sequence : int
            Its number.

        Returns
        -------
        str
            With the lowest number that may still be asked for.
        """
        self._open.add(sequence)
        lowest = min(self._open)
        return f"{self.session_id}; sequence={sequence}; lowest={lowest}"

    def end(self, sequence: int) -> None:
        """Know that a write will not be asked for again.

        Parameters
        ----------
        sequence : int
            Its number.
        """
        self._open.discard(sequence)


class Session(KeyCalls):
    """Puts, deletes and transactions that are done once each; reads as ever.

    Made by `Client.open_session` or `Client.session`. What it raises as
    `OutcomeUnknown` may be asked for again by `repeat`.

    Parameters
    ----------
    endpoints : Endpoints
        Where members answer.
    numbers : Numbers
        The session's id, and how far its numbers are.
    path : str
        Where sessions are opened and closed.
    repeated : int, optional
        The number of the next write, if that is asked for again.

    Attributes
    ----------
    last_sequence : int
        The number of the write that was asked for last; 0 if there was none.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        numbers: Numbers,
        path: str,
        repeated: int | None = None,
    ) -> None:
        super().__init__(endpoints)
        self._numbers = numbers
        self._path = path
        self._repeated = repeated
        self.last_sequence = 0

    @property
    def session_id(self) -> int:
        """The number by which all members know the session."""
        return self._numbers.session_id

    @property
    def next_sequence(self) -> int:
        """The number of the next write."""
        return self._numbers.next_sequence

    def repeat(self, sequence: int) -> "Session":
        """Return this session for one write that is asked for again.

        Parameters
        ----------
        sequence : int
            The number that it had: `last_sequence` after it, or `next_sequence` before.

        Returns
        -------
        Session
            Its next write is the one of that number: the same as then.
        """
        return Session(self._endpoints, self._numbers, self._path, sequence)

    def give_up(self, sequence: int) -> None:
        """Never ask for a write again, so that the cluster need not remember it.

        Parameters
        ----------
        sequence : int
            Of a write whose outcome stayed unknown.
        """
        self._numbers.end(sequence)

    async def _write(self, request: Request) -> Answer:
        """Ask for a numbered write, again and again until somebody answers in time."""
        sequence, self._repeated = self._repeated, None
        if sequence is None:
            sequence = self._numbers.take()
        self.last_sequence = sequence
        headers = {_HEADER: self._numbers.begin(sequence)}
        request = msgspec.structs.replace(request, headers=headers)
        try:
            answer = await self._endpoints.ask(
                request, is_read=False, is_done_once=True
            )
        except OutcomeUnknown as lost:
            raise OutcomeUnknown(
                f"{lost}; it is number {sequence} of session {self.session_id}, and may"
                " be asked for again by that"
            ) from None
        except RequestError:
            self._numbers.end(sequence)  # it is refused for good, or never happened
            raise
        self._numbers.end(sequence)
        return answer

    async def close(self) -> None:
        """End the session; if nobody hears of it, it ends by itself later."""
        path = f"{self._path}/{self.session_id}"
        try:
            # To close it twice does no harm, so it may be asked for as a read may.
            await self._endpoints.ask(Request(method="DELETE", path=path), is_read=True)
        except NotProposed:
            pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class _Opened(msgspec.Struct):
    """A session, as the documented API shows it."""

    id: int


class _Envelope(msgspec.Struct):
    """The form of its answers."""

    data: _Opened


class SessionCalls:
    """Opens sessions through any member.

    Parameters
    ----------
    endpoints : Endpoints
        Where members answer.
    api_prefix : str
        Where their documented API begins.
    """

    def __init__(self, endpoints: Endpoints, api_prefix: str) -> None:
        self._endpoints = endpoints
        self._sessions_path = f"{api_prefix}/v1/sessions"

    async def open_session(self) -> Session:
        """Open a session, whose writes are done once each (thesis §6.3).

        Returns
        -------
        Session
            To write by; it is closed at the end of its ``async with``.

        Raises
        ------
        NotProposed
            If there is none now.
        Refused
            If the members are too old to have sessions.

        Examples
        --------
        Inside a coroutine, with a node on this machine::

            async with await client.open_session() as session:
                await session.put("greeting", "hello")
        """
        # Should an answer be lost, the session that nobody knows ends by itself.
        request = Request(method="POST", path=self._sessions_path)
        answer = await self._endpoints.ask(request, is_read=True)
        said = msgspec.json.decode(answer.body, type=_Envelope, strict=False)
        return self.session(said.data.id)

    def session(self, session_id: int, next_sequence: int = 1) -> Session:
        """Go on with a session, after a restart of whoever uses it, say.

        Parameters
        ----------
        session_id : int
            From `Session.session_id`.
        next_sequence : int
            One more than the last number that was used: `Session.next_sequence`.

        Returns
        -------
        Session
            To write by.
        """
        numbers = Numbers(session_id, next_sequence)
        return Session(self._endpoints, numbers, self._sessions_path)
