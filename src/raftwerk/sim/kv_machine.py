"""A machine whose member keeps keys and values, with all services behind the faces."""

from collections.abc import Coroutine, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from raftwerk.core.records import Snapshot
from raftwerk.errors import InvariantViolation
from raftwerk.host.draw import SplitMix64
from raftwerk.kv import Range, Store
from raftwerk.kv.results import Result
from raftwerk.runtime import Node
from raftwerk.service import KvService
from raftwerk.service.cluster import ClusterService
from raftwerk.service.leader_reads import LeaderReads
from raftwerk.service.lease import LeaseService
from raftwerk.service.lock import LockService
from raftwerk.service.watch import WatchService
from raftwerk.sim.ledger import Ledger
from raftwerk.sim.machine import Machine, Services
from raftwerk.sim.violation import Property, Violation
from raftwerk.types import LogIndex, NodeId

if TYPE_CHECKING:
    from raftwerk.sim.world import World

__all__ = ["SWEPT", "KvMachine", "KvServices", "kv_services", "require_whole"]

SWEPT: Final = b"swept "
"""What all keys begin with of which many are changed at once."""

SWEPT_END: Final = b"swept!"
"""Where they end."""


class KvServices(Services, frozen=True):
    """What clients call on one member, as behind every face.

    Parameters
    ----------
    kv, lease, lock, watch : KvService, LeaseService, and so on
        The calls.
    store : Store
        Its state machine.
    """

    kv: KvService
    lease: LeaseService
    lock: LockService
    watch: WatchService
    store: Store


class _WitnessedStore(Store):
    """A store that shows what it made of commands."""

    __slots__ = ("_machine",)

    def __init__(self, machine: "KvMachine") -> None:
        super().__init__()
        self._machine = machine

    def apply_in_steps(
        self, index: int, commands: Sequence[bytes]
    ) -> Generator[None, None, list[Result]]:
        """Do as `AppliesInSteps` says."""
        work = super().apply_in_steps(index, commands)
        results: list[Result] | None = None
        while results is None:
            try:
                next(work)
            except StopIteration as end:
                results = end.value
            else:
                self._machine.paused_amid()
                yield
        self._machine.check_applied(LogIndex(index), commands, results, self.revision)
        return results

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Do as `StateMachine.restore` says."""
        super().restore(chunks)
        self._machine.check_restored(self.revision)


class KvMachine(Machine):
    """A machine, and the member of a key-value store that runs on it while it is up.

    Parameters
    ----------
    kept : Ledger
        What is agreed upon.
    world : World
        Where it stands.
    node_id : NodeId
        Of its member.
    first : Snapshot
        What its log begins with; empty for one that joins.
    name : str
        Of machine and member; without it, made of the id.
    """

    services: KvServices
    _store: Store

    def __init__(
        self,
        kept: Ledger,
        world: "World",
        node_id: NodeId,
        first: Snapshot,
        name: str = "",
    ) -> None:
        super().__init__(world, node_id, first, name)
        self._kept = kept

    def _make_state_machine(self) -> Store:
        """Return a store."""
        self._store = _WitnessedStore(self)
        return self._store

    def _make_services(
        self, node: Node, cluster: ClusterService, draw: SplitMix64
    ) -> KvServices:
        """Return all that `raftwerk serve` has."""
        host, store = self.process.host, self._store
        lease = LeaseService(
            node, store, clock=host.clock, timers=host.timers, draw=draw.fork("lease")
        )
        watch = WatchService(store, host.timers)
        kv = KvService(node, store)
        LeaderReads(node, kv)
        return KvServices(
            kv=kv,
            lease=lease,
            lock=LockService(kv, lease, watch),
            watch=watch,
            cluster=cluster,
            node=node,
            store=store,
        )

    def _duties_of(self, _services: Services) -> Iterable[Coroutine[Any, Any, None]]:
        """Return what a leader owes those who have leases."""
        return (self.services.lease.run(),)

    def paused_amid(self) -> None:
        """Check what is seen amid a change of many keys, and have others strike now."""
        store = self._store
        kvs = store.range(Range(SWEPT, SWEPT_END)).kvs
        with self.world.checking():
            self._kept.check_whole(self.seen, store.revision, SWEPT, SWEPT_END, kvs)
        self.strike_amid()

    def check_applied(
        self,
        index: LogIndex,
        commands: Sequence[bytes],
        results: Sequence[object],
        revision: int,
    ) -> None:
        """Check what the member has applied.

        Parameters
        ----------
        index : LogIndex
            Of the last command.
        commands : sequence of bytes
            What was applied.
        results : sequence of object
            Of each.
        revision : int
            The store's, after them.
        """
        self.see_state()
        with self.world.checking():
            self._kept.note_applied(self.seen, index, commands, results, revision)

    def check_restored(self, revision: int) -> None:
        """Check what the member begins with.

        Parameters
        ----------
        revision : int
            Its store's.
        """
        with self.world.checking():
            index = self.restored_index()
            self._kept.note_restored(self.seen, index, revision)


def kv_services(services: Services) -> KvServices:
    """Return the services of a member as those of a key-value store.

    Parameters
    ----------
    services : Services
        Of a `KvMachine`.

    Returns
    -------
    KvServices
        The same.
    """
    assert isinstance(services, KvServices)  # nosec B101: for the type checker
    return services


def require_whole(machine: Machine) -> None:
    """Raise unless a store's parts fit together.

    Parameters
    ----------
    machine : Machine
        Whose; a `KvMachine`.

    Raises
    ------
    Violation
        If they don't.
    """
    try:
        kv_services(machine.services).store.check()
    except InvariantViolation as error:
        raise Violation(Property.INVARIANT, f"{machine.name}: {error}") from error
