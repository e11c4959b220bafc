"""All that a driver does about snapshots: take, offer, serve, fetch, restore.

The core decides that a follower needs one, and that one is installed; the state itself
never passes through it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from raftwerk.config import NodeConfig
from raftwerk.core.inputs import Input, ReportSnapshot
from raftwerk.core.messages import InstallSnapshot, Message
from raftwerk.core.progress_view import ProgressState
from raftwerk.core.ready import AppendOrder
from raftwerk.core.records import Snapshot
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.host.protocol import Host
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.snapshot_fetching import SnapshotFetcher
from raftwerk.runtime.snapshot_serving import SnapshotServer
from raftwerk.runtime.snapshot_taking import SnapshotTaker
from raftwerk.runtime.syncer import Syncer
from raftwerk.storage.snapshot_protocol import SnapshotStore, Stores
from raftwerk.transport.chunks import ChunkUnavailable, FetchChunk, SnapshotChunk
from raftwerk.types import NodeId

__all__ = ["Snapshots", "state_chunks"]

_PATIENCE_TIMEOUTS = 10
"""Greatest election timeouts without a word after which a snapshot is offered anew."""


def state_chunks(store: SnapshotStore, snapshot: Snapshot) -> Iterable[bytes] | None:
    """Return the state that belongs to a snapshot.

    Parameters
    ----------
    store : SnapshotStore
        Where it is.
    snapshot : Snapshot
        With its manifest.

    Returns
    -------
    iterable of bytes or None
        Its chunks; None if the state machine is as it is when it is new.
    """
    if Manifest.decode(snapshot.data).chunks is None:
        return None
    return store.read_chunks(snapshot.index, snapshot.term)


class Owner(Protocol):
    """What the driver does for its snapshots."""

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages to peers."""

    def give(self, event: Input) -> None:
        """Give the core an input, in the next turn."""

    def on_restored(self) -> None:
        """Know that a received snapshot has taken the place of the state."""

    def fail(self, error: BaseException) -> None:
        """End this member."""


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
        host: Host,
        owner: Owner,
    ) -> None:
        self._applier = applier
        self._replica = replica
        self._store = stores.snapshots
        self._owner = owner
        self._patience_seconds = (
            _PATIENCE_TIMEOUTS * config.election_timeout_max_millis / 1000
        )
        # A worker for each, for none of them may wait for another.
        self._workers = {
            name: host.threads(name) for name in ("restore", "take", "serve", "fetch")
        }
        workers = self._workers
        self._taker = SnapshotTaker(
            config, applier, stores, workers["take"], syncer, owner.fail
        )
        self._server = SnapshotServer(
            config.node_id, self._store, workers["serve"], host.clock, owner.send
        )
        self._fetcher = SnapshotFetcher(
            config.node_id,
            self._store,
            workers["fetch"],
            host.timers,
            send=owner.send,
            on_complete=self._fetched,
            on_error=owner.fail,
        )
        self.handlers: dict[type[Message], Callable[..., None]] = {
            InstallSnapshot: self._fetcher.on_offer,
            FetchChunk: self._server.on_fetch,
            SnapshotChunk: self._fetcher.on_chunk,
            ChunkUnavailable: self._fetcher.on_unavailable,
        }

    def _fetched(self, offer: InstallSnapshot) -> None:
        """Show the core a snapshot whose state is here.

        Whoever leads now is told of it: what a snapshot covers is committed in every
        term, and the member that offered it may lead no more.
        """
        state = self._replica.state
        if state.leader is not None and state.leader != state.id:
            offer = msgspec.structs.replace(offer, sender=state.leader, term=state.term)
        self._owner.give(offer)

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

    def applied(self) -> None:
        """Take a snapshot if enough was applied since the last one."""
        self._taker.look(self._replica.state.tracker.conf_state)

    def take(self) -> bool:
        """Take a snapshot now.

        Returns
        -------
        bool
            False if one is being taken already, or there is nothing new.
        """
        return self._taker.take(self._replica.state.tracker.conf_state)

    def look_for_lost(self) -> None:
        """Offer a snapshot anew to whoever has not fetched for a long time.

        A report that is lost must not pause a follower for ever.
        """
        state = self._replica.state
        if state.role is not Role.LEADER:
            return
        for peer, progress in state.tracker.progress.items():
            if (
                progress.state is ProgressState.SNAPSHOT
                and self._server.silent_seconds(peer) >= self._patience_seconds
            ):
                self._server.offered(peer)
                self._owner.give(ReportSnapshot(peer, False))

    def lost(self, peer: NodeId) -> None:
        """Offer a snapshot anew to a peer that can't be reached, when it can be.

        Parameters
        ----------
        peer : NodeId
            To whom the connection was lost.
        """
        self._owner.give(ReportSnapshot(peer, False))

    def restore(self, order: AppendOrder) -> None:
        """Put a received snapshot's state in the place of ours, beside the loop.

        Until the order is acknowledged the core hands out nothing to apply.

        Parameters
        ----------
        order : AppendOrder
            With a snapshot, done but for this.
        """
        snapshot = order.snapshot
        assert snapshot is not None  # nosec B101: for the type checker
        done = asyncio.ensure_future(
            self._workers["restore"].run(
                lambda: self._applier.restore(
                    snapshot, state_chunks(self._store, snapshot)
                )
            )
        )
        done.add_done_callback(lambda restored: self._restored(order, restored))

    def _restored(self, order: AppendOrder, done: "asyncio.Future[None]") -> None:
        """Tell the core that the snapshot is installed."""
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._owner.fail(error)
            return
        self._owner.on_restored()
        if order.done is not None:
            self._owner.give(order.done)

    async def close(self) -> None:
        """Begin nothing more, and wait for what is being written."""
        self._fetcher.stop()
        await self._taker.close()
        for worker in self._workers.values():
            worker.close()
