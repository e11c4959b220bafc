"""All that is asked of this member and has no answer yet.

Proposals and reads are held until the next turn, and while no leader is known; each
has a deadline. What becomes of them is `waiters` and `barriers`; how they get into the
core is here.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from raftwerk.config import NodeConfig
from raftwerk.core.inputs import ReadIndex
from raftwerk.core.ready import ReadState
from raftwerk.core.records import ConfChange
from raftwerk.core.replica import Replica
from raftwerk.errors import (
    MisuseError,
    NoRoom,
    NotLeader,
    NotProposed,
    Quarantined,
)
from raftwerk.host.protocol import Host
from raftwerk.runtime.barriers import Barriers
from raftwerk.runtime.changes import propose_change
from raftwerk.runtime.envelope import EnvelopeKind, Sender
from raftwerk.runtime.leading import propose_as_leader
from raftwerk.runtime.members import Member, Members
from raftwerk.runtime.proposing import Proposing
from raftwerk.runtime.versions import FIRST_VERSION
from raftwerk.runtime.waiters import Waiters
from raftwerk.types import LogIndex, Term

__all__ = ["Requests"]

_INCARNATIONS: Final = 2**63
_ROUNDS: Final = 2**62


class Requests:
    """Proposals, reads and membership changes on their way through the core.

    Parameters
    ----------
    config : NodeConfig
        Bounds and times.
    replica : Replica
        The core.
    host : Host
        Time and draws.
    wake : callable
        Makes a turn come.
    members : callable
        Returns who the members are.
    is_quarantined : callable
        Returns whether nobody may be told what the state machine says.

    Attributes
    ----------
    sender : Sender
        Knows what was proposed here.
    waiters : Waiters
        The proposals.
    proposing : Proposing
        How they get into the core.
    """

    def __init__(
        self,
        config: NodeConfig,
        replica: Replica,
        host: Host,
        wake: Callable[[], None],
        members: Callable[[], Members],
        is_quarantined: Callable[[], bool] = lambda: False,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._config = config
        self._replica = replica
        self._clock = host.clock
        self._wake = wake
        self._members = members
        self._is_quarantined = is_quarantined
        self._timeout_seconds = config.request_timeout_millis / 1000
        self._round_seconds = config.election_timeout_min_millis / 1000
        self.sender = Sender(config.node_id, host.draw.below(_INCARNATIONS))
        self.waiters = Waiters(loop, config.queue_max, config.queue_bytes_max)
        self._refusal = ""
        self._shortage = ""
        self._barriers = Barriers(loop, config.queue_max, host.draw.below(_ROUNDS))
        self.proposing = Proposing(
            config, replica, host.clock, self.sender, self.waiters
        )

    @property
    def is_any_waiting(self) -> bool:
        """Whether anybody waits for anything.

        Returns
        -------
        bool
            True: look at the clock now and then.
        """
        return bool(len(self.waiters) or len(self._barriers))

    def _deadline(self) -> float:
        """Return until when a request that comes now may wait."""
        return self._clock.now() + self._timeout_seconds

    # ---- asked --------------------------------------------------------------

    def require_sound(self) -> None:
        """Refuse what would be answered by a state machine that is not sound.

        Raises
        ------
        Quarantined
            If this member's state differs from that of the others.
        """
        if self._is_quarantined():
            raise Quarantined(
                f"member {self._config.node_id:x} is quarantined, for its state differs"
                " from that of a majority, and takes over theirs; ask another member"
            )

    def propose(
        self,
        content: bytes,
        kind: EnvelopeKind = EnvelopeKind.COMMAND,
        version: int = FIRST_VERSION,
    ) -> "asyncio.Future[object]":
        """Hold a proposal for the next turn.

        Parameters
        ----------
        content : bytes
            What is proposed.
        kind : EnvelopeKind
            For whom.
        version : int
            Of the cluster, that it needs.

        Returns
        -------
        Future
            Its outcome.

        Raises
        ------
        MisuseError
            If it is larger than what can be sent to all members.
        NotProposed
            If not all members can read it.
        QueueFull
            If too many wait already.
        Quarantined
            If the answer to a command could not be trusted.
        NoRoom
            If it is a command, and a disk that must hold it is full.
        """
        if kind is not EnvelopeKind.RECORD:
            self.require_sound()
            if self._refusal:
                raise NoRoom(self._refusal)
        if len(content) > self._config.command_bytes_max:
            raise MisuseError(
                f"a command of {len(content)} bytes was proposed; command_bytes_max is"
                f" {self._config.command_bytes_max}: cut it into several"
            )
        agreed = self._members().version
        if version > agreed:
            raise NotProposed(
                f"a command that needs cluster version {version} was not proposed, for"
                f" the cluster has version {agreed}: upgrade the members that tell a"
                " lower one"
            )
        number = self.waiters.next_number()
        data = self.sender.wrap(kind, number, content, version)
        future = self.waiters.add(number, data, self._deadline())
        self._wake()
        return future

    def propose_as_leader(
        self,
        content: bytes,
        term: Term,
        kind: EnvelopeKind = EnvelopeKind.COMMAND,
        version: int = FIRST_VERSION,
    ) -> "asyncio.Future[object]":
        """Propose at once what only the leader of a term may say.

        Parameters
        ----------
        content : bytes
            For the state machine.
        term : Term
            In which this member must lead.
        kind : EnvelopeKind
            For whom the content is.
        version : int
            Of the cluster, that it needs; it has it.

        Returns
        -------
        Future
            Its outcome.

        Raises
        ------
        NotLeader
            If this member does not lead that term.
        NotProposed
            If the core refuses proposals now, or too many wait already.
        """
        if kind is not EnvelopeKind.RECORD:
            self.require_sound()
        try:
            return propose_as_leader(
                self._replica,
                self.sender,
                self.waiters,
                content,
                term,
                deadline_seconds=self._deadline(),
                kind=kind,
                version=version,
            )
        finally:
            self._wake()

    def read_barrier(self) -> "asyncio.Future[LogIndex]":
        """Let a read wait for the next round.

        Returns
        -------
        Future
            The index that is applied at least when it is done.

        Raises
        ------
        QueueFull
            If too many wait already.
        Quarantined
            If what is read could not be trusted.
        NoRoom
            If our disk lacks room for what was done before; raised by the future.
        """
        self.require_sound()
        future = self._barriers.add(self._deadline())
        self._wake()
        return future

    def change_members(
        self, change: ConfChange, members: Sequence[Member] = ()
    ) -> "asyncio.Future[object]":
        """Propose a membership change at once; only a leader can tell if it is refused.

        Parameters
        ----------
        change : ConfChange
            Without a context.
        members : sequence of Member
            Names and addresses of those who are new or have moved.

        Returns
        -------
        Future
            The configuration when it is applied.

        Raises
        ------
        NotLeader
            If this member does not lead; the message names who does.
        ChangePending
            If another one is under way.
        InvalidChange
            If it can never be had.
        QueueFull
            If too many wait already.
        """
        try:
            return propose_change(
                self._replica,
                self.sender,
                self.waiters,
                change,
                members,
                known=self._members(),
                deadline_seconds=self._deadline(),
            )
        finally:
            self._wake()  # A change that was refused leaves an entry too.

    # ---- into the core ------------------------------------------------------

    def begin(self) -> bool:
        """Give the core what waits for it, as far as it takes it now: one batch.

        Returns
        -------
        bool
            Whether more waits for the next turn; others on the loop come before it.
        """
        is_more = self.proposing.propose_batch()
        if self._barriers.needs_round and self._replica.state.leader is not None:
            context = self._barriers.begin_round(self._clock.now())
            self._replica.step(ReadIndex(context))
        return is_more

    # ---- out of the core ----------------------------------------------------

    def leader_changed(self) -> None:
        """Ask again for the reads that were asked of another leader, or as one."""
        self._barriers.ask_again()
        self.proposing.leader_changed()

    def confirmed(
        self, read_states: Sequence[ReadState], applied_index: LogIndex
    ) -> None:
        """Take the core's answers to reads.

        Parameters
        ----------
        read_states : sequence of ReadState
            The answers.
        applied_index : LogIndex
            What is applied.
        """
        for read_state in read_states:
            self._barriers.confirm(read_state.context, read_state.read_index)
        self.applied(applied_index)
        self._end_reads_out_of_reach()

    def applied(self, applied_index: LogIndex) -> None:
        """Serve the reads that waited for the state machine.

        Parameters
        ----------
        applied_index : LogIndex
            What it has applied.
        """
        if self._is_quarantined():
            self._barriers.end_all(
                f"member {self._config.node_id:x} was quarantined, for its state"
                " differs from that of the others,"
            )
        self._barriers.applied(applied_index)

    # ---- the end ------------------------------------------------------------

    def pass_time(self, now_seconds: float) -> None:
        """End those whose time is up, and ask again for what may be lost.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        """
        self.waiters.expire(now_seconds)
        self._barriers.expire(now_seconds)
        self._barriers.ask_again_if_late(now_seconds, self._round_seconds)

    def refuse(self, reason: str) -> None:
        """Take no commands for a reason, and let go of those that are held.

        Parameters
        ----------
        reason : str
            Why, in words; "": take them again.
        """
        self._refusal = reason
        if reason:
            self.waiters.end_held(NoRoom(reason))

    def cannot_follow(self, shortage: str) -> None:
        """Know whether entries of the leader find no room here.

        Parameters
        ----------
        shortage : str
            What our disk lacks, in words; "": nothing, or no entry came to grief.
        """
        self._shortage = shortage
        self._end_reads_out_of_reach()

    def _end_reads_out_of_reach(self) -> None:
        """End reads that wait for what our disk can't take: others can serve them."""
        if self._shortage:
            stored = LogIndex(self._replica.state.log.unstable.offset - 1)
            error = NoRoom(
                f"{self._shortage}, so it can't follow the others, and what is read"
                " here would be old; ask another member"
            )
            self._barriers.end_beyond(stored, error)

    def end_unbegun(self, reason: str) -> None:
        """End all of which nothing has happened yet: it is safe to ask elsewhere.

        Parameters
        ----------
        reason : str
            Why, as the beginning of a sentence.
        """
        self.waiters.end_held(NotLeader(f"{reason} before the proposal was made"))

    def end(self, reason: str) -> None:
        """End all, for this member stops.

        Parameters
        ----------
        reason : str
            Why, as the beginning of a sentence.
        """
        self.waiters.end_all(reason)
        self._barriers.end_all(reason)
