"""A cluster of real processes, to be killed, paused and started again by a test."""

import asyncio
import base64
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from raftwerk.cli.relay import Relay
from raftwerk.config import Url
from raftwerk.monitor.fetch import HttpFetch
from raftwerk.monitor.report import FetchError, NodeReport
from tests.e2e.ports import free_ports
from tests.e2e.waiting import until

READY_SECONDS = 30.0
"""How long anything may take on a busy machine; what is fast is asserted apart."""

BACK_SECONDS = 2.0
"""How long a cluster may take, at most, to acknowledge writes after a fault or a heal;
of its own time, see `Stopwatch`."""

LOG_TAIL_LINES = 30


def _urls(names: Sequence[str]) -> dict[str, Url]:
    """Return a free address of this machine for each name."""
    ports = free_ports(len(names))
    return {n: Url("127.0.0.1", port) for n, port in zip(names, ports, strict=True)}


class NodeProcess:
    """One node: its flags, its log file, and its process while it has one.

    Its processes must be started on the thread that runs the tests: they end with the
    thread that started them.
    """

    def __init__(self, name: str, folder: Path, flags: list[str], client: Url) -> None:
        self.name = name
        self.client = client
        self.data_dir = folder / name
        self.log = folder / f"{name}.log"
        self.flags = flags
        self.program = ["-m", "raftwerk"]
        """What Python is told to run; `tests.e2e.sick_node` is another one."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    def start(self) -> None:
        assert self._process is None or self._process.poll() is not None
        with self.log.open("ab") as log:
            # pylint: disable-next=consider-using-with  # it outlives this call
            self._process = subprocess.Popen(
                [
                    *(sys.executable, *self.program, "serve"),
                    *self.flags,
                    "--exit-with-parent",
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None, f"{self.name} was never started"
        self._process.send_signal(number)

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it as by ``kill -9``, and wait for its end."""
        kill_at_once([self])

    def wait(self) -> int:
        """Return its exit code once it has ended by itself."""
        assert self._process is not None, f"{self.name} was never started"
        code = self._process.wait(READY_SECONDS)
        assert self._process.stdin is not None
        self._process.stdin.close()
        return code

    def check_not_failed(self) -> None:
        """Fail if it ended by itself, rather than wait for it."""
        code = None if self._process is None else self._process.poll()
        assert code is None or code <= 0, f"{self.name} ended with exit code {code}"

    def end(self) -> None:
        """Make sure that it is gone."""
        if self._process is not None:
            self.kill()

    async def is_stopping(self) -> bool:
        """Tell whether it has said that it stops."""
        return '"event": "stopping"' in self.log.read_text()

    def last_lines(self) -> str:
        if not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join(f"{self.name}: {line}" for line in lines)


def kill_at_once(nodes: Sequence[NodeProcess]) -> None:
    """Kill nodes as by ``kill -9``, and wait for their ends."""
    for node in nodes:
        node.send(signal.SIGKILL)
    for node in nodes:
        node.wait()


class Cluster:
    """Nodes with data below a folder; all are gone when its context ends.

    Parameters
    ----------
    folder : Path
        For data directories and log files.
    size : int
        How many nodes.
    flags : sequence of str
        What each node is told besides its name and addresses.
    is_relayed : bool
        Whether peers talk through `relay`, where the test can cut them off.
    """

    def __init__(
        self,
        folder: Path,
        size: int = 3,
        *,
        flags: Sequence[str] = (),
        is_relayed: bool = False,
    ) -> None:
        self.folder = folder
        names = [f"n{number}" for number in range(1, size + 1)]
        clients = _urls(names)
        told = _urls(names)
        real = _urls(names) if is_relayed else told
        initial = ",".join(f"{name}={url}" for name, url in told.items())
        self.nodes = [
            NodeProcess(
                name,
                folder,
                [
                    f"--name={name}",
                    f"--data-dir={folder / name}",
                    f"--listen-client-urls={clients[name]}",
                    f"--listen-peer-urls={real[name]}",
                    f"--initial-advertise-peer-urls={told[name]}",
                    f"--initial-cluster={initial}",
                    *flags,
                ],
                clients[name],
            )
            for name in names
        ]
        self._initial = initial
        self._flags = flags
        self.relay = Relay()
        self._relayed = {name: (told[name], real[name]) for name in names if is_relayed}
        self._stack = AsyncExitStack()
        self._fetch = HttpFetch()
        self.http = httpx.AsyncClient(trust_env=False)

    def newcomer(self, name: str, peer: Url | None = None) -> NodeProcess:
        """Return a node that is told to join; it belongs to the cluster from now on."""
        client = _urls([name])[name]
        peer = _urls([name])[name] if peer is None else peer
        node = NodeProcess(
            name,
            self.folder,
            [
                f"--name={name}",
                f"--data-dir={self.folder / name}",
                f"--listen-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-cluster={self._initial},{name}={peer}",
                "--initial-cluster-state=existing",
                *self._flags,
            ],
            client,
        )
        self.nodes.append(node)
        self._stack.callback(node.end)
        return node

    @property
    def endpoints(self) -> str:
        """What commands are told to call."""
        return "--endpoints=" + ",".join(str(node.client) for node in self.nodes)

    @property
    def pids(self) -> list[int]:
        """The processes of all nodes."""
        return [node.pid for node in self.nodes]

    def others(self, *nodes: NodeProcess) -> list[NodeProcess]:
        """Return all nodes but these."""
        return [node for node in self.nodes if node not in nodes]

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._fetch)
        await self._stack.enter_async_context(self.http)
        self._stack.push_async_callback(self.relay.stop)
        for name, (told, real) in self._relayed.items():
            await self.relay.add(name, told)
            self.relay.lead_to(name, real)
        for node in self.nodes:
            self._stack.callback(node.end)
            node.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
        if error is not None:
            for node in self.nodes:
                print(node.last_lines())

    async def status(self, node: NodeProcess) -> NodeReport | None:
        """Return what a node says of itself; None if it does not answer in a second."""
        node.check_not_failed()
        try:
            async with asyncio.timeout(1.0):
                return await self._fetch(node.client)
        except (FetchError, TimeoutError):
            return None

    async def leader(self, among: list[NodeProcess] | None = None) -> NodeProcess:
        """Return the leader, once one of the nodes says that it is the one.

        If several say so, it is the one of the highest term: the others have not heard
        of it yet.
        """

        async def look() -> NodeProcess | None:
            nodes = self.nodes if among is None else among
            reports = await asyncio.gather(*map(self.status, nodes))
            leaders = [
                (report.term, number)
                for number, report in enumerate(reports)
                if report is not None and report.state == "LEADER"
            ]
            return nodes[max(leaders)[1]] if leaders else None

        found = await until(look, "some node leads", READY_SECONDS)
        assert found is not None
        return found

    async def answers(self, node: NodeProcess) -> None:
        """Return once the node knows a leader."""

        async def look() -> bool:
            report = await self.status(node)
            return report is not None and report.leader is not None

        await until(look, f"{node.name} answers and knows a leader", READY_SECONDS)

    async def log_begins_after(self, node: NodeProcess, index: int) -> bool:
        """Tell whether a node's log was compacted up to an entry."""
        return bool((await self._view(node))["first_index"] > index)

    async def agreed_version(self, node: NodeProcess, version: int) -> None:
        """Return once a node knows that all members can read a version of the log."""

        async def look() -> bool:
            try:
                return bool((await self._view(node))["cluster_version"] == version)
            except httpx.TransportError:
                return False

        await until(look, f"version {version} at {node.name}", READY_SECONDS)

    async def waits_for_a_quorum(self, node: NodeProcess) -> bool:
        """Tell whether a node's log has entries that are not committed."""
        view = await self._view(node)
        return bool(view["last_log_index"] > view["commit_index"])

    async def _view(self, node: NodeProcess) -> dict[str, Any]:
        """Return all that a node says of itself."""
        answer = await self.http.get(f"{node.client}/api/v1/raft/")
        view: dict[str, Any] = answer.json()["data"]
        return view

    async def store(self, node: NodeProcess) -> tuple[int, list[dict[str, Any]]]:
        """Return all that a node has by itself alone: its revision, and each key."""
        fields = {"key": b"\0", "range_end": b"\0"}
        answer = await self.call(node, "range", fields, serializable=True)
        assert answer is not None
        return int(answer["header"]["revision"]), answer.get("kvs", [])

    async def call(
        self,
        node: NodeProcess,
        path: str,
        fields: Mapping[str, bytes],
        seconds: float = 10.0,
        **settings: bool,
    ) -> dict[str, Any] | None:
        """Return the answer to a call of etcd's gateway; None if it did not succeed.

        After None nothing is known of a write: it may be done, or still be done later.
        """
        body: dict[str, object] = {
            name: base64.b64encode(value).decode() for name, value in fields.items()
        }
        try:
            async with asyncio.timeout(seconds):
                answer = await self.http.post(
                    f"{node.client}/v3/kv/{path}", json=body | settings, timeout=None
                )
        except (httpx.TransportError, TimeoutError):
            return None
        if answer.status_code != httpx.codes.OK:
            return None
        found: dict[str, Any] = answer.json()
        return found

    async def put(
        self, node: NodeProcess, key: bytes, value: bytes, seconds: float = 5.0
    ) -> int | None:
        """Return the revision of a write; None if it was not acknowledged."""
        answer = await self.call(node, "put", {"key": key, "value": value}, seconds)
        return None if answer is None else int(answer["header"]["revision"])

    async def get(self, node: NodeProcess, key: bytes) -> tuple[bytes, int] | None:
        """Return value and revision of a key, None if it is not there; must succeed."""
        return (await self._range(node, {"key": key})).get(key)

    async def get_all(
        self, node: NodeProcess, start: bytes, stop: bytes
    ) -> dict[bytes, tuple[bytes, int]]:
        """Return value and revision of each key from one to before another."""
        return await self._range(node, {"key": start, "range_end": stop})

    async def _range(
        self, node: NodeProcess, fields: Mapping[str, bytes]
    ) -> dict[bytes, tuple[bytes, int]]:
        """Return what a linearizable read finds, once it succeeds."""

        async def look() -> dict[str, Any] | None:
            return await self.call(node, "range", fields)

        answer = await until(look, f"{node.name} answers a read", READY_SECONDS)
        assert answer is not None
        return {
            base64.b64decode(found["key"]): (
                base64.b64decode(found.get("value", "")),
                int(found["mod_revision"]),
            )
            for found in answer.get("kvs", ())
        }
