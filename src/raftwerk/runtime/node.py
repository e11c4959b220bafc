"""One member of a group, whole: how it starts, ends and fails.

The public face of the library, with `node_requests` and `node_view`. It owns what must
not be done twice or in another order; the work is the driver's.
"""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from raftwerk.config import NodeConfig
from raftwerk.errors import MisuseError, NotLeader, StorageError
from raftwerk.host.protocol import Host
from raftwerk.runtime.driver import Driver
from raftwerk.runtime.evidence import said_directories
from raftwerk.runtime.node_requests import NodeRequests
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.storage.memory_snapshots import MemorySnapshots
from raftwerk.storage.protocol import LogStore
from raftwerk.storage.snapshot_protocol import SnapshotStore, Stores
from raftwerk.transport.protocol import Identity, Objection, Transport
from raftwerk.types import LogIndex, NodeId

if TYPE_CHECKING:  # loaded by who records
    from raftwerk.runtime.flight import FlightRecorder

__all__ = ["Node"]


class Node(NodeRequests):
    """A member of a group that replicates a state machine.

    Parameters
    ----------
    config : NodeConfig
        Who it is, and its timeouts.
    state_machine : StateMachine
        What committed commands are applied to; new, or as `restore` makes it.
    host : Host
        Time, timers, threads and draws.
    store : LogStore
        Its log, made with `bootstrap_snapshot` or recovered.
    transport : Transport
        Its way to the other members.
    snapshots : SnapshotStore, optional
        Where the state of snapshots is kept; without it, in memory.
    archived : callable, optional
        Returns up to where the log is archived elsewhere: what is not, is kept in the
        log, up to a bound.
    flight : FlightRecorder, optional
        Notes all that the core is told.

    Attributes
    ----------
    meter : Meter or None
        Told how long requests take, while it is on; to be set.

    Examples
    --------
    A group of one that counts, on virtual time; in earnest it would be `real_host`,
    a `Wal` and a `TcpTransport`:

    >>> from raftwerk.host.draw import SplitMix64
    >>> from raftwerk.host.virtual import VirtualLoop, virtual_host
    >>> from raftwerk.runtime import Member, bootstrap_snapshot
    >>> from raftwerk.storage.memory import MemoryLog
    >>> from raftwerk.transport.memory import MemoryNetwork, MemoryTransport
    >>> class Counter:
    ...     value = 0
    ...     def apply(self, index, commands):
    ...         results = []
    ...         for command in commands:
    ...             self.value += int(command)
    ...             results.append(self.value)
    ...         return results
    ...     def snapshot(self):
    ...         return [str(self.value).encode()]
    ...     def restore(self, chunks):
    ...         self.value = int(b"".join(chunks))
    >>> async def count():
    ...     host = virtual_host(asyncio.get_running_loop(), SplitMix64(1))
    ...     member = Member(node_id=NodeId(1), peer_urls=("http://here:2380",))
    ...     identity = Identity(cluster_id=1, node_id=NodeId(1), address="here:2380")
    ...     network = MemoryNetwork(host.timers, SplitMix64(2))
    ...     counter = Counter()
    ...     node = Node(
    ...         NodeConfig(node_id=NodeId(1)),
    ...         counter,
    ...         host=host,
    ...         store=MemoryLog(bootstrap_snapshot([member])),
    ...         transport=MemoryTransport(
    ...             identity, "here:2380", network=network, host=host, report=print
    ...         ),
    ...     )
    ...     async with node:
    ...         print(await node.propose(b"40"), await node.propose(b"2"))
    ...         print(await node.read(lambda: counter.value))
    ...         print(node.status().role.name)
    >>> loop = VirtualLoop()
    >>> loop.run_until_complete(count())
    40 42
    42
    LEADER
    >>> loop.close()
    """

    def __init__(
        self,
        config: NodeConfig,
        state_machine: StateMachine,
        *,
        host: Host,
        store: LogStore,
        transport: Transport,
        snapshots: SnapshotStore | None = None,
        archived: Callable[[], LogIndex | None] | None = None,
        flight: "FlightRecorder | None" = None,
    ) -> None:
        kept = MemorySnapshots() if snapshots is None else snapshots
        super().__init__(config, Stores(store, kept, archived), transport)
        self._machine = state_machine
        self._host = host
        self._flight = flight
        self._running: Driver | None = None
        self._stopping: asyncio.Future[None] | None = None
        self._ended: asyncio.Future[None] | None = None

    # ---- start and end ------------------------------------------------------

    async def start(self) -> None:
        """Take part in the group from now on.

        Raises
        ------
        MisuseError
            If it was started before.
        ConfigError
            If the peers' address can't be listened on.
        InconsistentState
            If what the log holds can't be the state of a member.
        StorageError
            If the state of its snapshot can't be read.
        """
        if self._ended is not None:
            raise MisuseError("a node is started once; make a new one")
        self._ended = asyncio.get_running_loop().create_future()
        driver = Driver(
            self._config,
            self._machine,
            host=self._host,
            stores=self._stores,
            transport=self._transport,
            on_events=self._tell,
            on_failure=self._fail,
            answers=self._answers,
            flight=self._flight,
        )
        driver.disk.report = self.report
        # Whoever knocks while the transport starts is refused or let in by the record.
        self._running = driver
        try:
            await self._transport.start(driver)
        except BaseException:
            self._running = None
            await driver.stop()
            raise
        driver.members_changed()
        driver.wake()

    async def stop(self) -> None:
        """Take no more part; what waits ends as not proposed or as unknown.

        A leader hands leadership over first, and what is under way may end, each
        within the greatest election timeout. The log is closed with a mark that it
        ended well. Nothing more happens if the node has stopped already; if it is
        stopping, that is waited for.
        """
        driver, self._running = self._running, None
        if driver is not None:
            self._stopping = asyncio.ensure_future(self._stop(driver))
        if self._stopping is not None:
            # It goes on if whoever asked for it gives up.
            await asyncio.shield(self._stopping)

    async def _stop(self, driver: Driver) -> None:
        """Do what `stop` says."""
        try:
            await driver.say_farewell()
        finally:
            await driver.stop()
            await self._transport.stop()
        try:
            # A node that failed lets go of its files too: it may be started anew.
            self._stores.log.close()
        except StorageError as error:
            self._fail(error)
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    async def wait_ended(self) -> None:
        """Return when the node has been stopped; raise when it failed.

        Raises
        ------
        StorageError
            If the disk refused or lied.
        InvariantViolation
            If raftwerk broke a promise of its own.
        MemberRemoved
            If the group has removed this member.
        MisuseError
            If it was not started.
        """
        if self._ended is None:
            raise MisuseError("the node was not started")
        await asyncio.shield(self._ended)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _fail(self, error: BaseException) -> None:
        """Remember why the node ended."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(error)
            # Whoever started the node may never ask; then nobody is to be blamed.
            self._ended.exception()

    def _driver(self) -> Driver:
        """Return the driver, if the node runs."""
        if self._running is None or (self._ended is not None and self._ended.done()):
            raise NotLeader(f"member {self._config.node_id:x} does not run")
        return self._running

    # ---- what the transport and discovery ask ---------------------------------

    def refusal(self, peer: Identity) -> Objection | None:
        """Say why a peer may not speak to us; a transport's `Admission`.

        Parameters
        ----------
        peer : Identity
            What it says of itself.

        Returns
        -------
        Objection or None
            None if it may.
        """
        driver = self._running
        if driver is None:
            return None
        said = said_directories(driver.replica.state.log, driver.applier.applied_index)
        refusal = driver.applier.members.refusal(peer.node_id, peer.directory_id, said)
        if refusal is None:
            driver.duties.presence.meet(peer)
        return refusal

    def sight(self, addresses: Mapping[NodeId, str]) -> None:
        """Know where members were found, other than where the log says.

        A member that comes back at another address can't say so through the log before
        somebody reaches it there. What is found is believed until the log says the
        same; it can do no harm, for the handshake tells who answers.

        Parameters
        ----------
        addresses : mapping of NodeId to str
            Each ``host:port``.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        self._driver().duties.presence.sight(addresses)

    def move(self, peer_urls: tuple[str, ...]) -> None:
        """Tell the group that this member is reached elsewhere from now on.

        Parameters
        ----------
        peer_urls : tuple of str
            Where.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        self._driver().duties.presence.move(peer_urls)
