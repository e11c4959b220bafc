"""A cluster on this machine: its nodes as child processes, a page, and a display."""

import asyncio
import base64
import json
import os
import sys
import tempfile
import webbrowser
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

from rich.console import Console
from rich.text import Text

from raftwerk.cli.demo_cluster import DemoCluster
from raftwerk.cli.demo_routes import DemoRoutes, OwnHostOnly
from raftwerk.cli.display import make_display
from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.ports import require_free
from raftwerk.cli.recorder import Recorder
from raftwerk.cli.signals import StopSignals
from raftwerk.config import DemoConfig, MonitorConfig, Url, bad_setting
from raftwerk.host.real import real_host
from raftwerk.monitor.app import make_app
from raftwerk.monitor.diagnosis import diagnosing
from raftwerk.monitor.fetch import HttpFetch
from raftwerk.monitor.hub import Hub
from raftwerk.monitor.poller import Poller
from raftwerk.monitor.server import PageServer
from raftwerk.monitor.stream import HttpStream

__all__ = ["demo"]

POLL_SECONDS = 0.2
"""Short, for an election takes no longer, and one wants to see it."""


def demo(config: DemoConfig, *, opens_page: bool = False) -> ExitCode:
    """Run the nodes of a demo until it is asked to stop.

    Parameters
    ----------
    config : DemoConfig
        How many nodes, and where.
    opens_page : bool
        Show the page in a browser.

    Returns
    -------
    ExitCode
        `FAILED` if all nodes ended by themselves.

    Raises
    ------
    ConfigError
        If a port is taken or the data directory can't be used, naming it.
    """
    way_out = "; --base-port gives the nodes others"
    require_free("a node's client address", config.client_urls, way_out=way_out)
    require_free("a node's peer address", config.peer_urls, way_out=way_out)
    if config.monitor_port is not None:
        way_out = "; --monitor-port gives the page another, --no-monitor leaves it out"
        page = Url(MonitorConfig().host, config.monitor_port)
        require_free("the page's address", (page,), way_out=way_out)
    with ExitStack() as stack:
        folder = _data_folder(config, stack)
        return asyncio.run(_Demo(config, folder, opens_page=opens_page).run())


def _data_folder(config: DemoConfig, stack: ExitStack) -> Path:
    """Return the folder for the nodes' data, made if need be."""
    if config.data_dir is None:
        return Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="raftwerk-demo-", ignore_cleanup_errors=True
                )
            )
        )
    folder = Path(config.data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        allowed = f"a folder that can be made and written ({error.strerror})"
        raise bad_setting("data-dir", folder, allowed) from error
    return folder


class _Output(Console):
    """Standard output; whoever reads it may go, as in ``raftwerk demo | head``."""

    def __init__(self, when_nobody_reads: Callable[[], None]) -> None:
        super().__init__()
        self._when_nobody_reads = when_nobody_reads

    def on_broken_pipe(self) -> None:
        """Say no more; what is left in buffers must not fail at the end."""
        self.quiet = True
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())
        self._when_nobody_reads()


async def _do_nothing() -> None:
    """Close no page: there is none."""


class _Demo:
    """The parts of a demo, and how they work together."""

    def __init__(self, config: DemoConfig, folder: Path, *, opens_page: bool) -> None:
        self._config = config
        self._folder = folder
        self._opens_page = opens_page
        self._host = real_host()
        self._close_page: Callable[[], Awaitable[None]] = _do_nothing

    async def run(self) -> ExitCode:
        """Run all until a signal comes or no node is left."""
        async with AsyncExitStack() as stack:
            signals = stack.enter_context(StopSignals())
            console = _Output(signals.stop)
            early: list[str] = []  # said before there is anything to say it on
            told: list[Callable[[str], object]] = [early.append]

            def tell(line: str) -> None:
                """Say it on what there is by now."""
                told[0](line)

            fetch = await stack.enter_async_context(HttpFetch())
            poller = Poller(
                self._config.client_urls,
                fetch,
                clock=self._host.clock,
                timers=self._host.timers,
                interval_seconds=POLL_SECONDS,
            )
            hub = await self._make_hub(stack)
            cluster = DemoCluster(
                self._config,
                self._folder,
                tell,
                timers=self._host.timers,
                hub=hub,
            )
            stack.push_async_callback(cluster.stop)
            await cluster.start(poller)
            if hub is not None:
                await self._serve_page(poller, cluster, hub, stack)
            self._print_introduction(console)
            display = make_display(poller.views, cluster.supervisor.children, console)
            stack.enter_context(display)
            told[0] = display.tell
            for line in early:
                display.tell(line)
            poller.watch(display.refresh)
            return await self._run_nodes(poller, cluster, signals, display.tell)

    async def _run_nodes(
        self,
        poller: Poller,
        cluster: DemoCluster,
        signals: StopSignals,
        tell: Callable[[str], None],
    ) -> ExitCode:
        """Run the nodes and ask them how they do."""
        supervisor = cluster.supervisor
        stopped = asyncio.create_task(signals.wait())
        nodes = asyncio.create_task(supervisor.run())
        polling = asyncio.create_task(poller.run())
        try:
            await asyncio.wait(
                (stopped, nodes, polling), return_when=asyncio.FIRST_COMPLETED
            )
            if polling.done():
                polling.result()  # raises why: it never ends by itself
            was_asked_to = stopped.done()
            tell("ending all nodes" if was_asked_to else "no node is left")
        finally:
            for task in (stopped, polling):
                task.cancel()
            # All at once: whoever asked for the end should not wait for each in turn.
            await asyncio.gather(supervisor.stop(), self._close_page())
            await asyncio.gather(stopped, polling, return_exceptions=True)
        await nodes
        return ExitCode.OK if was_asked_to else ExitCode.FAILED

    async def _make_hub(self, stack: AsyncExitStack) -> Hub | None:
        """Return what gathers what the nodes say; None if nobody wants it."""
        config = self._config
        if config.monitor_port is None and config.record_events is None:
            return None
        streams = await stack.enter_async_context(HttpStream())
        hub = Hub(config.client_urls, streams, self._host, source="demo")
        await stack.enter_async_context(diagnosing(hub, self._host.timers))
        if config.record_events is not None:
            recorder = stack.enter_context(Recorder(config.record_events))
            hub.record(recorder.write)
        stack.push_async_callback(hub.stop)
        return hub

    async def _serve_page(
        self, poller: Poller, cluster: DemoCluster, hub: Hub, stack: AsyncExitStack
    ) -> None:
        """Serve the page until the stack is closed."""
        port = self._config.monitor_port
        if port is None:
            return
        usual = MonitorConfig()
        page = Url(usual.host, port)
        routes = DemoRoutes(cluster, hub, timers=self._host.timers)
        working = asyncio.create_task(routes.run())
        app = make_app(
            poller.views,
            refresh_millis=usual.refresh_millis,
            hub=hub,
            token=routes.token,
            routes=routes.routes,
        )
        server = PageServer(OwnHostOnly(app))
        await server.start(page.host, page.port)
        stack.callback(working.cancel)

        async def close_page() -> None:
            """End the page; first what it shows, for no page leaves by itself."""
            await hub.stop()
            await server.stop()

        self._close_page = close_page
        stack.push_async_callback(close_page)
        if self._opens_page:
            # Beside the loop: some browsers hold up whoever starts them.
            opening = asyncio.to_thread(webbrowser.open, f"http://{page.host_port}/")
            stack.callback(asyncio.ensure_future(opening).cancel)

    def _print_introduction(self, console: Console) -> None:
        """Say where everything is and what can be tried."""
        config = self._config
        is_kept = config.data_dir is not None
        lines = [
            f"raftwerk demo: nodes {', '.join(config.names)}; data and logs are in",
            f"  {self._folder} ({'kept' if is_kept else 'removed at the end'})",
        ]
        lines += [
            f"  {name}  clients {client}  peers {peer}"
            for name, client, peer in zip(
                config.names, config.client_urls, config.peer_urls, strict=True
            )
        ]
        if config.monitor_port is not None:
            page = f"http://127.0.0.1:{config.monitor_port}/"
            lines.append(f"Watch them, and break them:  {page}")
        first, last = config.client_urls[0], config.client_urls[-1]
        lines += [
            "Put a key, and get it from another node:",
            f"  curl {first}/v3/kv/put -d '{_body(key='hello', value='world')}'",
            f"  curl {last}/v3/kv/range -d '{_body(key='hello')}'",
            "Kill a node: kill -9 PID. The others go on, and it comes back by itself.",
            "End with ctrl-c.",
            "",
        ]
        for line in lines:
            console.print(Text(line), soft_wrap=True)


def _body(**texts: str) -> str:
    """Return a request's body: etcd's JSON has keys and values in base64."""
    return json.dumps(
        {
            name: base64.b64encode(text.encode()).decode()
            for name, text in texts.items()
        },
        separators=(",", ":"),
    )
