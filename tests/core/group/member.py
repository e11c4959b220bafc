"""One member's driver: a replica, its store, its state machine, and their slowness.

Does what `Ready` says, in either mode, with time between its steps, so that anything
may come in between: an input, another `Ready`, a crash.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from raftwerk.core.inputs import Input, ReadIndex
from raftwerk.core.membership import members
from raftwerk.core.messages import (
    ForwardReadIndex,
    HeartbeatReply,
    InstallSnapshot,
    Message,
    PeerMessage,
)
from raftwerk.core.ready import AppendOrder, ApplyOrder, ReadState, Ready
from raftwerk.core.records import ConfChange, Entry, EntryKind, HardState, Snapshot
from raftwerk.core.replica import Replica
from raftwerk.errors import (
    InvalidChange,
    InvariantViolation,
    NotProposed,
    RaftwerkError,
    UnknownPeer,
)
from raftwerk.storage.held_log import HeldLog
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, NodeId

from .properties import Property, Violation
from .watch import Watch

if TYPE_CHECKING:
    from .world import World

__all__ = ["Member", "WatchedLog"]


class WatchedLog(MemoryLog):
    """A log in memory that lets us see what a crash would leave."""

    @property
    def durable(self) -> HeldLog:
        """What a crash would leave."""
        return self._durable

    def sync_first(self, count: int) -> None:
        """Make the oldest calls durable alone: the others came during the sync."""
        self._make_durable(count)

    def crash(self, kept: int = 0) -> "WatchedLog":
        """Return what a crash leaves, with the first `kept` calls not yet synced."""
        restarted = WatchedLog()
        restarted.become(super().crash(kept))
        return restarted


class Member:
    """One member, up or down.

    Parameters
    ----------
    world : World
        Where it lives.
    node_id : NodeId
        Who it is.
    start : Snapshot
        What it begins with; empty for one that joins.
    is_asynchronous : bool
        Whether it takes the next `Ready` before the last one is done.
    """

    def __init__(
        self, world: "World", node_id: NodeId, start: Snapshot, is_asynchronous: bool
    ) -> None:
        self.world = world
        self.id = node_id
        self.config = world.shape.core_config(node_id, asynchronous=is_asynchronous)
        self.is_asynchronous = is_asynchronous
        self.store = WatchedLog(start)
        self.durable_term = start.term
        self.is_up = False
        self.incarnation = 0
        self.stalled_until = 0
        self._timeouts = world.draw.fork(f"timeouts {node_id}")
        self.start()

    def start(self) -> None:
        """Start from what is durable."""
        self.incarnation += 1
        self.is_up = True
        snapshot = self.store.snapshot()
        # The log may begin before the snapshot: entries are kept for those who lag.
        config = msgspec.structs.replace(self.config, applied_index=snapshot.index)
        try:
            self.replica = Replica(config, self.store, self._timeouts.below)
        except RaftwerkError as error:
            raise Violation(Property.RESTART, f"member {self.id}: {error}") from error
        self.applied_index = snapshot.index
        self.conf_state = snapshot.conf_state
        self._in_hand: Ready | None = None
        self._is_turn_due = False
        self._orders: deque[AppendOrder] = deque()
        self._syncing: deque[AppendOrder] = deque()
        self._applies: deque[ApplyOrder] = deque()
        self._is_applying = False
        self.watch = Watch(self, self.world.ledger)
        self.replica.take_events()

    def crash(self, kept: int) -> None:
        """Lose all but what is durable, and the first `kept` writes not synced."""
        self.is_up = False
        self.incarnation += 1
        self.store = self.store.crash(kept)
        self.world.ledger.note_durable(self)

    # ---- what comes in ------------------------------------------------------

    def step(self, event: Input | Message) -> bool:
        """Step one input; return whether it was taken."""
        self.watch.prepare(event)
        try:
            with self._complaints():
                self.replica.step(event)
            taken = True
        except (InvalidChange, NotProposed, UnknownPeer):
            taken = False
        self.watch.look()
        self.watch.check_pre_vote(event)
        if isinstance(event, (ReadIndex, ForwardReadIndex, HeartbeatReply)):
            self.watch.check_reads()
        self.wake()
        return taken

    @contextmanager
    def _complaints(self) -> Iterator[None]:
        """Take an error that nobody here has reason to raise for a violation."""
        try:
            yield
        except (InvalidChange, NotProposed, UnknownPeer):
            raise
        except InvariantViolation as error:
            raise Violation(Property.INVARIANT, f"member {self.id}: {error}") from error
        except RaftwerkError as error:
            raise Violation(
                Property.NO_COMPLAINT, f"member {self.id}: {error!r}"
            ) from error

    def wake(self) -> None:
        """Take the next `Ready` soon, unless the last one is still in hand."""
        if self._is_turn_due or self._in_hand is not None:
            return
        if self.replica.has_ready():
            self._is_turn_due = True
            self.world.at(self.world.turn_delay(), self._turn, self.incarnation)

    def _is_gone(self, incarnation: int) -> bool:
        """Return whether whoever wanted to do something has crashed since."""
        return incarnation != self.incarnation

    # ---- doing --------------------------------------------------------------

    def _turn(self, incarnation: int) -> None:
        """Take a `Ready`, and begin what it asks for."""
        if self._is_gone(incarnation):
            return
        self._is_turn_due = False
        with self._complaints():
            ready = self.replica.ready()
        story = self.world.story
        if story is not None:
            story.events(self.id, self.replica.take_events())
            story.ready(self.id, ready)
        else:
            self.replica.state.events.clear()
        for message in ready.messages:
            self._send(message)
        self._take_reads(ready.read_states)
        if self.is_asynchronous:
            if ready.append is not None:
                self._write(ready.hard_state, ready.entries, ready.snapshot)
                self._orders.append(ready.append)
                self._sync_next()
            if ready.apply is not None:
                self._applies.append(ready.apply)
                self._apply_next()
            self.wake()
            return
        self._in_hand = ready
        self._write(ready.hard_state, ready.entries, ready.snapshot)
        self.world.at(self.world.disk_delay(self), self._finish, incarnation)

    def _send(self, message: PeerMessage) -> None:
        """Let a message leave."""
        self.watch.check_promise(message)
        self.world.network.send(message, self.incarnation)
        if isinstance(message, InstallSnapshot):
            # One who joined later may not take it; the next try has a newer one, soon.
            is_in = message.receiver in members(message.snapshot.conf_state)
            is_needed = not self.config.join_by_older_snapshot
            if not is_in and (is_needed or self.world.draw.below(2)):
                self.compact(keep=0)

    def _take_reads(self, read_states: Sequence[ReadState]) -> None:
        """Check the answers to reads."""
        for answer in read_states:
            asked = self.world.reads.get(answer.context)
            if asked is None:
                continue
            asked.is_answered = True
            if answer.read_index < asked.least_index or asked.node_id != self.id:
                raise Violation(
                    Property.READS,
                    f"member {self.id} may read from {answer.read_index}; when"
                    f" member {asked.node_id} asked, {asked.least_index} was committed",
                )

    def _write(
        self,
        hard_state: HardState | None,
        entries: Sequence[Entry],
        snapshot: Snapshot | None,
    ) -> None:
        """Write, not yet durable."""
        with self._complaints():
            if snapshot is not None:
                self.store.install(snapshot)
            if hard_state is not None or entries:
                self.store.append(hard_state, entries)

    # ---- synchronous --------------------------------------------------------

    def _finish(self, incarnation: int) -> None:
        """End a `Ready` of synchronous mode."""
        ready = self._in_hand
        if self._is_gone(incarnation) or ready is None:
            return
        if ready.must_sync or ready.snapshot is not None:
            self.store.sync()
            self.world.ledger.note_durable(self)
        for message in ready.messages_after_sync:
            self._send(message)
        if ready.snapshot is not None:
            self._restore(ready.snapshot)
        self._apply(ready.committed)
        self._in_hand = None
        with self._complaints():
            self.replica.advance()
        self.watch.look()
        self.wake()

    # ---- asynchronous -------------------------------------------------------

    def _sync_next(self) -> None:
        """Begin to sync what has been written by now, unless a sync is under way."""
        if not self._syncing and self._orders:
            self._syncing = self._orders
            self._orders = deque()
            self.world.at(
                self.world.disk_delay(self),
                self._synced,
                self.incarnation,
                self.store.unsynced,
            )

    def _synced(self, incarnation: int, count: int) -> None:
        """Answer what was written when the sync began."""
        if self._is_gone(incarnation):
            return
        orders, self._syncing = self._syncing, deque()
        if any(order.must_sync for order in orders):
            self.store.sync_first(count)
            self.world.ledger.note_durable(self)
        for order in orders:
            if order.snapshot is not None:
                self._restore(order.snapshot)
            for reply in order.replies:
                if reply.receiver == self.id:
                    self.step(reply)
                else:
                    self._send(reply)
            if order.done is not None:
                self.step(order.done)
        self._sync_next()

    def _apply_next(self) -> None:
        """Begin to apply, unless that is under way."""
        if self._is_applying or not self._applies:
            return
        self._is_applying = True
        self.world.at(self.world.apply_delay(), self._applied, self.incarnation)

    def _applied(self, incarnation: int) -> None:
        """Apply one order, and say so."""
        if self._is_gone(incarnation):
            return
        self._is_applying = False
        order = self._applies.popleft()
        # A snapshot may have overtaken the order.
        fresh = [e for e in order.entries if e.index > self.applied_index]
        self._apply(fresh)
        self.step(order.done)
        self._apply_next()

    # ---- the state machine --------------------------------------------------

    def _apply(self, entries: Sequence[Entry]) -> None:
        """Apply entries; what this state machine keeps is a digest of them all."""
        ledger = self.world.ledger
        for entry in entries:
            ledger.note_applied(self, entry)
            self.applied_index = entry.index
            if entry.kind is not EntryKind.COMMAND:
                self._apply_change(entry)

    def _apply_change(self, entry: Entry) -> None:
        """Apply a membership change; one that is invalid here is so everywhere."""
        change = ConfChange.decode(entry.data)
        try:
            with self._complaints():
                self.conf_state = self.replica.apply_conf_change(change)
        except InvalidChange:
            return
        self.watch.look()
        self.wake()
        ledger = self.world.ledger
        ledger.note_configuration(self.id, entry.index, self.conf_state)
        # A snapshot that waits to be installed is ahead of what is applied.
        state = self.replica.state
        log = state.log
        index = log.unstable.snapshot.index if log.unstable.snapshot else entry.index
        ledger.check_configuration(self.id, index, state.tracker.conf_state)

    def _restore(self, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the state."""
        if snapshot.index < self.applied_index:
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {self.id} goes back from {self.applied_index} to a snapshot of"
                f" {snapshot.index}",
            )
        ledger = self.world.ledger
        if int.from_bytes(snapshot.data, "big") != ledger.digest(snapshot.index):
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {self.id} restores another state than others have at"
                f" {snapshot.index}",
            )
        ledger.check_configuration(self.id, snapshot.index, snapshot.conf_state)
        self.applied_index = snapshot.index
        self.conf_state = snapshot.conf_state

    def compact(self, keep: int) -> None:
        """Take a snapshot, and drop the log below it, but for some entries."""
        index = self.applied_index
        log = self.replica.state.log
        if index != log.applied_index or index <= self.store.snapshot().index:
            return  # What is being applied may still be read; or there is nothing new.
        snapshot = Snapshot(
            index,
            self.store.term(LogIndex(index)),
            self.conf_state,
            self.world.ledger.digest(index).to_bytes(4, "big"),
        )
        self.store.compact(snapshot, keep)
