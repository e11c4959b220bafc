"""Questions that the leader answers, whichever member was asked them.

A call is handed to the leader as it is and answered there by whoever serves calls; it
is in no log, so it is sent once. If the answer is lost, nobody knows what became of it,
and that is said. Only a member that says it does not lead is taken at its word: nothing
has happened there, and the next leader is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from raftwerk.config import NodeConfig
from raftwerk.core.messages import Message
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.errors import (
    NotLeader,
    NotProposed,
    OutcomeUnknown,
    QueueFull,
    RequestError,
)
from raftwerk.host.protocol import Host
from raftwerk.transport.calls import CallLeader, CallOutcome, CallReply
from raftwerk.types import NodeId

__all__ = ["Answer", "Calls"]

Answer = Callable[[bytes], Awaitable[bytes]]
"""Serves the calls about one topic on a leader; it raises a `RequestError` or none."""

SERVED_MAX: Final = 256
"""Calls that a leader works on at a time; more are refused."""

ASKED_MAX: Final = 4096
"""Calls of this member that may be without an answer; more are refused."""

_INCARNATIONS: Final = 2**63


class _Asked(msgspec.Struct, frozen=True):
    """A call that has no answer yet."""

    leader: NodeId
    reply: "asyncio.Future[CallReply]"


class Calls:
    """Asks the leader, and answers as one.

    Parameters
    ----------
    config : NodeConfig
        Who we are, and how long a request may take.
    state : State
        The core's; only looked at.
    host : Host
        Time and draws.
    send : callable
        Sends messages to peers.
    answers : mapping of str to Answer
        Who serves calls here while we lead, by topic; looked up when one comes.
    """

    def __init__(
        self,
        config: NodeConfig,
        state: State,
        host: Host,
        send: Callable[[Sequence[Message]], None],
        answers: Mapping[str, Answer],
    ) -> None:
        self._node_id = config.node_id
        self._state = state
        self._host = host
        self._send = send
        self._answers = answers
        self._timeout_seconds = config.request_timeout_millis / 1000
        self._again_seconds = config.heartbeat_millis / 1000
        # A reply to an earlier life of ours must not be taken for one to this life.
        self._incarnation = host.draw.below(_INCARNATIONS)
        self._number = 0
        self._asked: dict[int, _Asked] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self.handlers: dict[type[Message], Callable[..., None]] = {
            CallLeader: self._on_call,
            CallReply: self._on_reply,
        }

    # ---- asking -------------------------------------------------------------

    async def ask_leader(
        self, topic: str, content: bytes, timeout_seconds: float | None = None
    ) -> bytes:
        """Have whoever leads answer a call.

        Parameters
        ----------
        topic : str
            What it is about.
        content : bytes
            For whoever serves calls there.
        timeout_seconds : float, optional
            How long it may take; without it, as long as any request.

        Returns
        -------
        bytes
            The answer.

        Raises
        ------
        NotProposed
            If nothing happened and nothing will; `QueueFull` if too many wait already.
        OutcomeUnknown
            If the answer was lost, or did not come in time.
        """
        if timeout_seconds is None:
            timeout_seconds = self._timeout_seconds
        deadline = self._host.clock.now() + timeout_seconds
        while not self._is_stopped:
            leader = self._state.leader
            try:
                if leader == self._node_id and self._state.role is Role.LEADER:
                    return await self._answer(topic, content)
                if leader is not None and leader != self._node_id:
                    return await self._ask(leader, topic, content, deadline)
            except NotLeader:
                pass  # whoever leads by now will be known soon
            if self._host.clock.now() + self._again_seconds > deadline:
                raise NotLeader(f"no leader was found within {timeout_seconds:g} s")
            await self._host.timers.sleep(self._again_seconds)
        raise NotLeader(f"member {self._node_id:x} was stopped")

    async def _ask(
        self, leader: NodeId, topic: str, content: bytes, deadline: float
    ) -> bytes:
        """Ask one member, once."""
        if len(self._asked) >= ASKED_MAX:
            raise QueueFull(f"{ASKED_MAX} calls wait already; try again later")
        self._number = number = self._number + 1
        reply: asyncio.Future[CallReply] = asyncio.get_running_loop().create_future()
        self._asked[number] = _Asked(leader, reply)
        timer = self._host.timers.call_later(
            deadline - self._host.clock.now(), self._give_up, number
        )
        call = CallLeader(
            sender=self._node_id,
            receiver=leader,
            incarnation=self._incarnation,
            number=number,
            topic=topic,
            content=content,
        )
        self._send([call])
        try:
            answer = await reply
        finally:
            timer.cancel()
            del self._asked[number]
        match answer.outcome:
            case CallOutcome.DONE:
                return answer.content
            case CallOutcome.NOTHING:
                raise NotProposed(answer.content.decode())
            case CallOutcome.UNKNOWN:
                raise OutcomeUnknown(answer.content.decode())
            case CallOutcome.NOT_LEADING:
                raise NotLeader(f"member {leader:x} does not lead")

    def _give_up(self, number: int) -> None:
        """End a call that took too long."""
        self._end(self._asked[number], "it did not answer in time")

    def lost(self, peer: NodeId) -> None:
        """End the calls to a peer that can't be reached: their answers may be lost.

        Parameters
        ----------
        peer : NodeId
            To whom the connection was lost.
        """
        for asked in list(self._asked.values()):
            if asked.leader == peer:
                self._end(asked, "the connection to it was lost")

    def _end(self, asked: _Asked, words: str) -> None:
        """End a call without an answer."""
        if not asked.reply.done():
            error = OutcomeUnknown(
                f"member {asked.leader:x} was asked as the leader, and {words}"
            )
            asked.reply.set_exception(error)

    def _on_reply(self, message: CallReply) -> None:
        """Take an answer, if somebody waits for it."""
        asked = self._asked.get(message.number)
        if (
            asked is not None
            and message.incarnation == self._incarnation
            and message.sender == asked.leader
            and not asked.reply.done()
        ):
            asked.reply.set_result(message)

    # ---- answering ----------------------------------------------------------

    def _on_call(self, message: CallLeader) -> None:
        """Begin to answer a member."""
        if self._state.role is not Role.LEADER:
            self._reply(message, CallOutcome.NOT_LEADING, b"")
        elif len(self._serving) >= SERVED_MAX:
            words = f"the leader works on {SERVED_MAX} calls already; try again later"
            self._reply(message, CallOutcome.NOTHING, words.encode())
        else:
            task = asyncio.get_running_loop().create_task(self._serve(message))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    async def _answer(self, topic: str, content: bytes) -> bytes:
        """Answer a call here."""
        answer = self._answers.get(topic)
        if answer is None:
            raise NotProposed(
                f"member {self._node_id:x} answers no calls about {topic}"
            )
        return await answer(content)

    async def _serve(self, message: CallLeader) -> None:
        """Answer a member."""
        try:
            content = await self._answer(message.topic, message.content)
        except NotLeader:
            self._reply(message, CallOutcome.NOT_LEADING, b"")
        except NotProposed as error:
            self._reply(message, CallOutcome.NOTHING, str(error).encode())
        except RequestError as error:
            self._reply(message, CallOutcome.UNKNOWN, str(error).encode())
        else:
            self._reply(message, CallOutcome.DONE, content)

    def _reply(self, call: CallLeader, outcome: CallOutcome, content: bytes) -> None:
        """Send an answer, unless we have stopped."""
        if not self._is_stopped:
            reply = CallReply(
                sender=self._node_id,
                receiver=call.sender,
                incarnation=call.incarnation,
                number=call.number,
                outcome=outcome,
                content=content,
            )
            self._send([reply])

    # ---- the end ------------------------------------------------------------

    def stop(self) -> None:
        """End all calls, those that were asked and those that are answered."""
        self._is_stopped = True
        for asked in self._asked.values():
            self._end(asked, f"member {self._node_id:x} was stopped meanwhile")
        for task in self._serving:
            task.cancel()
