"""The page of any cluster, in a process of its own."""

import asyncio
import sys
from contextlib import AsyncExitStack

from raftwerk.cli.output import write_lines
from raftwerk.cli.ports import require_free
from raftwerk.cli.signals import StopSignals
from raftwerk.config import MonitorConfig, Url
from raftwerk.errors import OutputLost
from raftwerk.host.real import real_host
from raftwerk.monitor.app import make_app
from raftwerk.monitor.diagnosis import diagnosing
from raftwerk.monitor.fetch import HttpFetch
from raftwerk.monitor.hub import Hub
from raftwerk.monitor.names import Names
from raftwerk.monitor.poller import Poller
from raftwerk.monitor.server import PageServer
from raftwerk.monitor.stream import HttpStream

__all__ = ["monitor"]


def monitor(config: MonitorConfig) -> None:
    """Serve the page until asked to stop.

    Parameters
    ----------
    config : MonitorConfig
        Which nodes, and where to serve the page.

    Raises
    ------
    ConfigError
        If the page's address is taken or can't be bound, naming it.
    """
    require_free("port", (Url(config.host, config.port),))
    asyncio.run(_serve(config))


async def _serve(config: MonitorConfig) -> None:
    """Ask the nodes and answer browsers."""
    host = real_host()
    async with AsyncExitStack() as stack:
        signals = stack.enter_context(StopSignals())
        fetch = await stack.enter_async_context(HttpFetch(prefix=config.api_prefix))
        endpoints = _endpoints(config)
        poller = Poller(
            endpoints,
            fetch,
            clock=host.clock,
            timers=host.timers,
            interval_seconds=config.refresh_millis / 1000,
        )
        streams = await stack.enter_async_context(HttpStream(prefix=config.api_prefix))
        hub = Hub(endpoints, streams, host)
        await stack.enter_async_context(diagnosing(hub, host.timers, config.api_prefix))
        app = make_app(poller.views, refresh_millis=config.refresh_millis, hub=hub)
        server = PageServer(app)
        await server.start(config.host, config.port)
        stack.push_async_callback(server.stop)
        stack.push_async_callback(hub.stop)  # first: pages never leave by themselves
        polling = asyncio.create_task(poller.run())
        if config.main_app_name:
            names = Names(config.main_app_name, config.endpoints[0].port)
            looking = asyncio.create_task(names.run((poller, hub)))
            stack.callback(looking.cancel)
        _tell_ready(config)
        await signals.wait()
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


def _tell_ready(config: MonitorConfig) -> None:
    """Print where the page is."""
    try:
        write_lines([f"monitor: {Url(config.host, config.port)}/"])
    except OutputLost as error:  # no reason to show nobody
        print(f"raftwerk: warning: {error}", file=sys.stderr)


def _endpoints(config: MonitorConfig) -> tuple[Url, ...]:
    """Return the nodes to begin with; with a name in DNS, not the usual one."""
    if config.main_app_name and config.endpoints == MonitorConfig().endpoints:
        return ()
    return config.endpoints
