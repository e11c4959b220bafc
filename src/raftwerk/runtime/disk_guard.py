"""Acts on how the disk is: hands over, refuses, tells the peers, tells people.

The rules are `disk_watch`'s; what they need is collected here, and what they decide is
done here. Looks come with the driver's turns, on the loop's thread, so they go on while
the thread that syncs hangs.

Where there is no room, entries are refused before they get into the log: a client's
with an error that says so, a leader's by dropping its message, which it repeats until
there is room. So what is left of the log's last segment is for terms and votes, and
orders to the disk never have to wait for one that doesn't fit.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from raftwerk.config import NodeConfig
from raftwerk.core.events import BecameLeader, Event, TimeoutNowReceived
from raftwerk.core.inputs import StepDown, TransferLeadership
from raftwerk.core.messages import (
    AppendEntries,
    Heartbeat,
    HeartbeatReply,
    Message,
    TimeoutNow,
)
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.host.protocol import Clock
from raftwerk.runtime.disk_watch import Candidate, DiskState, DiskWatch
from raftwerk.runtime.syncer import Syncer
from raftwerk.transport.disk_report import DiskReport
from raftwerk.transport.protocol import Report
from raftwerk.types import NodeId, Term

__all__ = ["DiskGuard", "report_nothing"]

_SIGNS_OF_LIFE: Final = (Heartbeat, HeartbeatReply)


def report_nothing(level: int, event: str, /, **fields: object) -> None:
    """Tell nobody: the `Report` of whoever was given none.

    Parameters
    ----------
    level : int
        Not looked at.
    event : str
        Not looked at.
    **fields : object
        Not looked at.
    """
    del level, event, fields


class DiskGuard:
    """Watches one member's disk, and what the others say of theirs.

    Parameters
    ----------
    config : NodeConfig
        The election timeout.
    state : State
        The core's; only looked at.
    syncer : Syncer
        What uses the disk.
    clock : Clock
        Time.
    give : callable
        Takes an input for the core.

    Attributes
    ----------
    report : Report
        Takes a line when trouble begins, and when it ends; to be set.
    refusal : str
        Why no client's command is taken, in words; "" if they are.
    """

    def __init__(
        self,
        config: NodeConfig,
        state: State,
        syncer: Syncer,
        clock: Clock,
        give: Callable[[TransferLeadership | StepDown], None],
    ) -> None:
        self._state = state
        self._syncer = syncer
        self._clock = clock
        self._give = give
        self.report: Report = report_nothing
        self._timeout_seconds = config.election_timeout_max_millis / 1000
        # Half a heartbeat: reads send beats of their own, and need no report with each.
        self._pause_seconds = config.heartbeat_millis / 2000
        self._watch = DiskWatch(self._timeout_seconds)
        self._heard: dict[NodeId, tuple[float, DiskReport]] = {}
        self._told_at: dict[NodeId, float] = {}
        self._term_by_transfer: Term | None = None
        self._is_hanging = False
        self._is_short = False
        self._has_refused_entries = False
        self.refusal = ""

    # ---- what is known ------------------------------------------------------

    @property
    def disk(self) -> DiskState:
        """How our own disk is.

        Returns
        -------
        DiskState
            As of the last look.
        """
        return DiskState(
            self._syncer.times.outstanding_seconds, not self._syncer.room.shortage
        )

    @property
    def may_stand(self) -> bool:
        """Whether this member may stand for election.

        Returns
        -------
        bool
            False while a sync hangs, or waits for room.
        """
        return self._watch.may_stand(self.disk) and not self._syncer.is_blocked

    @property
    def behind(self) -> str:
        """Why this member can't follow the others, in words; "" if it can.

        Returns
        -------
        str
            What room its disk lacks, if entries had to be refused for that.
        """
        shortage = self._shortage()
        if not shortage:
            self._has_refused_entries = False
        return shortage if self._has_refused_entries else ""

    def admits(self, message: Message) -> bool:
        """Tell whether a peer's message may reach the core.

        Parameters
        ----------
        message : Message
            Any.

        Returns
        -------
        bool
            False: it is as if it had been lost.
        """
        if isinstance(message, TimeoutNow):
            return not self._watch.is_sick(self.disk)
        if isinstance(message, AppendEntries) and message.entries:
            room = self._syncer.room
            if room.shortage:
                # Those of a new leader are empty, and without them nobody can read.
                size = sum(len(entry.data) for entry in message.entries)
                is_admitted = size == 0 or size <= room.left_bytes
                self._has_refused_entries |= not is_admitted
                return is_admitted
        return True

    # ---- what is told -------------------------------------------------------

    def beside(self, messages: Sequence[Message]) -> list[Message]:
        """Return messages with a report beside each sign of life.

        Parameters
        ----------
        messages : sequence of Message
            On their way to peers.

        Returns
        -------
        list of Message
            The same, and the reports; not more than two in a heartbeat interval for
            each peer, for reads are confirmed by heartbeats too.
        """
        sent = list(messages)
        for message in messages:
            if isinstance(message, _SIGNS_OF_LIFE):
                report = self._report_to(message.receiver)
                if report is not None:
                    sent.append(report)
        return sent

    def _report_to(self, peer: NodeId) -> DiskReport | None:
        """Return a report, unless the peer has a new one."""
        now = self._clock.now()
        if now - self._told_at.get(peer, -self._timeout_seconds) < self._pause_seconds:
            return None
        self._told_at[peer] = now
        times = self._syncer.times
        return DiskReport(
            sender=self._state.id,
            receiver=peer,
            sync_seconds=times.slowest_seconds,
            shortage=self._shortage(),
            refusal=self.refusal if self._state.role is Role.LEADER else "",
        )

    def on_report(self, report: DiskReport) -> None:
        """Remember how a peer's disk is.

        Parameters
        ----------
        report : DiskReport
            Its newest.
        """
        self._heard[report.sender] = (self._clock.now(), report)

    def on_events(self, events: Sequence[Event]) -> None:
        """Learn from the core whether we lead because another one handed over.

        Parameters
        ----------
        events : sequence of Event
            Of one turn.
        """
        for event in events:
            if isinstance(event, TimeoutNowReceived):
                self._term_by_transfer = Term(event.term + 1)
            elif isinstance(event, BecameLeader):
                if event.term == self._term_by_transfer:
                    self._watch.made_leader(self._clock.now())

    # ---- what is done -------------------------------------------------------

    def look(self, now_seconds: float) -> None:
        """See how it is, and do what the rules say.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        """
        self._syncer.times.look(now_seconds)
        self._tell_people()
        if self._state.role is not Role.LEADER:
            self._watch.follow()
        elif self._leave(now_seconds) or self._state.transferee is not None:
            self.refusal = ""  # whoever is asked to lead will take what waits
            return
        self.refusal = self._refusal(now_seconds)

    def _leave(self, now_seconds: float) -> bool:
        """Hand over, or step down, if it is time for that."""
        decision = self._watch.look(
            now_seconds,
            self.disk,
            self._candidates(now_seconds),
            self._state.transferee,
        )
        if decision is None:
            return False
        if isinstance(decision, int):
            self._tell("hands leadership over because of its disk", to=f"{decision:x}")
            self._give(TransferLeadership(decision))
        else:
            self._tell("ceases to lead because of its disk: nobody took over")
            self._give(StepDown())
        return True

    def _candidates(self, now_seconds: float) -> Iterator[Candidate]:
        """Yield the other voters, as we know them."""
        tracker = self._state.tracker
        for voter in tracker.conf_state.voters:
            if voter == self._state.id:
                continue
            progress = tracker.progress[voter]
            report = self._report_of(voter, now_seconds)
            yield Candidate(
                voter,
                progress.match_index,
                progress.is_recently_active,
                None if report is None else report.sync_seconds,
                report is not None and not report.shortage,
            )

    def _report_of(self, peer: NodeId, now_seconds: float) -> DiskReport | None:
        """Return what a peer said of its disk, unless that is long ago."""
        heard_at, report = self._heard.get(peer, (0.0, None))
        is_old = now_seconds - heard_at > self._timeout_seconds
        return None if is_old else report

    def _shortage(self) -> str:
        """Return what room our own disk lacks, in words."""
        shortage = self._syncer.room.shortage
        return f"member {self._state.id:x} has {shortage}" if shortage else ""

    def _refusal(self, now_seconds: float) -> str:
        """Return why no client's command is taken, in words.

        Because of our own disk; or of the leader's; or, if we lead, of so many that no
        majority could store it.
        """
        if shortage := self._shortage():
            return shortage
        leader = self._state.leader
        if leader == self._state.id:
            return self._shortage_of_many(now_seconds)
        report = None if leader is None else self._report_of(leader, now_seconds)
        return "" if report is None else report.refusal

    def _shortage_of_many(self, now_seconds: float) -> str:
        """Return what the others lack, if those with room are no majority."""
        conf_state = self._state.tracker.conf_state
        for half in (conf_state.voters, conf_state.voters_outgoing):
            reports = [self._report_of(voter, now_seconds) for voter in half]
            short = [each.shortage for each in reports if each and each.shortage]
            if half and len(short) >= (len(half) + 1) // 2:
                return "; ".join(short)
        return ""

    # ---- people -------------------------------------------------------------

    def _tell_people(self) -> None:
        """Write a line when trouble begins, and one when it ends."""
        is_hanging = not self._watch.may_stand(self.disk)
        if is_hanging and not self._is_hanging:
            seconds = round(self._syncer.times.outstanding_seconds, 3)
            self._tell("the disk hangs: a sync has not returned", after_seconds=seconds)
        elif self._is_hanging and not is_hanging:
            self._tell("the disk answers again", level=logging.INFO)
        self._is_hanging = is_hanging
        shortage = self._syncer.room.shortage
        if shortage and not self._is_short:
            self._tell("the disk is full: writes are refused", reason=shortage)
        elif self._is_short and not shortage:
            self._tell("there is room on the disk again", level=logging.INFO)
        self._is_short = bool(shortage)

    def _tell(
        self, event: str, *, level: int = logging.WARNING, **fields: object
    ) -> None:
        """Write a line."""
        self.report(level, event, **fields)
