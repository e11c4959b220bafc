"""One node as a process: the one place where all its parts are put together."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Final

import structlog

from raftwerk.api.app import ClientApp
from raftwerk.api.doorway import Doorway
from raftwerk.api.origin import Cors
from raftwerk.api.server import ApiServer
from raftwerk.cli.archiving import check_archive
from raftwerk.cli.beginning import Beginning
from raftwerk.cli.client_app import make_client_app
from raftwerk.cli.descriptors import allow_connections
from raftwerk.cli.even_size import warn_of_even_size
from raftwerk.cli.lifeline import exit_with_parent
from raftwerk.cli.log import set_log_level, set_up_log
from raftwerk.cli.output import write_lines
from raftwerk.cli.ports import require_free
from raftwerk.cli.reachable import is_same_place
from raftwerk.cli.recorder import Recorder, record_feed
from raftwerk.cli.reload import Reloader
from raftwerk.cli.role_scripts import check_scripts, replace_scripts, run_scripts
from raftwerk.cli.running_member import RunningMember, start_member
from raftwerk.cli.signals import StopSignals
from raftwerk.config import ServeConfig
from raftwerk.core.roles import Role
from raftwerk.errors import InvariantViolation, NotLeader, OutputLost
from raftwerk.host.garbage import Garbage
from raftwerk.host.protocol import Host
from raftwerk.host.real import real_host
from raftwerk.runtime import Node
from raftwerk.runtime.hooks import Hooks
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.wal import Wal
from raftwerk.transport.port_holder import holder_of

try:
    import uvloop
except ImportError:
    NEW_LOOP: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    NEW_LOOP = uvloop.new_event_loop

__all__ = ["serve"]

SWITCH_SECONDS: Final = 0.000_1
"""How long a thread waits for the interpreter before it demands it. A busy loop lets go
of it around each callback of a socket, and takes it back before a waiting thread is
awake; only one that has waited so long without such a moment is let in for sure. With
a millisecond the thread that syncs was kept out for half a second."""

LEAVE_SECONDS: Final = 0.3
"""How long clients may take to leave by themselves when we stop: time for one more
request of each that is busy. Then idle connections are closed."""

STOP_SECONDS: Final = 7
"""How long requests in flight may take to end, and scripts beside them. Leadership was
handed over before, in three seconds at most as settings are: that makes ten."""


def serve(
    config: ServeConfig,
    *,
    read_again: Callable[[], ServeConfig] | None = None,
    with_parent: bool = False,
    disk: Disk | None = None,
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
    disk : Disk, optional
        Where its data is; without it, on the machine's own.

    Raises
    ------
    ConfigError
        If an address is taken or a directory can't be used, naming it.
    StorageError
        If the disk refused or lied; the node has stopped.
    InvariantViolation
        If raftwerk broke a promise of its own; the node has stopped.
    MemberRemoved
        If the cluster has removed this member; it has stopped.
    """
    if with_parent:
        exit_with_parent()
    sys.setswitchinterval(SWITCH_SECONDS)
    set_up_log(config.log_level, form=config.log_format)
    disk = disk or RealDisk()
    check_scripts(config.hooks)
    check_archive(config, disk)
    if not Wal.exists(disk, config.data_dir):
        config.require_own_place(is_same_place)
    require_free("listen-client-urls", config.listen_client_urls)
    require_free("listen-peer-urls", config.listen_peer_urls)
    try:
        with asyncio.Runner(loop_factory=NEW_LOOP) as runner:
            again = read_again or (lambda: config)
            while runner.run(_serve(config, again, disk)):
                pass
    except InvariantViolation:
        # The command ends with one line; whoever mends this needs the whole of it.
        structlog.get_logger(__name__).exception("raftwerk broke a promise of its own")
        raise


async def _serve(
    config: ServeConfig, read_again: Callable[[], ServeConfig], disk: Disk
) -> bool:
    """Start all parts, wait, and stop them in the opposite order.

    True: its cluster never came to be, and the node has to begin anew.
    """
    host = real_host()
    async with AsyncExitStack() as stack:
        signals = stack.enter_context(StopSignals())
        beginning = Beginning(config, disk, host)
        stack.callback(beginning.close)
        doorway = Doorway(
            config.name,
            lambda: beginning.waits_for,
            config.api.api_prefix,
            config.api.app_name,
        )
        server = ApiServer(
            Cors(doorway, config.cors) if config.cors else doorway,
            config.listen_client_urls,
            holder_of=holder_of,
            stop_seconds=STOP_SECONDS,
            connections_max=allow_connections(),
        )
        await server.start()
        stack.push_async_callback(server.stop)
        await _unless_stopped(signals, beginning.find())
        if signals.is_stopping:
            return False
        config = beginning.config
        member = await start_member(config, host, disk, stack, beginning)
        beginning.tell_found()
        node = member.node
        hooks = run_scripts(config.hooks, host)
        app = make_client_app(config, host, member, stack, hooks)
        doorway.open(app)
        server.hot.by_path = app.hot_calls()
        stack.push_async_callback(server.stop)  # before the node, so that all may end
        # What lives now lives long: the collector need not look at it ever again.
        garbage = stack.enter_context(_garbage(config, host, node))
        signals.on_reload = _reloader(config, read_again, hooks, beginning).reload
        if config.record_events is not None:
            _start_recording(config.record_events, member, stack)
        _tell_ready(config, node)
        warn_of_even_size(config)
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
        # A script, too, has its time, and not after the requests have had theirs.
        await asyncio.gather(hooks.stop(), server.stop())
    await node.wait_ended()  # raises if it failed, be it in its last moment
    return False


def _start_recording(path: str, member: RunningMember, stack: AsyncExitStack) -> None:
    """Record what the node tells until the stack is closed."""
    recorder = stack.enter_context(Recorder(path))
    recording = asyncio.ensure_future(record_feed(member.feed, recorder))
    stack.callback(recording.cancel)


def _reloader(
    config: ServeConfig,
    read_again: Callable[[], ServeConfig],
    hooks: Hooks,
    beginning: Beginning,
) -> Reloader:
    """Return what takes other settings while the node runs."""

    def take_level(told: ServeConfig) -> Callable[[], None]:
        """Log more, or less."""
        return partial(set_log_level, told.log_level)

    def take_scripts(told: ServeConfig) -> Callable[[], None]:
        """Run other scripts from now on."""
        check_scripts(told.hooks)
        return partial(replace_scripts, hooks, told.hooks)

    takers = {
        "log-level": take_level,
        "script-leader-path": take_scripts,
        "script-follower-path": take_scripts,
        "script-timeout": take_scripts,
        "dns-servers": beginning.take_servers,
    }
    return Reloader(config, read_again, takers)


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


def _garbage(config: ServeConfig, host: Host, node: Node) -> Garbage:
    """Return what keeps the collector out of the way."""

    def may_pause() -> bool:
        """Tell whether nobody's heartbeats are ours to send."""
        with suppress(NotLeader):  # the node has failed
            return node.status().role is not Role.LEADER
        return False

    # A third of a heartbeat: no member has missed a beat by then.
    unnoticed_seconds = config.heartbeat_interval_millis / 3000
    return Garbage(host.clock, host.timers, unnoticed_seconds, may_pause)


async def _load_documented(app: ClientApp, garbage: Garbage) -> None:
    """Make the documented API while the node works already; see `api.lazy`."""
    garbage.rest()
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
    log = structlog.get_logger(__name__)
    try:
        write_lines(
            [
                f"raftwerk {config.name} is ready: clients {clients}, peers {peers},"
                f" data in {config.data_dir}"
            ]
        )
    except OutputLost as error:  # no reason to serve nobody
        log.warning("who reads the output is not told", reason=str(error))
    status = node.status()
    log.info(
        "ready",
        name=config.name,
        node_id=f"{status.node_id:x}",
        cluster_id=f"{status.cluster_id:x}",
    )
