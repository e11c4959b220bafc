"""One member of one group, as its driver sees it: tell it things, do what it asks.

Sans-IO and deterministic: no clock, socket, file or thread, and no randomness but the
draws that are handed in. The same calls give the same answers, byte for byte.
Source: the form is etcd's RawNode; what it means is the Raft paper's Fig. 2.
"""

from collections.abc import Callable, Sequence
from typing import Self

import msgspec

from raftwerk.core.admission import admit
from raftwerk.core.clock import ticks_until_deadline
from raftwerk.core.conf_change import apply_conf_change
from raftwerk.core.config import CoreConfig
from raftwerk.core.events import Event
from raftwerk.core.inputs import EntriesApplied, Input, StorageAppended
from raftwerk.core.loading import load
from raftwerk.core.messages import Message, PeerMessage
from raftwerk.core.progress_view import ProgressView
from raftwerk.core.ready import AppendOrder, ApplyOrder, Ready, SoftState
from raftwerk.core.records import ConfChange, ConfState, Entry, HardState, Snapshot
from raftwerk.core.roles import Role
from raftwerk.core.sizes import ENTRY_OVERHEAD_BYTES, payload_bytes
from raftwerk.core.stable import StableLog
from raftwerk.core.state import State
from raftwerk.core.step import step
from raftwerk.errors import MisuseError
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["Replica", "Status"]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A member's state at one moment.

    Parameters
    ----------
    node_id : NodeId
        Who.
    role, leader : Role, NodeId or None
        The soft state.
    term, vote : Term, NodeId or None
        With the commit index, the hard state.
    commit_index, applied_index, first_index, last_log_index : LogIndex
        The log.
    conf_state : ConfState
        The configuration in force.
    transferee : NodeId or None
        To whom leadership is being handed over.
    progress : dict of NodeId to ProgressView
        Each member as the leader sees it; empty if this is not the leader.
    """

    node_id: NodeId
    role: Role
    leader: NodeId | None
    term: Term
    vote: NodeId | None
    commit_index: LogIndex
    applied_index: LogIndex
    first_index: LogIndex
    last_log_index: LogIndex
    conf_state: ConfState
    transferee: NodeId | None
    progress: dict[NodeId, ProgressView]


class Replica:
    """One member of one group.

    Parameters
    ----------
    config : CoreConfig
        What it is told.
    log : StableLog
        What storage holds. The replica reads it; its driver writes it, as `Ready` says.
    draw : callable
        Takes a bound and returns an integer from 0 up to but not including it; each
        election timeout is drawn with it.

    Raises
    ------
    InconsistentState
        If what storage holds can't be the state of a member.

    Examples
    --------
    A group of one, with a log in memory, elects itself:

    >>> from raftwerk.core.config import CoreConfig
    >>> from raftwerk.core.inputs import Campaign
    >>> from raftwerk.core.records import ConfState, Snapshot
    >>> from raftwerk.storage.memory import MemoryLog
    >>> start = Snapshot(index=1, term=1, conf_state=ConfState(voters=(7,)))
    >>> store = MemoryLog(start)
    >>> replica = Replica(CoreConfig(node_id=7), store, draw=lambda bound: 0)
    >>> replica.step(Campaign())
    >>> while replica.has_ready():
    ...     ready = replica.ready()
    ...     store.append(ready.hard_state, ready.entries)
    ...     store.sync()
    ...     replica.advance()
    >>> replica.status().role.name
    'LEADER'
    """

    __slots__ = (
        "_awaited",
        "_hard_state",
        "_may_apply_unstable",
        "_on_advance",
        "_soft_state",
        "_state",
    )

    def __init__(
        self, config: CoreConfig, log: StableLog, draw: Callable[[int], int]
    ) -> None:
        self._begin(load(config, log, draw))

    @classmethod
    def of_state(cls, state: State) -> Self:
        """Return a replica around a state that was made otherwise; see `core.image`.

        Parameters
        ----------
        state : State
            That of a member between two inputs.

        Returns
        -------
        Replica
            All that it remembers counts as handed out.
        """
        replica = cls.__new__(cls)
        replica._begin(state)
        return replica

    def _begin(self, state: State) -> None:
        """Count all of a state as handed out."""
        self._state = state
        self._hard_state = self._state.hard_state
        self._soft_state = self._state.soft_state
        self._on_advance: list[Input] = []
        self._awaited = False
        # Entries may be applied that are stored with the same `Ready`: in synchronous
        # mode one is done as a whole.
        self._may_apply_unstable = not state.config.asynchronous_storage

    # ---- telling ------------------------------------------------------------

    def step(self, event: Input | Message) -> None:
        """Advance by one input; what it asks for is in the next `Ready`.

        Parameters
        ----------
        event : Input
            A message of a peer, or what the driver says.

        Raises
        ------
        UnknownPeer
            If it is an answer of somebody who is no member; nothing changed.
        InvalidChange
            If it proposes a change that can't be read or applied; nothing changed.
        MisuseError
            If it is no input, a message for somebody else, or an empty proposal;
            nothing changed.
        NotProposed
            If it is a proposal that is refused; nothing changed.
        PeerError
            If no member that keeps to the protocol sends it; nothing changed.
        """
        state = self._state
        if isinstance(event, Message):
            admit(state, event)
        step(state, event)

    def apply_conf_change(self, change: ConfChange) -> ConfState:
        """Apply a committed configuration change; the driver calls this as it applies.

        Parameters
        ----------
        change : ConfChange
            ``ConfChange.decode(entry.data)``.

        Returns
        -------
        ConfState
            The configuration from now on, to be stored with the next snapshot.

        Raises
        ------
        InvalidChange
            If it can't be applied to the present configuration; nothing changed.
        """
        return apply_conf_change(self._state, change)

    def set_election_timeout(self, ticks: int) -> None:
        """Override the drawn election timeout until the next draw; for tests.

        Parameters
        ----------
        ticks : int
            The timeout.
        """
        self._state.election_timeout = ticks

    # ---- asking -------------------------------------------------------------

    def ticks_until_deadline(self) -> int:
        """Return after how many ticks something happens; before that, none is needed.

        Returns
        -------
        int
            At least 1; `config.NO_LIMIT` if time alone changes nothing.
        """
        return ticks_until_deadline(self._state)

    def take_events(self) -> list[Event]:
        """Return what happened since the last call, in order.

        Returns
        -------
        list of Event
            Perhaps none.
        """
        events = self._state.events
        self._state.events = []
        return events

    def status(self) -> Status:
        """Return the state at this moment.

        Returns
        -------
        Status
            A copy.
        """
        state = self._state
        progress = state.tracker.progress if state.role is Role.LEADER else {}
        return Status(
            node_id=state.id,
            role=state.role,
            leader=state.leader,
            term=state.term,
            vote=state.vote,
            commit_index=state.log.commit_index,
            applied_index=state.log.applied_index,
            first_index=state.log.first_index,
            last_log_index=state.log.last_index,
            conf_state=state.tracker.conf_state,
            transferee=state.transferee,
            progress={node_id: known.view() for node_id, known in progress.items()},
        )

    @property
    def state(self) -> State:
        """All that the member remembers: to look at, for checks and the monitor."""
        return self._state

    # ---- doing --------------------------------------------------------------

    def has_ready(self) -> bool:
        """Return whether there is anything to do.

        Returns
        -------
        bool
            Whether `ready` would return more than an empty one.
        """
        state = self._state
        log = state.log
        return bool(
            state.messages
            or state.messages_after_sync
            or log.unstable.has_next_entries
            or log.has_next_committed(self._may_apply_unstable)
            or state.read_states
            or self._changed_hard_state() is not None
            or self._changed_soft_state() is not None
            or log.unstable.next_snapshot() is not None
        )

    def ready(self) -> Ready:
        """Take what is to be done; it is not handed out again.

        Returns
        -------
        Ready
            Its fields, and what is owed for each, are explained there.

        Raises
        ------
        MisuseError
            If the last one was not followed by `advance`, in synchronous mode.
        """
        if self._awaited:
            raise MisuseError("call advance before the next ready")
        state = self._state
        log = state.log
        hard_state = self._changed_hard_state()
        entries = log.unstable.next_entries()
        snapshot = log.unstable.next_snapshot()
        committed = log.next_committed(self._may_apply_unstable)
        late = tuple(state.messages_after_sync)
        must_sync = bool(entries) or (
            hard_state is not None
            and (hard_state.term, hard_state.vote)
            != (self._hard_state.term, self._hard_state.vote)
        )
        append_done = self._append_done(snapshot)
        apply_done = _apply_done(committed)
        append = apply = None
        if not state.config.asynchronous_storage:
            late = self._await(late, append_done, apply_done)
        else:
            if entries or hard_state or snapshot or late:
                append = AppendOrder(
                    hard_state=hard_state,
                    entries=entries,
                    snapshot=snapshot,
                    # Replies that come with nothing to sync need only wait their turn.
                    must_sync=must_sync or snapshot is not None,
                    replies=late,
                    done=append_done,
                )
            if apply_done is not None:
                apply = ApplyOrder(entries=committed, done=apply_done)
            late = ()
        ready = Ready(
            soft_state=self._changed_soft_state(),
            hard_state=hard_state,
            read_states=tuple(state.read_states),
            entries=entries,
            snapshot=snapshot,
            committed=committed,
            messages=tuple(state.messages),
            messages_after_sync=late,
            must_sync=must_sync,
            append=append,
            apply=apply,
        )
        self._accept(ready, apply_done)
        return ready

    def _await(
        self,
        late: tuple[PeerMessage, ...],
        append_done: StorageAppended | None,
        apply_done: EntriesApplied | None,
    ) -> tuple[PeerMessage, ...]:
        """Keep what `advance` will step, and return what goes to others."""
        self._awaited = True
        own_id = self._state.id
        others: list[PeerMessage] = []
        for message in late:
            kept = self._on_advance if message.receiver == own_id else others
            kept.append(message)
        if append_done is not None:
            self._on_advance.append(append_done)
        if apply_done is not None:
            self._on_advance.append(apply_done)
        return tuple(others)

    def _accept(self, ready: Ready, apply_done: EntriesApplied | None) -> None:
        """Mark all of it as handed out."""
        state = self._state
        if ready.hard_state is not None:
            self._hard_state = ready.hard_state
        if ready.soft_state is not None:
            self._soft_state = ready.soft_state
        state.read_states = []
        state.messages = []
        state.messages_after_sync = []
        state.log.accept_unstable()
        if apply_done is not None:
            state.log.accept_applying(
                apply_done.applied_index,
                apply_done.size_bytes,
                self._may_apply_unstable,
            )

    def advance(self) -> None:
        """Say that all of the last `Ready` is done; in synchronous mode only.

        Raises
        ------
        MisuseError
            If there is no `Ready` to be done.
        """
        if not self._awaited:
            raise MisuseError("advance follows a ready, once, in synchronous mode")
        self._awaited = False
        done, self._on_advance = self._on_advance, []
        for event in done:
            step(self._state, event)

    # ---- what changed -------------------------------------------------------

    def _changed_hard_state(self) -> HardState | None:
        """Return the hard state if it is not what was handed out last."""
        state = self._state
        known = self._hard_state
        if (
            known.term == state.term
            and known.vote == state.vote
            and known.commit_index == state.log.commit_index
        ):
            return None
        return state.hard_state

    def _changed_soft_state(self) -> SoftState | None:
        """Return the soft state if it is not what was handed out last."""
        state = self._state
        known = self._soft_state
        if known.leader == state.leader and known.role is state.role:
            return None
        return state.soft_state

    def _append_done(self, snapshot: Snapshot | None) -> StorageAppended | None:
        """Return what it will mean that storage did this, or None if nothing."""
        state = self._state
        entries = state.log.unstable.entries
        if not entries:
            if snapshot is None:
                return None
            return StorageAppended(state.term, snapshot=snapshot)
        # The last entry of the log, even where this order has none: an acknowledgement
        # that came in a later term was ignored, and this one takes its place.
        last = entries[-1]
        return StorageAppended(state.term, last.index, last.term, snapshot)


def _apply_done(committed: Sequence[Entry]) -> EntriesApplied | None:
    """Return what it will mean that these entries are applied, or None if none."""
    if not committed:
        return None
    payload = payload_bytes(committed)
    overhead = ENTRY_OVERHEAD_BYTES * len(committed)
    return EntriesApplied(committed[-1].index, payload + overhead, payload)
