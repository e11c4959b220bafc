"""What can be asked of a node: to propose, to read, to change members, to hand over."""

from abc import ABC
from collections.abc import Callable, Sequence
from typing import TypeVar

from raftwerk.config import NodeConfig
from raftwerk.core.inputs import TransferLeadership
from raftwerk.core.records import ConfChange, ConfState
from raftwerk.errors import InvariantViolation
from raftwerk.runtime.answered import Once
from raftwerk.runtime.calls import Answer
from raftwerk.runtime.disk_guard import report_nothing
from raftwerk.runtime.envelope import EnvelopeKind
from raftwerk.runtime.members import Member
from raftwerk.runtime.meter import Meter
from raftwerk.runtime.node_view import NodeView
from raftwerk.runtime.once import (
    Answered,
    KeyedRequest,
    encode_once,
    present_request,
)
from raftwerk.runtime.records import CloseSession, OpenSession, encode_record
from raftwerk.runtime.sessions import Session
from raftwerk.runtime.versions import FIRST_VERSION, SESSIONS_VERSION
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.transport.protocol import Report, Transport
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["NodeRequests"]

Result = TypeVar("Result")


class NodeRequests(NodeView, ABC):
    """The part of `Node` that is asked for something while it runs.

    Parameters
    ----------
    config : NodeConfig
        Who it is.
    stores : Stores
        Its log and snapshots.
    transport : Transport
        Its way to the other members.

    Attributes
    ----------
    meter : Meter or None
        Measures what is asked, where somebody wants to know.
    report : Report
        Takes what people should know of the disk; to be set before the start.
    """

    def __init__(
        self, config: NodeConfig, stores: Stores, transport: Transport
    ) -> None:
        super().__init__(config, stores, transport)
        self._answers: dict[str, Answer] = {}
        self.meter: Meter | None = None
        self.report: Report = report_nothing

    async def propose(self, command: bytes, version: int = FIRST_VERSION) -> object:
        """Have a command applied by all members, and return its result.

        Any member takes proposals: they reach the leader by themselves, and wait here
        while none is known.

        Parameters
        ----------
        command : bytes
            For the state machine.
        version : int
            The cluster's, from which on all members understand this command: it is not
            proposed before, and a member that does not understand it stops instead of
            applying it.

        Returns
        -------
        object
            What `StateMachine.apply` returned for it here.

        Raises
        ------
        NotProposed
            If nothing happened and nothing will: it is safe to try again.
        OutcomeUnknown
            If it may or may not be applied: look before you try again.
        MisuseError
            If it is too large; the message says what is allowed.
        """
        request = present_request()
        if request is not None:
            return await self._propose_keyed(request, command)
        requests = self._driver().requests
        meter = self.meter
        if meter is None or not meter.is_on:
            return await requests.propose(command, version=version)
        outcome = requests.propose(command, version=version)
        return await meter.timed(meter.writes, outcome)

    async def _propose_keyed(self, request: KeyedRequest, command: bytes) -> object:
        """Have a command of a request applied that is done once."""
        answered = await self._propose_once(request.next_step(), command)
        request.is_replayed = request.is_replayed or answered.is_replayed
        return _result_of(answered)

    async def propose_once(self, once: Once, command: bytes) -> object:
        """Have a command applied, unless it was: then return the answer of then.

        Parameters
        ----------
        once : Once
            Which command it is; `open_session` makes that easy.
        command : bytes
            For the state machine.

        Returns
        -------
        object
            What `StateMachine.apply` returned for it.

        Raises
        ------
        SessionExpired, IdempotencyKeyReused
            If it is not done now, and it can't be told what it was.
        NotProposed, OutcomeUnknown
            As `propose`.
        """
        return _result_of(await self._propose_once(once, command))

    async def _propose_once(self, once: Once, command: bytes) -> Answered:
        """Propose a command that is done once."""
        answered = await self._driver().requests.propose(
            encode_once(once, command), EnvelopeKind.ONCE, SESSIONS_VERSION
        )
        if not isinstance(answered, Answered):
            raise InvariantViolation(
                "a command that is done once ends with its answer, not with"
                f" {answered!r}"
            )
        return answered

    async def open_session(self) -> Session:
        """Open a session, whose commands are done exactly once (thesis §6.3).

        Returns
        -------
        Session
            To propose commands by; close it when there are no more.

        Raises
        ------
        NotProposed, OutcomeUnknown
            As `propose`.
        """
        session_id = await self._record(OpenSession())
        if not isinstance(session_id, int):
            raise InvariantViolation(
                f"a session is opened with a number, not with {session_id!r}"
            )
        return Session(self, session_id)

    async def close_session(self, session: int) -> None:
        """End a session; `Session.close` does it.

        Parameters
        ----------
        session : int
            Its id.

        Raises
        ------
        NotProposed, OutcomeUnknown
            As `propose`.
        """
        await self._record(CloseSession(session))

    async def _record(self, record: OpenSession | CloseSession) -> object:
        """Have a record of the runtime's own applied."""
        return await self._driver().requests.propose(
            encode_record(record), EnvelopeKind.RECORD, SESSIONS_VERSION
        )

    async def propose_as_leader(self, command: bytes, term: Term) -> object:
        """Have a command applied that only the leader of a term may give.

        It is never handed on to another member, and never proposed again.

        Parameters
        ----------
        command : bytes
            For the state machine.
        term : Term
            In which this member must lead.

        Returns
        -------
        object
            What `StateMachine.apply` returned for it here.

        Raises
        ------
        NotLeader
            If this member does not lead that term.
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be applied.
        """
        return await self._driver().requests.propose_as_leader(command, term)

    async def read_barrier(self) -> LogIndex:
        """Return once a read of the local state machine is linearizable (thesis §6.4).

        Returns
        -------
        LogIndex
            What the state machine has applied at least.

        Raises
        ------
        NotLeader
            If no leader confirmed it in time; it is safe to try again.
        NoRoom
            If this member's disk lacks room for what was done before; others can serve
            the read.
        QueueFull
            If too many reads wait already.
        """
        requests = self._driver().requests
        meter = self.meter
        if meter is None or not meter.is_on:
            return await requests.read_barrier()
        return await meter.timed(meter.reads, requests.read_barrier())

    def require_sound(self) -> None:
        """Refuse to have the state machine read where nobody may be told what it says.

        Raises
        ------
        Quarantined
            If its state differs from that of a majority.
        NotLeader
            If this node does not run.
        """
        self._driver().requests.require_sound()

    async def read(self, query: Callable[[], Result]) -> Result:
        """Look into the state machine, linearizably: see all that was done before.

        Parameters
        ----------
        query : callable
            Reads the state machine and changes nothing; called between two batches, in
            the machine's thread unless that is quick.

        Returns
        -------
        object
            What `query` returned.

        Raises
        ------
        NotLeader
            If no leader confirmed it in time, or this node stops; it is safe to try
            again.
        NoRoom
            As `read_barrier`.
        QueueFull
            If too many reads wait already.
        Exception
            What `query` raised.
        """
        await self.read_barrier()
        self.require_sound()
        return await self._driver().query(query)

    async def change_members(
        self, change: ConfChange, members: Sequence[Member] = ()
    ) -> ConfState:
        """Change who belongs to the group, and return once that is applied here.

        Parameters
        ----------
        change : ConfChange
            Several changes at once go through a joint configuration.
        members : sequence of Member
            Names and addresses of those who are new or have moved.

        Returns
        -------
        ConfState
            The configuration that the change led to; joint if it is left later.

        Raises
        ------
        NotLeader
            If this member does not lead; the message names who does.
        ChangePending
            If another one is under way.
        InvalidChange
            If it can never be had: no voter would be left, say.
        NotProposed, OutcomeUnknown
            As `propose`.
        """
        result = await self._driver().requests.change_members(change, members)
        if not isinstance(result, ConfState):
            raise InvariantViolation(
                f"a change of members ends with a configuration, not with {result!r}"
            )
        return result

    def serve_calls(self, topic: str, answer: Answer) -> None:
        """Have the calls about a topic answered here, while this member leads.

        Parameters
        ----------
        topic : str
            What they are about.
        answer : Answer
            Takes the content of each call and returns that of its answer; what it
            raises, a `RequestError`, is `NotProposed` or `OutcomeUnknown` to the asker.
        """
        self._answers[topic] = answer

    async def ask_leader(
        self, topic: str, content: bytes, timeout_seconds: float | None = None
    ) -> bytes:
        """Have the leader, whoever it is, answer a call.

        Parameters
        ----------
        topic : str
            What it is about.
        content : bytes
            For what was given to `serve_calls` there.
        timeout_seconds : float, optional
            How long it may take; without it, as long as any request.

        Returns
        -------
        bytes
            The answer.

        Raises
        ------
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If the answer was lost, or did not come in time.
        """
        calls = self._driver().calls
        return await calls.ask_leader(topic, content, timeout_seconds)

    def take_snapshot(self) -> bool:
        """Take a snapshot now, and compact the log when it is durable.

        Returns
        -------
        bool
            False if one is being taken already, or nothing was applied since the last.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        return self._driver().snapshots.take()

    def transfer_leadership(self, transferee: NodeId) -> None:
        """Ask for another leader; whether it comes to that, the events tell.

        Parameters
        ----------
        transferee : NodeId
            A voter.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        self._driver().give(TransferLeadership(transferee))

    async def hand_over(self) -> None:
        """Have another member lead, if this one does; then take part as before.

        Best called some time before `stop`: others go on handing proposals to us until
        they have heard who leads now. It takes no longer than the greatest election
        timeout; if nobody else could lead by then, this member may do so still.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        await self._driver().hand_over()


def _result_of(answered: Answered) -> object:
    """Return what came of a command, or raise it."""
    if isinstance(answered.result, Exception):
        raise answered.result
    return answered.result
