"""All that a driver does about snapshots: take, offer, serve, fetch, restore.

The core decides that a follower needs one, and that one is installed; the state itself
never passes through it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from raftwerk.config import NodeConfig
from raftwerk.core.inputs import Input, ReportSnapshot
from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.core.progress_view import ProgressState
from raftwerk.core.ready import AppendOrder
from raftwerk.core.records import Entry, Snapshot
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.host.protocol import Host
from raftwerk.runtime.answered import Answers
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.machine_queue import MachineCall, MachineQueue, MachineSteps
from raftwerk.runtime.snapshot_fetching import FETCH_AGAIN_SECONDS, SnapshotFetcher
from raftwerk.runtime.snapshot_reading import fill
from raftwerk.runtime.snapshot_serving import SnapshotServer
from raftwerk.runtime.snapshot_taking import SnapshotTaker
from raftwerk.runtime.syncer import Syncer
from raftwerk.runtime.worker import Worker
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.transport.chunks import ChunkUnavailable, FetchChunk, SnapshotChunk
from raftwerk.types import LogIndex, NodeId

__all__ = ["Owner", "Snapshots"]

_PATIENCE_TIMEOUTS: Final = 10
"""Greatest election timeouts without a word after which a snapshot is offered anew."""


ADOPTION_SECONDS: Final = 600.0
"""How long the state of another replica may be on its way."""

ADOPTION_BYTES: Final = 256 * 1024
"""Entries that are applied once more before others on the loop have their turn."""


class Owner(Protocol):
    """What the driver does for its snapshots."""

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages to peers.

        Parameters
        ----------
        messages : sequence of Message
            To any of them.
        """

    def give(self, event: Input) -> None:
        """Give the core an input.

        Parameters
        ----------
        event : Input
            Any.
        """

    def on_restored(self) -> None:
        """Know that a received snapshot has taken the place of the state."""

    def fail(self, error: BaseException) -> None:
        """End this member.

        Parameters
        ----------
        error : BaseException
            Why.
        """


class _Adoption:
    """Another replica's state, on its way into the place of ours."""

    def __init__(self, snapshot: Snapshot, done: "asyncio.Future[bool]") -> None:
        self.snapshot = snapshot
        self.done = done
        self.is_here = False
        self.is_begun = False

    def end(self, succeeded: bool) -> None:
        """Tell whoever waits, if nobody did."""
        if not self.done.done():
            self.done.set_result(succeeded)


class Snapshots:
    """Between the core's manifests and the state's chunks.

    Parameters
    ----------
    config : NodeConfig
        When to take one.
    applier : Applier
        Restores the state.
    replica : Replica
        The core; its log and configuration are looked at.
    stores : Stores
        The log and the chunks.
    syncer : Syncer
        Says when the log's record of a snapshot is durable.
    machine_queue : MachineQueue
        Calls the state machine.
    host : Host
        Time and threads.
    owner : Owner
        The driver.
    """

    def __init__(
        self,
        config: NodeConfig,
        applier: Applier,
        replica: Replica,
        stores: Stores,
        *,
        syncer: Syncer,
        machine_queue: MachineQueue,
        host: Host,
        owner: Owner,
    ) -> None:
        self._applier = applier
        self._replica = replica
        self._log = stores.log
        self._store = stores.snapshots
        self._machine_queue = machine_queue
        self._owner = owner
        self._timers = host.timers
        self._adoption: _Adoption | None = None
        # A worker for each, for none of them may wait for another.
        self._workers = {
            name: Worker(host.threads(name), owner.fail)
            for name in ("take", "serve", "fetch")
        }
        self._server = SnapshotServer(
            config.node_id,
            self._store,
            self._workers["serve"],
            host.clock,
            max(
                _PATIENCE_TIMEOUTS * config.election_timeout_max_millis / 1000,
                4 * FETCH_AGAIN_SECONDS,
            ),
            send=owner.send,
            on_unavailable=self._unavailable,
        )
        self._taker = SnapshotTaker(
            config,
            applier,
            stores,
            self._workers["take"],
            syncer,
            machine_queue=machine_queue,
            clock=host.clock,
            timers=host.timers,
            conf_state=lambda: replica.state.tracker.conf_state,
            oldest_needed=self._server.oldest_fetched,
        )
        self._fetcher = SnapshotFetcher(
            config.node_id,
            self._store,
            self._workers["fetch"],
            host.timers,
            send=owner.send,
            is_needed=self._is_needed,
            own=self._log.snapshot,
            on_complete=self._fetched,
        )
        self.handlers: dict[type[Message], Callable[..., None]] = {
            InstallSnapshot: self._fetcher.on_offer,
            FetchChunk: self._server.on_fetch,
            SnapshotChunk: self._fetcher.on_chunk,
            ChunkUnavailable: self._fetcher.on_unavailable,
        }

    # ---- taking -------------------------------------------------------------

    @property
    def newest(self) -> Snapshot:
        """The snapshot with which our log begins.

        Returns
        -------
        Snapshot
            With its manifest.
        """
        return self._log.snapshot()

    def applied(self, entries: Sequence[Entry]) -> None:
        """Take a snapshot if enough was applied since the last one.

        Parameters
        ----------
        entries : sequence of Entry
            What was applied since the last call.
        """
        self._taker.look(entries)
        self._adopt_if_ready()

    def take(self) -> bool:
        """Take a snapshot now.

        Returns
        -------
        bool
            False if one is being taken already, or there is nothing new.
        """
        return self._taker.take()

    # ---- giving -------------------------------------------------------------

    def sending(self, messages: Sequence[Message]) -> None:
        """Look at what the core sends: who is offered a snapshot will fetch it.

        Parameters
        ----------
        messages : sequence of Message
            Of one `Ready`.
        """
        for message in messages:
            if isinstance(message, InstallSnapshot):
                self._server.offered(message.receiver)

    def look_for_lost(self) -> None:
        """Report snapshots that arrived, and offer anew what is not fetched.

        A report that is lost must not pause a follower for ever.
        """
        self._server.close_silent()
        state = self._replica.state
        if state.role is not Role.LEADER:
            return
        for peer, progress in state.tracker.progress.items():
            if progress.state is not ProgressState.SNAPSHOT:
                continue
            if progress.match_index >= progress.pending_snapshot_index:
                # It is installed, but our log begins behind it by now: then the core
                # waits for our word, and offers a newer one.
                self._owner.give(ReportSnapshot(peer, True))
            elif self._server.is_silent(peer):
                self._server.offered(peer)
                self._owner.give(ReportSnapshot(peer, False))

    def lost(self, peer: NodeId) -> None:
        """Offer a snapshot anew to a peer that can't be reached, when it can be.

        Not to one that has begun to fetch: it goes on when it can, and a newer offer
        would have it begin again; should it have forgotten, its silence tells.

        Parameters
        ----------
        peer : NodeId
            To whom the connection was lost.
        """
        if not self._server.is_fetching(peer):
            self._owner.give(ReportSnapshot(peer, False))

    def _unavailable(self, peer: NodeId, index: LogIndex) -> None:
        """Offer the newest snapshot to a member whose own could not be read."""
        if index == self._log.snapshot().index:
            self.take()  # The newest is damaged; the state from which it came is not.
        self._owner.give(ReportSnapshot(peer, False))

    # ---- receiving ----------------------------------------------------------

    def _is_needed(self, snapshot: Snapshot) -> bool:
        """Return whether we lack what a snapshot covers, or its state."""
        if self._adoption is not None and snapshot == self._adoption.snapshot:
            return True
        log = self._replica.state.log
        return snapshot.index > log.commit_index and not log.matches(
            snapshot.index, snapshot.term
        )

    def _fetched(self, offer: InstallSnapshot) -> None:
        """Show the core a snapshot whose state is here.

        Whoever leads now is told of it: what a snapshot covers is committed in every
        term, and the member that offered it may lead no more.
        """
        adoption = self._adoption
        if adoption is not None and offer.snapshot == adoption.snapshot:
            adoption.is_here = True
            self._adopt_if_ready()
            return
        state = self._replica.state
        if state.leader is not None and state.leader != state.id:
            offer = msgspec.structs.replace(offer, sender=state.leader, term=state.term)
        self._owner.give(offer)

    def restore(self, order: AppendOrder) -> None:
        """Put a received snapshot's state in the place of ours, beside the loop.

        Until the order is acknowledged the core hands out nothing to apply.

        Parameters
        ----------
        order : AppendOrder
            With a snapshot, done but for this.
        """
        self._machine_queue.run(self._restore(order))

    def _restore(self, order: AppendOrder) -> MachineSteps[None]:
        """Do what `restore` says, after all that is being applied."""
        snapshot = order.snapshot
        assert snapshot is not None  # nosec B101: for the type checker
        answers = yield MachineCall(lambda: self._fill(snapshot), is_long=True)
        self._applier.restored(snapshot, answers)
        self._owner.on_restored()
        if order.done is not None:
            self._owner.give(order.done)

    def _fill(self, snapshot: Snapshot) -> Answers:
        """Fill the machine, in its thread."""
        return fill(self._store, snapshot, self._applier.machine)

    # ---- taking over another one's state --------------------------------------

    async def adopt(self, peer: NodeId, snapshot: Snapshot) -> bool:
        """Put the state of another replica in the place of ours; our log stays.

        Parameters
        ----------
        peer : NodeId
            Who has it.
        snapshot : Snapshot
            What it is; our log has what follows it.

        Returns
        -------
        bool
            Whether that was done; if not, nothing has changed.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        adoption = self._adoption = _Adoption(snapshot, done)
        timer = self._timers.call_later(ADOPTION_SECONDS, adoption.end, False)
        state = self._replica.state
        self._fetcher.on_offer(
            InstallSnapshot(
                sender=peer, receiver=state.id, term=state.term, snapshot=snapshot
            )
        )
        try:
            return await done
        finally:
            timer.cancel()
            self._adoption = None

    def _adopt_if_ready(self) -> None:
        """Adopt a state that is here, when all that it covers is applied."""
        adoption = self._adoption
        if (
            adoption is not None
            and adoption.is_here
            and not adoption.is_begun
            and adoption.snapshot.index <= self._applier.applied_index
        ):
            adoption.is_begun = True
            self._machine_queue.run(self._adopt(adoption))

    def _adopt(self, adoption: "_Adoption") -> MachineSteps[None]:
        """Do what `adopt` says, after all that is being applied."""
        snapshot, applier = adoption.snapshot, self._applier
        log, stop = self._replica.state.log, LogIndex(applier.applied_index + 1)
        if adoption.done.done() or log.first_index > snapshot.index + 1:
            adoption.end(False)
            return
        answers = yield MachineCall(lambda: self._fill(snapshot), is_long=True)
        applier.replaced(snapshot, answers)
        while applier.applied_index + 1 < stop:
            start = LogIndex(applier.applied_index + 1)
            yield from applier.apply(log.read(start, stop, ADOPTION_BYTES))
            yield None
        adoption.end(True)

    # ---- the end ------------------------------------------------------------

    def stop(self) -> None:
        """Begin nothing more."""
        if self._adoption is not None:
            self._adoption.end(False)
        self._taker.stop()
        self._fetcher.stop()

    async def close(self) -> None:
        """Wait for what is being read, written or restored."""
        for worker in self._workers.values():
            await worker.close()
