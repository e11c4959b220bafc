"""A cluster on this machine: its nodes as child processes, a page, and a display."""

import asyncio
import base64
import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

from rich.console import Console
from rich.text import Text

from raftwerk.cli.display import make_display
from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.ports import require_free
from raftwerk.cli.signals import StopSignals
from raftwerk.cli.supervisor import Child, Supervisor, node_command
from raftwerk.config import DemoConfig, MonitorConfig, Url, bad_setting
from raftwerk.host.real import real_host
from raftwerk.monitor.app import make_app
from raftwerk.monitor.fetch import HttpFetch
from raftwerk.monitor.server import PageServer
from raftwerk.monitor.status import Poller

__all__ = ["demo"]

POLL_SECONDS = 0.2
"""Short, for an election takes no longer, and one wants to see it."""


def demo(config: DemoConfig) -> ExitCode:
    """Run the nodes of a demo until it is asked to stop.

    Parameters
    ----------
    config : DemoConfig
        How many nodes, and where.

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
    with ExitStack() as stack:
        folder = _data_folder(config, stack)
        return asyncio.run(_Demo(config, folder).run())


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


class _Demo:
    """The parts of a demo, and how they work together."""

    def __init__(self, config: DemoConfig, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self._host = real_host()
        self._children = tuple(
            Child(name, node_command(config, number, folder), folder / f"{name}.log")
            for number, name in enumerate(config.names)
        )

    async def run(self) -> ExitCode:
        """Run all until a signal comes or no node is left."""
        async with AsyncExitStack() as stack:
            signals = stack.enter_context(StopSignals())
            console = _Output(signals.stop)
            fetch = await stack.enter_async_context(HttpFetch())
            poller = Poller(
                self._config.client_urls,
                fetch,
                clock=self._host.clock,
                timers=self._host.timers,
                interval_seconds=POLL_SECONDS,
            )
            if self._config.monitor_port is not None:
                await self._serve_page(poller, self._config.monitor_port, stack)
            self._print_introduction(console)
            display = make_display(poller.views, self._children, console)
            stack.enter_context(display)
            poller.watch(display.refresh)
            return await self._run_nodes(poller, signals, display.tell)

    async def _run_nodes(
        self, poller: Poller, signals: StopSignals, tell: Callable[[str], None]
    ) -> ExitCode:
        """Run the nodes and ask them how they do."""
        supervisor = Supervisor(self._children, tell, timers=self._host.timers)
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
            await supervisor.stop()
            await asyncio.gather(stopped, polling, return_exceptions=True)
        await nodes
        return ExitCode.OK if was_asked_to else ExitCode.FAILED

    async def _serve_page(
        self, poller: Poller, port: int, stack: AsyncExitStack
    ) -> None:
        """Serve the page until the stack is closed."""
        usual = MonitorConfig()
        way_out = "; --monitor-port gives the page another, --no-monitor leaves it out"
        page = Url(usual.host, port)
        require_free("the page's address", (page,), way_out=way_out)
        server = PageServer(make_app(poller.views, refresh_millis=usual.refresh_millis))
        await server.start(page.host, page.port)
        stack.push_async_callback(server.stop)

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
            lines.append(f"Watch them:  http://127.0.0.1:{config.monitor_port}/")
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
