"""One member of a group, whole: propose, read, look, stop.

The public face of the library. It owns what must not be done twice or in another order:
start, stop and failure; the work is the driver's.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar

from raftwerk.config import NodeConfig
from raftwerk.core.events import Event
from raftwerk.core.inputs import TransferLeadership
from raftwerk.core.progress_view import ProgressView
from raftwerk.core.records import ConfChange, ConfState
from raftwerk.core.replica import Replica
from raftwerk.errors import MisuseError, NotLeader, StorageError
from raftwerk.host.protocol import Host
from raftwerk.runtime.calls import Answer
from raftwerk.runtime.driver import Driver
from raftwerk.runtime.members import Member
from raftwerk.runtime.meter import Meter
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.runtime.status import NodeStatus
from raftwerk.runtime.versions import FIRST_VERSION
from raftwerk.storage.memory_snapshots import MemorySnapshots
from raftwerk.storage.protocol import LogStore
from raftwerk.storage.snapshot_protocol import SnapshotStore, Stores
from raftwerk.transport.protocol import Identity, PeerView, Transport
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["Node"]

Result = TypeVar("Result")


class Node:
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
    ) -> None:
        self._config = config
        self._machine = state_machine
        self._host = host
        self._stores = Stores(
            store, MemorySnapshots() if snapshots is None else snapshots
        )
        self._transport = transport
        self._answers: dict[str, Answer] = {}
        self._observers: list[Callable[[Sequence[Event]], None]] = []
        self.meter: Meter | None = None
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
        )
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

    # ---- requests -----------------------------------------------------------

    async def propose(self, command: bytes, version: int = FIRST_VERSION) -> object:
        """Have a command applied by all members, and return its result.

        Any member takes proposals: they reach the leader by themselves, and wait here
        while none is known.

        Parameters
        ----------
        command : bytes
            For the state machine.
        version : int
            The cluster's, from which on all members understand this command: it is not
            proposed before, and a member that does not understand it stops instead of
            applying it.

        Returns
        -------
        object
            What `StateMachine.apply` returned for it here.

        Raises
        ------
        NotProposed
            If nothing happened and nothing will: it is safe to try again.
        OutcomeUnknown
            If it may or may not be applied: look before you try again.
        MisuseError
            If it is too large; the message says what is allowed.
        """
        requests = self._driver().requests
        meter = self.meter
        if meter is None or not meter.is_on:
            return await requests.propose(command, version=version)
        outcome = requests.propose(command, version=version)
        return await meter.timed(meter.writes, outcome)

    async def propose_as_leader(self, command: bytes, term: Term) -> object:
        """Have a command applied that only the leader of a term may give.

        It is never handed on to another member, and never proposed again.

        Parameters
        ----------
        command : bytes
            For the state machine.
        term : Term
            In which this member must lead.

        Returns
        -------
        object
            What `StateMachine.apply` returned for it here.

        Raises
        ------
        NotLeader
            If this member does not lead that term.
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be applied.
        """
        return await self._driver().requests.propose_as_leader(command, term)

    async def read_barrier(self) -> LogIndex:
        """Return once a read of the local state machine is linearizable (thesis §6.4).

        Returns
        -------
        LogIndex
            What the state machine has applied at least.

        Raises
        ------
        NotLeader
            If no leader confirmed it in time; it is safe to try again.
        QueueFull
            If too many reads wait already.
        """
        requests = self._driver().requests
        meter = self.meter
        if meter is None or not meter.is_on:
            return await requests.read_barrier()
        return await meter.timed(meter.reads, requests.read_barrier())

    async def read(self, query: Callable[[], Result]) -> Result:
        """Look into the state machine, linearizably: see all that was done before.

        Parameters
        ----------
        query : callable
            Reads the state machine and changes nothing; called between two batches, in
            the machine's thread unless that is quick.

        Returns
        -------
        object
            What `query` returned.

        Raises
        ------
        NotLeader
            If no leader confirmed it in time, or this node stops; it is safe to try
            again.
        QueueFull
            If too many reads wait already.
        Exception
            What `query` raised.
        """
        await self.read_barrier()
        return await self._driver().query(query)

    async def change_members(
        self, change: ConfChange, members: Sequence[Member] = ()
    ) -> ConfState:
        """Change who belongs to the group, and return once that is applied here.

        Parameters
        ----------
        change : ConfChange
            Several changes at once go through a joint configuration.
        members : sequence of Member
            Names and addresses of those who are new or have moved.

        Returns
        -------
        ConfState
            The configuration that the change led to; joint if it is left later.

        Raises
        ------
        NotLeader
            If this member does not lead; the message names who does.
        ChangePending
            If another one is under way.
        InvalidChange
            If it can never be had: no voter would be left, say.
        NotProposed, OutcomeUnknown
            As `propose`.
        """
        result = await self._driver().requests.change_members(change, members)
        assert isinstance(result, ConfState)  # nosec B101: for the type checker
        return result

    def serve_calls(self, topic: str, answer: Answer) -> None:
        """Have the calls about a topic answered here, while this member leads.

        Parameters
        ----------
        topic : str
            What they are about.
        answer : Answer
            Takes the content of each call and returns that of its answer; what it
            raises, a `RequestError`, is `NotProposed` or `OutcomeUnknown` to the asker.
        """
        self._answers[topic] = answer

    async def ask_leader(
        self, topic: str, content: bytes, timeout_seconds: float | None = None
    ) -> bytes:
        """Have the leader, whoever it is, answer a call.

        Parameters
        ----------
        topic : str
            What it is about.
        content : bytes
            For what was given to `serve_calls` there.
        timeout_seconds : float, optional
            How long it may take; without it, as long as any request.

        Returns
        -------
        bytes
            The answer.

        Raises
        ------
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If the answer was lost, or did not come in time.
        """
        calls = self._driver().calls
        return await calls.ask_leader(topic, content, timeout_seconds)

    def take_snapshot(self) -> bool:
        """Take a snapshot now, and compact the log when it is durable.

        Returns
        -------
        bool
            False if one is being taken already, or nothing was applied since the last.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        return self._driver().snapshots.take()

    def refusal(self, peer: Identity) -> str:
        """Say why a peer may not speak to us; a transport's `Admission`.

        Parameters
        ----------
        peer : Identity
            What it says of itself.

        Returns
        -------
        str
            Words for its operator; empty if it may.
        """
        driver = self._running
        if driver is None:
            return ""
        words = driver.applier.members.refusal(peer.node_id, peer.directory_id)
        if not words:
            driver.meet(peer)
        return words

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
        self._driver().sight(addresses)

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
        self._driver().move(peer_urls)

    def transfer_leadership(self, transferee: NodeId) -> None:
        """Ask for another leader; whether it comes to that, the events tell.

        Parameters
        ----------
        transferee : NodeId
            A voter.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        self._driver().give(TransferLeadership(transferee))

    async def hand_over(self) -> None:
        """Have another member lead, if this one does; then take part as before.

        Best called some time before `stop`: others go on handing proposals to us until
        they have heard who leads now. It takes no longer than the greatest election
        timeout; if nobody else could lead by then, this member may do so still.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        await self._driver().hand_over()

    def _driver(self) -> Driver:
        """Return the driver, if the node runs."""
        if self._running is None or (self._ended is not None and self._ended.done()):
            raise NotLeader(f"member {self._config.node_id} does not run")
        return self._running

    # ---- looking ------------------------------------------------------------

    def observe(self, observer: Callable[[Sequence[Event]], None]) -> None:
        """Have the core's events of each turn given to a callable.

        Parameters
        ----------
        observer : callable
            Called on the loop's thread; it must return at once and not raise.
        """
        self._observers.append(observer)

    def _tell(self, events: Sequence[Event]) -> None:
        """Give events to all who asked for them."""
        for observer in self._observers:
            observer(events)

    @property
    def members(self) -> Sequence[Member]:
        """All members with names and addresses, ascending by id.

        Returns
        -------
        sequence of Member
            As of the last applied entry.
        """
        return self._driver().applier.members.in_order()

    @property
    def removed(self) -> frozenset[NodeId]:
        """All who were members once; their ids are never given out again.

        Returns
        -------
        frozenset of NodeId
            As of the last applied entry.
        """
        return self._driver().applier.members.removed

    def progress(self) -> Mapping[NodeId, ProgressView]:
        """Return how far each member is, as its leader knows.

        Returns
        -------
        mapping of NodeId to ProgressView
            Ourselves among them; empty unless we lead.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        return self._driver().replica.status().progress

    def peers(self) -> Mapping[NodeId, PeerView]:
        """Return what the transport knows of the others.

        Returns
        -------
        mapping of NodeId to PeerView
            Members and whoever introduced himself; without ourselves.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        self._driver()
        return self._transport.peers()

    @property
    def replica(self) -> Replica:
        """The core, to look at; whoever tells it anything breaks the node.

        Returns
        -------
        Replica
            As of the last turn.
        """
        return self._driver().replica

    def election_timer(self) -> tuple[float, float]:
        """Return how far the election timeout has run.

        Returns
        -------
        tuple of float
            Seconds since the last sign of a leader (for a leader: of a quorum), and
            after how many something happens.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        return self._driver().election_timer()

    def status(self) -> NodeStatus:
        """Return this member's own view at this moment.

        Returns
        -------
        NodeStatus
            A copy.

        Raises
        ------
        NotLeader
            If this node does not run.
        """
        driver = self._driver()
        state = driver.replica.state
        log = state.log
        conf_state = state.tracker.conf_state
        return NodeStatus(
            node_id=state.id,
            cluster_id=self._config.cluster_id,
            name=self._config.name,
            role=state.role,
            is_learner=state.id in conf_state.learners,
            term=state.term,
            leader=state.leader,
            first_index=log.first_index,
            last_log_index=log.last_index,
            commit_index=log.commit_index,
            applied_index=driver.applier.applied_index,
            snapshot_index=self._stores.log.snapshot().index,
            conf_state=conf_state,
            cluster_version=driver.applier.members.version,
            loop=driver.loop_lag.view(),
        )
