"""What clients are served, made of its parts: services, their duties, their routes."""

import asyncio
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Final

import structlog

from raftwerk.api.app import ClientApp
from raftwerk.api.cluster_json import cluster_routes
from raftwerk.api.gateway import body_bytes_max
from raftwerk.api.metrics import MetricsPage
from raftwerk.api.streams import Streams
from raftwerk.api.v1.context import ApiContext
from raftwerk.api.v1.events import EventStream
from raftwerk.cli.data_directory import size_of_directory
from raftwerk.cli.explainer import make_explainer
from raftwerk.cli.families import start_families
from raftwerk.cli.process_numbers import process_numbers
from raftwerk.cli.running_member import RunningMember
from raftwerk.config import ServeConfig
from raftwerk.errors import NotLeader
from raftwerk.host.protocol import Host
from raftwerk.runtime.hooks import Hooks
from raftwerk.service import KvService
from raftwerk.service.cluster import ClusterService
from raftwerk.service.compactor import Compactor
from raftwerk.service.drift import DriftAlarm
from raftwerk.service.explain import Explainer
from raftwerk.service.growth import Growth
from raftwerk.service.leader_reads import LeaderReads
from raftwerk.service.quota import Quota
from raftwerk.service.revisions import Revisions
from raftwerk.service.watch import WatchService

__all__ = ["make_client_app"]

LOOK_SECONDS: Final = 1.0
"""From one look at who leads to the next; an election is seldom so soon."""


def _start_duties(
    config: ServeConfig, host: Host, member: RunningMember, stack: AsyncExitStack
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
    alarm = DriftAlarm(
        member.node,
        member.store,
        host.timers,
        structlog.get_logger("raftwerk.drift").log,
    )
    for duty in (
        cluster.run(),
        growth.run(),
        alarm.run(),
        _note_leaders(member, host),
    ):
        stack.callback(asyncio.ensure_future(duty).cancel)
    return cluster


async def _note_leaders(member: RunningMember, host: Host) -> None:
    """Have it counted who leads: a follower is told of no event when it learns that."""
    while True:
        await host.timers.sleep(LOOK_SECONDS)
        with suppress(NotLeader):  # it does not run
            member.metrics.look(member.node.status().leader)


def _start_compactor(
    config: ServeConfig,
    host: Host,
    member: RunningMember,
    stack: AsyncExitStack,
    kv: KvService,
) -> None:
    """Have old revisions forgotten as told, until the stack is closed."""
    compactor = Compactor(
        member.node,
        member.store,
        kv,
        config.auto_compaction,
        clock=host.clock,
        timers=host.timers,
    )
    stack.callback(asyncio.ensure_future(compactor.run()).cancel)


def _start_explainer(
    config: ServeConfig, host: Host, member: RunningMember, stack: AsyncExitStack
) -> Explainer:
    """Return what asks the others how they are, until the stack is closed."""
    explainer, connections = make_explainer(config, host, member)
    stack.push_async_callback(connections.close)
    return explainer


def make_client_app(
    config: ServeConfig,
    host: Host,
    member: RunningMember,
    stack: AsyncExitStack,
    hooks: Hooks,
) -> ClientApp:
    """Return what answers clients until the stack is closed.

    Parameters
    ----------
    config : ServeConfig
        What the process was told.
    host : Host
        Time, threads and draws.
    member : RunningMember
        Who takes part.
    stack : AsyncExitStack
        All that works for clients ends when it is closed.
    hooks : Hooks
        The role scripts.

    Returns
    -------
    ClientApp
        An ASGI application.
    """
    node, store = member.node, member.store
    beside = host.threads("documented-api")
    stack.callback(beside.close)
    cluster = _start_duties(config, host, member, stack)
    quota = Quota(node, store, config.quota_backend_bytes)
    kv = KvService(node, store, request_bytes_max=config.max_request_bytes, quota=quota)
    LeaderReads(node, kv)
    _start_compactor(config, host, member, stack, kv)

    streams = Streams(body_bytes_max(config.max_request_bytes))
    watches = WatchService(store, host.timers, require_sound=node.require_sound)
    context = ApiContext(
        node=node,
        explainer=_start_explainer(config, host, member, stack),
        kv=kv,
        sessions=node,
        cluster=cluster,
        hooks=hooks,
        watch=watches,
        revisions=Revisions(store, clock=host.clock, timers=host.timers),
        streams=streams,
        entries=node.entries,
        settings=config.api,
    )
    families = start_families(
        node, store, kv, host=host, watches=watches, streams=streams, stack=stack
    )
    return ClientApp(
        context,
        families=[
            cluster_routes(
                node,
                cluster,
                kv,
                partial(size_of_directory, config.data_dir),
                lambda: store.size_bytes,
            ),
            *families,
        ],
        streams=streams,
        run_beside=beside.run,
        events=EventStream(member.feed, context),
        timers=host.timers,
        metrics=_make_metrics(member, quota),
    )


def _make_metrics(member: RunningMember, quota: Quota) -> MetricsPage:
    """Return what Prometheus asks."""
    return MetricsPage(
        member.node,
        member.store,
        member.metrics,
        peers=member.node.peers,
        process=process_numbers,
        quota_bytes=quota.bytes_max,
    )
