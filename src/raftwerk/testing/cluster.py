"""A real cluster in one process: real disks, real sockets on loopback, real time.

For tests of a user's state machine on what it will run on. Each member has a directory
and a port of its own, which the system chooses. A process can't be killed in part, so
members stop in order here; what power cuts do, `raftwerk.sim` shows.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec

from raftwerk.errors import MisuseError, NotLeader, NotProposed, OutcomeUnknown
from raftwerk.host.draw import SplitMix64
from raftwerk.host.real import real_host
from raftwerk.runtime import Member, Node, NodeConfig, StateMachine, bootstrap_snapshot
from raftwerk.runtime.answered import Once
from raftwerk.runtime.sessions import Session
from raftwerk.runtime.snapshot_reading import whole_snapshots
from raftwerk.runtime.versions import READABLE_VERSION
from raftwerk.sim.trial import Turns
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.wal import Wal
from raftwerk.transport.protocol import Identity, Objection
from raftwerk.transport.tcp import TcpTransport
from raftwerk.types import NodeId

__all__ = ["LocalClient", "LocalCluster"]

CLUSTER_ID: Final = 0x7E57

WAIT_SECONDS: Final = 30.0
"""How long to wait for what comes within a second on a machine that is not busy."""

LOOK_SECONDS: Final = 0.01

NODES_MAX: Final = 9

Result = TypeVar("Result")


class _Running(msgspec.Struct, frozen=True):
    """A member that runs."""

    node: Node
    transport: TcpTransport
    machine: StateMachine


class LocalCluster:
    """Members of one group, in this process.

    Parameters
    ----------
    machine : callable
        Makes a new state machine for each start of a member.
    directory : str or Path
        Where members keep their data; what is there already is gone on with.
    nodes : int
        How many members, 1 to 9.
    snapshot_entries : int
        Entries from one snapshot of a member to the next.

    Raises
    ------
    MisuseError
        If there can't be so many members.

    Examples
    --------
    >>> import tempfile
    >>> class Counter:
    ...     value = 0
    ...     def apply(self, index, commands):
    ...         self.value += len(commands)
    ...         return [self.value] * len(commands)
    ...     def snapshot(self):
    ...         return [str(self.value).encode()]
    ...     def restore(self, chunks):
    ...         self.value = int(b"".join(chunks))
    >>> async def story(directory):
    ...     async with LocalCluster(Counter, directory, nodes=1) as cluster:
    ...         return await cluster.client().propose(b"one more")
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     asyncio.run(story(directory))
    1
    """

    def __init__(
        self,
        machine: Callable[[], StateMachine],
        directory: str | Path,
        *,
        nodes: int = 3,
        snapshot_entries: int = 1_000,
    ) -> None:
        if not 1 <= nodes <= NODES_MAX:
            raise MisuseError(f"nodes is {nodes}; it must be 1 to {NODES_MAX}")
        self._make_machine = machine
        self._directory = Path(directory)
        self._snapshot_entries = snapshot_entries
        self._host = real_host()
        self._members = [
            # Nobody is there: where members are, they are told when that is known.
            Member(
                node_id=NodeId(number),
                name=f"n{number}",
                peer_urls=(f"http://127.0.0.1:{number}",),
            )
            for number in range(1, nodes + 1)
        ]
        self._running: dict[int, _Running] = {}

    # ---- start and end ------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            for member in self._members:
                await self.start(member.node_id)
            await self.leader()
            # Until members have told each other what they can do, sessions wait.
            await self._until(self._is_versed, "members know each other's version")
        except BaseException:
            await self.stop_all()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop_all()

    async def start(self, number: int) -> None:
        """Start a member, on whatever it has kept.

        Parameters
        ----------
        number : int
            From 1.

        Raises
        ------
        MisuseError
            If it runs.
        """
        if number in self._running:
            raise MisuseError(f"member {number} runs already")
        running = await self._started(self._members[number - 1])
        self._running[number] = running
        found = {
            NodeId(other): each.transport.addresses()[0]
            for other, each in self._running.items()
        }
        for each in self._running.values():
            each.node.sight(found)
        running.node.move((f"http://{found[NodeId(number)]}",))

    async def _started(self, member: Member) -> _Running:
        """Put a member together, and start it."""
        disk, directory = RealDisk(), str(self._directory / member.name)
        log = self._opened(disk, directory, member.node_id)
        try:

            def _refusal(peer: Identity) -> Objection | None:
                """Ask the node, which is made after its transport."""
                return node.refusal(peer)

            transport = TcpTransport(
                Identity(
                    cluster_id=CLUSTER_ID,
                    node_id=member.node_id,
                    directory_id=log.identity.directory_id,
                    address=member.peer_urls[0].removeprefix("http://"),
                ),
                "127.0.0.1:0",
                host=self._host,
                report=_report_nothing,
                admit=_refusal,
            )
            machine = self._make_machine()
            node = Node(
                self._config_of(member, log.identity),
                machine,
                host=self._host,
                store=log,
                snapshots=whole_snapshots(disk, directory, log),
                transport=transport,
            )
            await node.start()
        except BaseException:
            log.close()
            raise
        return _Running(node, transport, machine)

    def _opened(self, disk: Disk, directory: str, node_id: NodeId) -> Wal:
        """Return a member's log, which its first start makes."""
        if Wal.exists(disk, directory):
            return Wal.open(disk, directory)
        identity = DirectoryIdentity(CLUSTER_ID, node_id, node_id)
        first = bootstrap_snapshot(self._members)
        return Wal.create(disk, directory, identity, first)

    def _config_of(self, member: Member, identity: DirectoryIdentity) -> NodeConfig:
        """Return what a member is told."""
        return NodeConfig(
            node_id=member.node_id,
            cluster_id=CLUSTER_ID,
            name=member.name,
            peer_urls=member.peer_urls,
            directory_id=identity.directory_id,
            # Tests run where much else does.
            election_timeout_min_millis=500,
            election_timeout_max_millis=1_000,
            heartbeat_millis=100,
            snapshot_entries=self._snapshot_entries,
            snapshot_keep_entries=self._snapshot_entries // 4,
        )

    async def stop(self, number: int) -> None:
        """Stop a member in order.

        Parameters
        ----------
        number : int
            From 1; nothing happens if it does not run.
        """
        running = self._running.pop(number, None)
        if running is not None:
            await running.node.stop()

    async def stop_all(self) -> None:
        """Stop all members."""
        stopping = [self.stop(number) for number in list(self._running)]
        await asyncio.gather(*stopping)

    # ---- looking ------------------------------------------------------------

    @property
    def nodes(self) -> dict[int, Node]:
        """The members that run, by number.

        Returns
        -------
        dict of int to Node
            To be asked whatever a node can be asked.
        """
        return {number: each.node for number, each in self._running.items()}

    def machine(self, number: int) -> Any:
        """Return the state machine of a member.

        Parameters
        ----------
        number : int
            From 1; it must run.

        Returns
        -------
        StateMachine
            To be looked at when nothing is under way.
        """
        return self._running[number].machine

    async def leader(self) -> int:
        """Return who leads, as soon as all that run know it.

        Returns
        -------
        int
            Its number.
        """

        def _known() -> int | None:
            """Return who leads, if all agree."""
            leaders = {node.status().leader for node in self.nodes.values()}
            leader, *others = leaders
            return None if others or leader not in self._running else leader

        found: int = await self._until(_known, "all members know one leader")
        return found

    def _is_versed(self) -> bool:
        """Tell whether all members know that all can do what they can."""
        views = [node.status() for node in self.nodes.values()]
        return all(view.cluster_version == READABLE_VERSION for view in views)

    async def until_equal(self) -> list[Any]:
        """Wait until all members that run have applied all there is; compare them.

        Nobody may propose anything meanwhile.

        Returns
        -------
        list of StateMachine
            Of all members that run; their snapshots are equal.

        Raises
        ------
        AssertionError
            If two members differ.
        """

        def _are_equal() -> bool:
            """Tell whether all have applied all that the leader has."""
            views = [node.status() for node in self.nodes.values()]
            ends = {(view.applied_index, view.commit_index) for view in views}
            return len(ends) == 1 and len(set(*ends)) == 1

        await self._until(_are_equal, "all members apply all there is")
        states = {
            number: b"".join(each.machine.snapshot())
            for number, each in self._running.items()
        }
        if len(set(states.values())) > 1:
            raise AssertionError(f"members differ: {states}")
        return [each.machine for each in self._running.values()]

    async def _until(self, look: Callable[[], Any], what: str) -> Any:
        """Wait until a look finds something, for a bounded time."""
        clock = self._host.clock
        end = clock.now() + WAIT_SECONDS
        while clock.now() < end:
            try:
                if found := look():
                    return found
            except NotLeader:
                pass  # one stops in this moment
            await self._host.timers.sleep(LOOK_SECONDS)
        raise AssertionError(f"not within {WAIT_SECONDS:g} s: {what}")

    # ---- working ------------------------------------------------------------

    def client(self, number: int = 0, seed: int = 0) -> "LocalClient":
        """Return a client, as those of `raftwerk.sim.simulate` are.

        Parameters
        ----------
        number : int
            Which of several it is.
        seed : int
            Decides what it draws.

        Returns
        -------
        LocalClient
            It asks one member, and another one if that can't answer.
        """
        return LocalClient(self, number, SplitMix64(seed).fork(f"client {number}"))

    async def work(
        self,
        client: Callable[["LocalClient"], Coroutine[Any, Any, object]],
        *,
        clients: int = 3,
        seconds: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Have clients work for a while, the same as `raftwerk.sim.simulate` has.

        Parameters
        ----------
        client : callable
            What each does: a coroutine function that is given a `LocalClient`.
        clients : int
            How many there are.
        seconds : float
            After which `LocalClient.turns` end.
        seed : int
            Decides what they draw.
        """
        working = [self.client(number, seed) for number in range(clients)]
        tasks = [asyncio.ensure_future(client(each)) for each in working]
        try:
            await asyncio.wait(tasks, timeout=seconds)
            for each in working:
                each.is_over = True
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


class LocalClient:
    """A `raftwerk.sim.TrialClient` in earnest.

    Parameters
    ----------
    cluster : LocalCluster
        Whose members it asks.
    number : int
        Which of several it is.
    draw : SplitMix64
        Its randomness.

    Attributes
    ----------
    is_over : bool
        Whether `turns` end.
    """

    def __init__(self, cluster: LocalCluster, number: int, draw: SplitMix64) -> None:
        self.number = number
        self.draw = draw
        self.is_over = False
        self._cluster = cluster
        self._member = number
        self._loop = asyncio.get_running_loop()

    async def propose(self, command: bytes, seconds: float = 10.0) -> Any:
        """Do as `TrialClient.propose` says."""
        return await self.change(lambda node: node.propose(command), seconds)

    async def open_session(self, seconds: float = 10.0) -> Session:
        """Do as `TrialClient.open_session` says."""
        opened = await self.change(lambda node: node.open_session(), seconds)
        return Session(_AnyMember(self), opened.session_id)

    async def change(
        self, ask: Callable[[Node], Coroutine[Any, Any, Result]], seconds: float = 10.0
    ) -> Result:
        """Ask a member for a change; whoever can't do it is not asked next time.

        Parameters
        ----------
        ask : callable
            Asks a node.
        seconds : float
            How long to wait for the answer.

        Returns
        -------
        object
            What was answered.

        Raises
        ------
        NotProposed, OutcomeUnknown
            As `TrialClient.propose`.
        """
        try:
            async with asyncio.timeout(seconds):
                return await ask(self._node()[1])
        except TimeoutError:
            self._member += 1
            raise OutcomeUnknown(f"no answer within {seconds:g} s") from None
        except (NotProposed, OutcomeUnknown):
            self._member += 1
            raise

    async def read(self, query: Callable[[Any], Any], seconds: float = 10.0) -> Any:
        """Do as `TrialClient.read` says."""
        number, node = self._node()
        machine = self._cluster.machine(number)
        try:
            async with asyncio.timeout(seconds):
                return await node.read(lambda: query(machine))
        except TimeoutError:
            self._member += 1
            raise NotProposed(f"no answer within {seconds:g} s") from None
        except NotProposed:
            self._member += 1
            raise

    def _node(self) -> tuple[int, Node]:
        """Return whom to ask."""
        running: Sequence[tuple[int, Node]] = sorted(self._cluster.nodes.items())
        if not running:
            raise NotProposed("no member runs")
        return running[self._member % len(running)]

    def now(self) -> float:
        """Do as `TrialClient.now` says."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Do as `TrialClient.sleep` says."""
        await asyncio.sleep(seconds)

    def turns(self, pause_seconds: float = 0.1) -> Turns:
        """Do as `TrialClient.turns` says."""
        return Turns(self, pause_seconds, lambda: self.is_over)


class _AnyMember:
    """What a session asks: whichever member its client would ask, one after another."""

    def __init__(self, client: LocalClient) -> None:
        self._client = client

    async def propose_once(self, once: Once, command: bytes) -> object:
        """Do as `Node.propose_once` says."""
        return await self._client.change(lambda node: node.propose_once(once, command))

    async def close_session(self, session: int) -> None:
        """Do as `Node.close_session` says."""
        await self._client.change(lambda node: node.close_session(session))


def _report_nothing(_level: int, _event: str, /, **_fields: object) -> None:
    """Say nothing: a test has other things to show."""
