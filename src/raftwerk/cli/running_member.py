"""A member of a cluster, made of its parts: log, store, transport, node."""

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from raftwerk.cli.archiving import keep_archiving, make_archiver
from raftwerk.cli.beginning import Beginning
from raftwerk.cli.data_directory import open_log, open_snapshots
from raftwerk.cli.event_log import log_events
from raftwerk.cli.transport import make_transport
from raftwerk.config import NodeConfig, ServeConfig
from raftwerk.discovery.first_start import Start
from raftwerk.host.protocol import Host
from raftwerk.kv import AlarmKind, Store
from raftwerk.runtime import Member, Node
from raftwerk.runtime.archiver import Archiver
from raftwerk.runtime.event_feed import EventFeed
from raftwerk.runtime.meter import Meter
from raftwerk.runtime.metrics import NodeMetrics
from raftwerk.runtime.tap import Tap
from raftwerk.runtime.timed_threads import timed_host
from raftwerk.service.newcomers import Newcomers
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.transport.protocol import Identity, Objection
from raftwerk.types import LogIndex, NodeId, Term

if TYPE_CHECKING:
    from raftwerk.runtime.flight import FlightRecorder

__all__ = ["RunningMember", "start_member"]

KEPT_ENTRIES_MAX: Final = 5_000
"""Of those that a snapshot covers, for members that lag a little; as in etcd."""


class RunningMember(msgspec.Struct, frozen=True):
    """What takes part in the cluster, and what tells of it.

    Parameters
    ----------
    config : NodeConfig
        What the node was told.
    node : Node
        It runs.
    store : Store
        Its state machine.
    feed : EventFeed
        Tells what happens in it.
    newcomers : Newcomers
        Answers those who want to join.
    metrics : NodeMetrics
        What it counts.
    """

    config: NodeConfig
    node: Node
    store: Store
    feed: EventFeed
    newcomers: Newcomers
    metrics: NodeMetrics


class _Late:
    """What a transport asks of its node, which is made after it."""

    node: Node
    newcomers: Newcomers
    stores: Stores
    archiver: Archiver | None = None

    def archived(self) -> LogIndex | None:
        """Say up to where the log is archived."""
        return None if self.archiver is None else self.archiver.archived()

    def refusal(self, peer: Identity) -> Objection | None:
        """Say why a peer is refused."""
        return self.node.refusal(peer)

    def answer(self, question: bytes) -> bytes:
        """Tell a newcomer who is there."""
        return self.newcomers(question)

    def term(self) -> Term:
        """Say what term it is."""
        return self.node.status().term


async def start_member(
    config: ServeConfig,
    host: Host,
    disk: Disk,
    stack: AsyncExitStack,
    beginning: Beginning,
) -> RunningMember:
    """Take part in the cluster until the stack is closed.

    Parameters
    ----------
    config : ServeConfig
        What the process was told.
    host : Host
        Time, threads and draws.
    disk : Disk
        Where its data is.
    stack : AsyncExitStack
        The member ends when it is closed.
    beginning : Beginning
        It has found the cluster.

    Returns
    -------
    RunningMember
        It takes part.

    Raises
    ------
    RaftwerkError
        If it can't; the message says why.
    """
    late = _Late()
    log = open_log(
        config, disk, host.draw, beginning.place, _founders_of(beginning.start)
    )
    try:
        await beginning.note(log.identity)
        store = Store()
        node_config = _node_config(config, log.identity)
        meter, metrics = Meter(host.clock), NodeMetrics()
        tap = _make_tap(config, log.identity, host, late)
        late.stores = Stores(log, open_snapshots(config, disk, log))
        late.archiver = make_archiver(config, disk, host, log.identity, late.stores)
        late.node = node = Node(
            node_config,
            store,
            host=timed_host(host, meter.synced, metrics.synced),
            store=log,
            transport=tap,
            snapshots=late.stores.snapshots,
            archived=late.archived,
            flight=_recorder(config, host, disk),
        )
        node.meter = meter
        node.report = structlog.get_logger("raftwerk.disk").log
        node.observe(metrics.observe)
        node.observe(log_events)
        late.newcomers = newcomers = Newcomers(
            node,
            config.initial_cluster_token,
            say=beginning.say,
            report=_tell_not_added,
        )
        feed = EventFeed(
            node,
            node_config,
            host,
            log=log,
            tap=tap,
            meter=meter,
            alarms=partial(_alarms_of, store),
        )
        await node.start()
    except BaseException:
        log.close()
        raise
    stack.push_async_callback(node.stop)
    if late.archiver is not None:
        keep_archiving(late.archiver, node, stack)
    return RunningMember(node_config, node, store, feed, newcomers, metrics)


def _make_tap(
    config: ServeConfig, identity: DirectoryIdentity, host: Host, late: _Late
) -> Tap:
    """Return the way to the peers, with a tap on it for those who watch."""
    transport = make_transport(
        config,
        identity,
        host,
        admit=late.refusal,
        answer=late.answer,
        term_now=late.term,
    )
    return Tap(transport, host.clock)


def _recorder(config: ServeConfig, host: Host, disk: Disk) -> "FlightRecorder | None":
    """Return the flight recorder, if there is to be one."""
    if config.flight.record == "off":
        return None
    # pylint: disable-next=import-outside-toplevel  # few need its code
    from raftwerk.cli.flight import make_recorder

    return make_recorder(config, host, disk)


def _founders_of(start: Start | None) -> list[Member]:
    """Return who founds the cluster, as the first snapshot has them."""
    return [
        Member(node_id=each.node_id, name=each.name, peer_urls=each.peer_urls)
        for each in (start.founders if start else ())
    ]


def _alarms_of(store: Store) -> list[tuple[str, NodeId]]:
    """Return the alarms that are raised, by the words that etcd has for them."""
    return [
        (AlarmKind(kind).name, NodeId(raised_by)) for kind, raised_by in store.alarms()
    ]


def _tell_not_added(words: str) -> None:
    """Say why somebody who asked for it was not added."""
    structlog.get_logger(__name__).warning("a newcomer was not added", reason=words)


def _node_config(config: ServeConfig, identity: DirectoryIdentity) -> NodeConfig:
    """Return what the node is told: its identity is the directory's, not the flags'."""
    return NodeConfig(
        node_id=identity.node_id,
        cluster_id=identity.cluster_id,
        directory_id=identity.directory_id,
        epoch=identity.epoch,
        name=config.name,
        peer_urls=tuple(map(str, config.initial_advertise_peer_urls)),
        client_urls=tuple(map(str, config.advertise_client_urls)),
        election_timeout_min_millis=config.election_timeout_min_millis,
        election_timeout_max_millis=config.election_timeout_max_millis,
        heartbeat_millis=config.heartbeat_interval_millis,
        snapshot_entries=config.snapshot_count,
        # Who wants snapshots often wants a short log.
        snapshot_keep_entries=min(KEPT_ENTRIES_MAX, config.snapshot_count),
    )
