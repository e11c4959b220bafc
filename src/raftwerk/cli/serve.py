"""One node as a process: the one place where all its parts are put together."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Final

import msgspec
import structlog

from raftwerk.api.app import ClientApp
from raftwerk.api.cluster_json import cluster_routes
from raftwerk.api.doorway import Doorway
from raftwerk.api.origin import Cors
from raftwerk.api.server import ApiServer
from raftwerk.api.streams import Streams
from raftwerk.api.v1.context import ApiContext
from raftwerk.api.v1.events import EventStream
from raftwerk.cli.beginning import Beginning
from raftwerk.cli.data_directory import (
    open_log,
    open_snapshots,
    size_of_directory,
)
from raftwerk.cli.explainer import make_explainer
from raftwerk.cli.families import start_families
from raftwerk.cli.lifeline import exit_with_parent
from raftwerk.cli.log import set_log_level, set_up_log
from raftwerk.cli.ports import require_free
from raftwerk.cli.recorder import Recorder, record_feed
from raftwerk.cli.reload import Reloader
from raftwerk.cli.role_scripts import check_scripts, replace_scripts, run_scripts
from raftwerk.cli.signals import StopSignals
from raftwerk.cli.transport import make_transport
from raftwerk.config import NodeConfig, ServeConfig
from raftwerk.core.roles import Role
from raftwerk.discovery.first_start import Start
from raftwerk.errors import InvariantViolation, NotLeader
from raftwerk.host.garbage import Garbage
from raftwerk.host.protocol import Host
from raftwerk.host.real import real_host
from raftwerk.kv import Store
from raftwerk.runtime import Member, Node
from raftwerk.runtime.event_feed import EventFeed
from raftwerk.runtime.hooks import Hooks
from raftwerk.runtime.meter import Meter
from raftwerk.runtime.tap import Tap
from raftwerk.runtime.timed_threads import timed_host
from raftwerk.service import KvService
from raftwerk.service.cluster import ClusterService
from raftwerk.service.compactor import Compactor
from raftwerk.service.growth import Growth
from raftwerk.service.newcomers import Newcomers
from raftwerk.service.quota import Quota
from raftwerk.service.revisions import Revisions
from raftwerk.service.watch import WatchService
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.transport.port_holder import holder_of
from raftwerk.transport.protocol import Identity
from raftwerk.types import Term

try:
    import uvloop
except ImportError:
    NEW_LOOP: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    NEW_LOOP = uvloop.new_event_loop

__all__ = ["serve"]

KEPT_ENTRIES_MAX: Final = 5_000
"""Of those that a snapshot covers, for members that lag a little; as in etcd."""

SWITCH_SECONDS: Final = 0.001
"""How long a thread may keep the interpreter while another one wants it. A snapshot is
made beside the loop, and each step of a write would wait for it several times."""

LEAVE_SECONDS: Final = 0.3
"""How long clients may take to leave by themselves when we stop: time for one more
request of each that is busy. Then idle connections are closed."""


def serve(
    config: ServeConfig,
    *,
    read_again: Callable[[], ServeConfig] | None = None,
    with_parent: bool = False,
) -> None:
    """Run one node until it is asked to stop.

    Parameters
    ----------
    config : ServeConfig
        What it was told.
    read_again : callable, optional
        Reads what it is told now, when SIGHUP asks for it.
    with_parent : bool
        End when the process that started this one does.

    Raises
    ------
    ConfigError
        If an address is taken or the data directory can't be used, naming it.
    StorageError
        If the disk refused or lied; the node has stopped.
    InvariantViolation
        If raftwerk broke a promise of its own; the node has stopped.
    """
    if with_parent:
        exit_with_parent()
    sys.setswitchinterval(SWITCH_SECONDS)
    set_up_log(config.log_level, form=config.log_format)
    check_scripts(config.hooks)
    require_free("listen-client-urls", config.listen_client_urls)
    require_free("listen-peer-urls", config.listen_peer_urls)
    try:
        with asyncio.Runner(loop_factory=NEW_LOOP) as runner:
            while runner.run(_serve(config, read_again or (lambda: config))):
                pass
    except InvariantViolation:
        # The command ends with one line; whoever mends this needs the whole of it.
        structlog.get_logger(__name__).exception("raftwerk broke a promise of its own")
        raise


async def _serve(config: ServeConfig, read_again: Callable[[], ServeConfig]) -> bool:
    """Start all parts, wait, and stop them in the opposite order.

    True: its cluster never came to be, and the node has to begin anew.
    """
    host = real_host()
    async with AsyncExitStack() as stack:
        signals = stack.enter_context(StopSignals())
        beginning = Beginning(config, RealDisk(), host)
        stack.callback(beginning.close)
        doorway = Doorway(
            config.name, lambda: beginning.waits_for, config.api.api_prefix
        )
        server = ApiServer(
            Cors(doorway, config.cors) if config.cors else doorway,
            config.listen_client_urls,
            holder_of=holder_of,
        )
        await server.start()
        stack.push_async_callback(server.stop)
        await _unless_stopped(signals, beginning.find())
        if signals.is_stopping:
            return False
        config = beginning.config
        member = await _start_node(config, host, stack, beginning)
        node = member.node
        hooks = run_scripts(config.hooks, host)
        app = _make_app(config, host, member, stack, hooks)
        doorway.open(app)
        stack.push_async_callback(server.stop)  # before the node, so that all may end
        # What lives now lives long: the collector need not look at it ever again.
        garbage = stack.enter_context(_garbage(config, host, node))
        signals.on_reload = _reloader(config, read_again, hooks, beginning).reload
        if config.record_events is not None:
            recorder = stack.enter_context(Recorder(config.record_events))
            recording = asyncio.ensure_future(record_feed(member.feed, recorder))
            stack.callback(recording.cancel)
        _tell_ready(config, node)
        hooks.watch(node)
        loading = asyncio.ensure_future(_load_documented(app, garbage))
        stack.callback(loading.cancel)
        if await _is_to_begin_anew(signals, node, beginning):
            await hooks.stop()
            return True
        structlog.get_logger(__name__).info("stopping")
        app.drain()
        member.feed.stop()  # those who watch would never leave by themselves
        # We still do our part: what comes meanwhile goes to the new leader.
        with suppress(NotLeader):  # the node has failed; see below
            await asyncio.gather(node.hand_over(), server.drain(LEAVE_SECONDS))
        await hooks.stop()
    await node.wait_ended()  # raises if it failed, be it in its last moment
    return False


def _reloader(
    config: ServeConfig,
    read_again: Callable[[], ServeConfig],
    hooks: Hooks,
    beginning: Beginning,
) -> Reloader:
    """Return what takes other settings while the node runs."""

    def take_level(told: ServeConfig) -> None:
        """Log more, or less."""
        set_log_level(told.log_level)

    def take_scripts(told: ServeConfig) -> None:
        """Run other scripts from now on."""
        check_scripts(told.hooks)
        replace_scripts(hooks, told.hooks)

    takers = {
        "log-level": take_level,
        "script-leader-path": take_scripts,
        "script-follower-path": take_scripts,
        "script-timeout": take_scripts,
        "dns-servers": beginning.take_servers,
    }
    return Reloader(config, read_again, takers)


class _Member(msgspec.Struct, frozen=True):
    """What takes part in the cluster, and what tells of it."""

    config: NodeConfig
    node: Node
    store: Store
    feed: EventFeed
    newcomers: Newcomers


async def _unless_stopped(
    signals: StopSignals, searching: Coroutine[None, None, None]
) -> None:
    """Let a search end, unless a signal asks for the end before."""
    asked = asyncio.ensure_future(signals.wait())
    found = asyncio.ensure_future(searching)
    try:
        await asyncio.wait((asked, found), return_when=asyncio.FIRST_COMPLETED)
        if found.done():
            found.result()  # raises why not
    finally:
        asked.cancel()
        found.cancel()
        await asyncio.gather(asked, found, return_exceptions=True)


async def _start_node(
    config: ServeConfig, host: Host, stack: AsyncExitStack, beginning: Beginning
) -> _Member:
    """Take part in the cluster until the stack is closed."""
    disk = RealDisk()
    log = open_log(
        config, disk, host.draw, beginning.place, _founders_of(beginning.start)
    )

    def admit(peer: Identity) -> str:
        """Ask the node, which is made after its transport."""
        return node.refusal(peer)

    def answer(question: bytes) -> bytes:
        """Tell a newcomer who is there; the same."""
        return newcomers(question)

    def term_now() -> Term:
        """Tell what term it is; the same."""
        return node.status().term

    try:
        await beginning.note(log.identity)
        store = Store()
        node_config = _node_config(config, log.identity)
        meter = Meter(host.clock)
        way = make_transport(
            config, log.identity, host, admit=admit, answer=answer, term_now=term_now
        )
        tap = Tap(way, host.clock)
        node = Node(
            node_config,
            store,
            host=timed_host(host, meter),
            store=log,
            transport=tap,
            snapshots=open_snapshots(config, disk, log),
        )
        node.meter = meter
        newcomers = Newcomers(
            node,
            config.initial_cluster_token,
            say=beginning.say,
            report=_tell_not_added,
        )
        feed = EventFeed(node, node_config, host, log=log, tap=tap, meter=meter)
        await node.start()
    except BaseException:
        log.close()
        raise
    stack.push_async_callback(node.stop)
    return _Member(node_config, node, store, feed, newcomers)


def _founders_of(start: Start | None) -> list[Member]:
    """Return who founds the cluster, as the first snapshot has them."""
    return [
        Member(node_id=each.node_id, name=each.name, peer_urls=each.peer_urls)
        for each in (start.founders if start else ())
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


def _start_duties(
    config: ServeConfig, host: Host, member: _Member, stack: AsyncExitStack
) -> ClusterService:
    """Have done what a leader owes the group, until the stack is closed."""
    cluster = ClusterService(member.node, host.timers, host.draw)
    member.newcomers.cluster = cluster
    growth = Growth(
        member.node,
        cluster,
        clock=host.clock,
        timers=host.timers,
        voters_max=config.discovery.num_replicas,
        election_timeout_seconds=config.election_timeout_min_millis / 1000,
        away_seconds=config.discovery.remove_after_seconds,
    )
    for duty in (cluster.run(), growth.run()):
        stack.callback(asyncio.ensure_future(duty).cancel)
    return cluster


def _make_app(
    config: ServeConfig,
    host: Host,
    member: _Member,
    stack: AsyncExitStack,
    hooks: Hooks,
) -> ClientApp:
    """Return what answers clients until the stack is closed."""
    beside = host.threads("documented-api")
    stack.callback(beside.close)
    cluster = _start_duties(config, host, member, stack)
    quota = Quota(member.node, member.store, config.quota_backend_bytes)
    kv = KvService(
        member.node,
        member.store,
        request_bytes_max=config.max_request_bytes,
        quota=quota,
    )
    compactor = Compactor(
        member.node,
        member.store,
        kv,
        config.auto_compaction,
        clock=host.clock,
        timers=host.timers,
    )
    stack.callback(asyncio.ensure_future(compactor.run()).cancel)

    def size_bytes() -> int:
        """Return how much room the data takes."""
        return size_of_directory(config.data_dir)

    streams = Streams()
    watches = WatchService(member.store, host.timers)
    explainer, connections = make_explainer(config, member.config, host, member.node)
    stack.push_async_callback(connections.close)
    context = ApiContext(
        node=member.node,
        explainer=explainer,
        kv=kv,
        cluster=cluster,
        hooks=hooks,
        watch=watches,
        revisions=Revisions(member.store, clock=host.clock, timers=host.timers),
        streams=streams,
        settings=config.api,
    )
    families = start_families(
        member.node,
        member.store,
        kv,
        host=host,
        watches=watches,
        streams=streams,
        stack=stack,
    )
    return ClientApp(
        context,
        families=[
            cluster_routes(
                member.node, cluster, kv, size_bytes, lambda: member.store.size_bytes
            ),
            *families,
        ],
        streams=streams,
        run_beside=beside.run,
        events=EventStream(member.feed),
        timers=host.timers,
    )


def _garbage(config: ServeConfig, host: Host, node: Node) -> Garbage:
    """Return what keeps the collector out of the way."""

    def may_pause() -> bool:
        """Tell whether nobody's heartbeats are ours to send."""
        with suppress(NotLeader):  # the node has failed
            return node.status().role is not Role.LEADER
        return False

    unnoticed_seconds = config.heartbeat_interval_millis / 3000
    return Garbage(host.clock, host.timers, unnoticed_seconds, may_pause)


async def _load_documented(app: ClientApp, garbage: Garbage) -> None:
    """Make the documented API while the node works already; see `api.lazy`."""
    await app.load()
    garbage.freeze()


async def _is_to_begin_anew(
    signals: StopSignals, node: Node, beginning: Beginning
) -> bool:
    """Return when a signal asks for it, or the cluster never came to be (True).

    Raise if the node fails before.
    """
    asked = asyncio.ensure_future(signals.wait())
    ended = asyncio.ensure_future(node.wait_ended())
    watching = asyncio.ensure_future(beginning.watch(node))
    await asyncio.wait((asked, ended, watching), return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    ended.cancel()
    if ended.done() and not ended.cancelled():
        ended.result()  # raises why
    if watching.done():
        watching.result()  # raises why
    watching.cancel()
    return watching.done() and not signals.is_stopping


def _tell_ready(config: ServeConfig, node: Node) -> None:
    """Print the line that people and scripts wait for."""
    clients = ",".join(map(str, config.listen_client_urls))
    peers = ",".join(map(str, config.listen_peer_urls))
    print(
        f"raftwerk {config.name} is ready: clients {clients}, peers {peers},"
        f" data in {config.data_dir}",
        flush=True,
    )
    status = node.status()
    structlog.get_logger(__name__).info(
        "ready",
        name=config.name,
        node_id=f"{status.node_id:x}",
        cluster_id=f"{status.cluster_id:x}",
    )
