"""A machine whose member has a user's state machine, which is watched at its work."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from raftwerk.core.records import Snapshot
from raftwerk.host.draw import SplitMix64
from raftwerk.runtime import Node, StateMachine
from raftwerk.runtime.apply import applies_in_steps
from raftwerk.runtime.once import KeepsResults
from raftwerk.runtime.state_machine import ShowsState, SnapshotsInSteps, TellsEffects
from raftwerk.service.cluster import ClusterService
from raftwerk.sim.ambient import Ambience
from raftwerk.sim.machine import Machine, Services
from raftwerk.sim.trial import Trial
from raftwerk.sim.tried_ledger import TriedLedger, shown
from raftwerk.sim.violation import Property, Violation
from raftwerk.types import LogIndex, NodeId

if TYPE_CHECKING:
    from raftwerk.sim.world import World

__all__ = ["TriedMachine", "TriedServices", "require_held"]


class TriedServices(Services, frozen=True):
    """What clients call on one member.

    Parameters
    ----------
    machine : StateMachine
        The user's.
    """

    machine: StateMachine


class _Watched:
    """A user's state machine, as a node sees it."""

    def __init__(self, owner: "TriedMachine", machine: Any) -> None:
        self._owner = owner
        self._machine = machine
        self._told: list[bytes] = []
        self.is_quick = getattr(machine, "is_quick", False) is True

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> list[object]:
        """Do as `StateMachine.apply` says, in pieces, and show what came of each."""
        self._told = []
        return self._owner.apply(index, commands, self._tell)

    def _tell(self) -> None:
        """Keep what a piece did, if the machine tells it."""

    def snapshot(self) -> Iterable[bytes]:
        """Do as `StateMachine.snapshot` says."""
        return self._owner.draw_snapshot(self._machine.snapshot)

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Do as `StateMachine.restore` says."""
        self._owner.restore(chunks)


class _InSteps(_Watched):
    """One that applies long batches in steps."""

    def apply_in_steps(
        self, index: LogIndex, commands: Sequence[bytes]
    ) -> Generator[None, None, list[object]]:
        """Do as `AppliesInSteps` says, in pieces, and show what came of each."""
        self._told = []
        return self._owner.apply_in_steps(index, commands, self._tell)


class _SnapshotInSteps(_Watched):
    """One whose snapshots are drawn in steps."""

    def snapshot_in_steps(self) -> Iterable[bytes]:
        """Do as `SnapshotsInSteps` says."""
        return self._owner.draw_snapshot(self._machine.snapshot_in_steps)


class _WithEffects(_Watched):
    """One that tells what it did."""

    def _tell(self) -> None:
        """Keep what a piece did."""
        self._told.append(self._machine.effects())

    def effects(self) -> bytes:
        """Do as `TellsEffects.effects` says: what was done since it was asked last."""
        told, self._told = self._told, []
        return b"".join(told)


class _WithState(_Watched):
    """One that shows its state."""

    def inspect(self, place: bytes) -> tuple[bytes, bytes]:
        """Do as `ShowsState.inspect` says."""
        stretch: tuple[bytes, bytes] = self._machine.inspect(place)
        return stretch


class _WithResults(_Watched):
    """One whose results are no plain data."""

    def encode_result(self, result: object) -> bytes:
        """Do as `KeepsResults.encode_result` says."""
        data: bytes = self._machine.encode_result(result)
        return data

    def decode_result(self, data: bytes) -> object:
        """Do as `KeepsResults.decode_result` says."""
        return self._machine.decode_result(data)


@cache
def _kind_for(kind: type) -> type[_Watched]:
    """Return a class that has of the optional methods what a user's has."""
    parts: list[type[_Watched]] = []
    if applies_in_steps(kind):
        parts.append(_InSteps)
    if issubclass(kind, SnapshotsInSteps):
        parts.append(_SnapshotInSteps)
    if issubclass(kind, TellsEffects):
        parts.append(_WithEffects)
    if issubclass(kind, ShowsState):
        parts.append(_WithState)
    if issubclass(kind, KeepsResults):
        parts.append(_WithResults)
    return type("Watched", (*parts, _Watched), {}) if parts else _Watched


class TriedMachine(Machine):
    """A machine, and the member that runs a user's state machine on it.

    Parameters
    ----------
    trial : Trial
        What the user brought.
    kept : TriedLedger
        What is agreed upon, and what replicas showed.
    world : World
        Where it stands.
    node_id : NodeId
        Of its member.
    first : Snapshot
        What its log begins with; empty for one that joins.
    name : str
        Of machine and member; without it, made of the id.
    """

    services: TriedServices
    _made: Any
    _ambience: Ambience

    def __init__(
        self,
        trial: Trial,
        kept: TriedLedger,
        world: "World",
        node_id: NodeId,
        first: Snapshot,
        name: str = "",
    ) -> None:
        super().__init__(world, node_id, first, name)
        self._trial = trial
        self._kept = kept
        kept.names[node_id] = self.name
        self._cuts = world.draw.fork(f"batches {node_id}")
        self._is_cutting = True
        self._looked_at = 0

    @property
    def who(self) -> str:
        """The machine and its life, for stories."""
        return f"{self.name} (life {self.lives})"

    def _make_state_machine(self) -> StateMachine:
        """Return a new machine of the user's, watched."""
        seed = self._cuts.fork(f"ambience {self.lives}").next_64_bits()
        self._ambience = Ambience(self.clock, seed)
        # A piece for each command shows which one made the difference; batches as they
        # come show whether a machine depends on how they are cut.
        self._is_cutting = self._cuts.below(3) > 0
        self._looked_at = 0
        with self._tried("cannot be made"):
            self._made = self._trial.machine()
        kind: type = type(self._made)
        return _kind_for(kind)(self, self._made)

    def _make_services(
        self, node: Node, cluster: ClusterService, _draw: SplitMix64
    ) -> TriedServices:
        """Return what a group has that keeps something of a user's."""
        return TriedServices(node=node, cluster=cluster, machine=self._made)

    @contextmanager
    def _tried(self, what: str) -> Iterator[None]:
        """Run code of the user's."""
        try:
            with self._ambience.around():
                yield
        except Exception as error:
            story = f"{self.who} {what}: {type(error).__name__}: {error}"
            violation = Violation(Property.TRIED_CODE, story)
            self.world.violated(violation)
            raise violation from error

    def apply(
        self, index: LogIndex, commands: Sequence[bytes], tell: Any
    ) -> list[object]:
        """Have the user's machine apply commands, and check what came of it.

        Parameters
        ----------
        index : LogIndex
            Of the last.
        commands : sequence of bytes
            Not empty.
        tell : callable
            Called after each piece.

        Returns
        -------
        list of object
            Of each.
        """
        results: list[object] = []
        for at, piece in self._pieces(index, commands):
            with self._tried(_applying(at, piece)):
                made = list(self._made.apply(at, piece))
                tell()
            results += self._noted(at, piece, made)
        return results

    def apply_in_steps(
        self, index: LogIndex, commands: Sequence[bytes], tell: Any
    ) -> Generator[None, None, list[object]]:
        """Have the user's machine apply commands in steps, and check what came of it.

        Between two of its steps the world goes on; the process may end there.

        Parameters
        ----------
        index : LogIndex
            Of the last.
        commands : sequence of bytes
            Not empty.
        tell : callable
            Called after each step.

        Returns
        -------
        list of object
            Of each.

        Yields
        ------
        None
            After each step but the last.
        """
        results: list[object] = []
        for at, piece in self._pieces(index, commands):
            steps: Generator[None, None, Sequence[object]]
            with self._tried(_applying(at, piece)):
                steps = self._made.apply_in_steps(at, piece)
            made: list[object] | None = None
            while made is None:
                with self._tried(_applying(at, piece)):
                    try:
                        next(steps)
                    except StopIteration as end:
                        made = list(end.value)
                    tell()
                if made is None:
                    self.strike_amid()
                    yield
            results += self._noted(at, piece, made)
        return results

    def _pieces(
        self, index: LogIndex, commands: Sequence[bytes]
    ) -> list[tuple[LogIndex, Sequence[bytes]]]:
        """Cut a batch, perhaps, and know where in the log each piece ends."""
        self.see_state()
        with self.world.checking():
            places = self._kept.places(self.seen, index, commands)
        if not self._is_cutting:
            return [(index, list(commands))]
        return [(at, [each]) for at, each in zip(places, commands, strict=True)]

    def _noted(
        self, at: LogIndex, piece: Sequence[bytes], made: list[object]
    ) -> list[object]:
        """Check what the user's machine made of a piece of a batch."""
        with self.world.checking():
            if len(made) != len(piece):
                raise Violation(
                    Property.TRIED_CODE,
                    f"{self.who} returns {len(made)} results for {len(piece)}"
                    f" commands up to entry {at}",
                )
            self._kept.note_commands(self.seen, at, piece, made)
            self.check_state(at)
        return made

    def draw_snapshot(self, draw: Callable[[], Iterable[bytes]]) -> Iterable[bytes]:
        """Have the user's machine make a snapshot, and its chunks one by one.

        Parameters
        ----------
        draw : callable
            Returns the chunks.

        Returns
        -------
        iterable of bytes
            Each chunk is drawn when it is asked for.
        """
        with self._tried("cannot take a snapshot"):
            chunks = iter(draw())
        return self._drawn(chunks)

    def _drawn(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Draw each chunk as a part of the user's code."""
        while True:
            with self._tried("cannot take a snapshot"):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Have the user's machine become what a snapshot says, and check that.

        Parameters
        ----------
        chunks : iterable of bytes
            The snapshot.
        """
        index = self.restored_index()
        data = list(chunks)
        with self._tried(f"is restored to entry {index}"):
            self._made.restore(data)
        self.seen.applied_index = index
        self._looked_at = index
        with self.world.checking():
            self.check_state(index)

    def check_state(self, index: LogIndex) -> None:
        """Check the state of the user's machine, and what must hold of it.

        Parameters
        ----------
        index : LogIndex
            The last that it has applied.

        Raises
        ------
        Violation
            If it has another state than others at this index, or an invariant of the
            user's does not hold.
        """
        with self._tried("cannot show its state"):
            state = self._shown_state()
        self._kept.note_state(self.who, index, self._looked_at, state)
        self._looked_at = index
        for invariant in self._trial.invariants:
            with self._tried(f"cannot be asked {_name_of(invariant)}"):
                broken = require_held(invariant, self._made)
            if broken is not None:
                raise Violation(
                    Property.TRIED_INVARIANT,
                    f"{_name_of(invariant)} does not hold on {self.who} after entry"
                    f" {index}{self._kept.command_words(index)}{broken}",
                )

    def _shown_state(self) -> bytes:
        """Return bytes that are equal for equal states."""
        machine: Any = self._made
        if self._trial.state is not None:
            return bytes(self._trial.state(machine))
        if not isinstance(machine, ShowsState):
            return b"".join(machine.snapshot())
        shown_parts, place = [], b""
        while True:
            part, place = machine.inspect(place)
            shown_parts.append(part)
            if not place:
                return b"".join(shown_parts)


def _applying(at: LogIndex, piece: Sequence[bytes]) -> str:
    """Return what a machine does, for stories."""
    return f"applies {', '.join(map(shown, piece))} (entry {at})"


def _name_of(function: Any) -> str:
    """Return what a user calls a function."""
    return str(getattr(function, "__name__", function))


def require_held(claim: Any, value: Any) -> str | None:
    """Ask a user's function whether something holds.

    Parameters
    ----------
    claim : callable
        Returns False or raises AssertionError if it does not; else it does.
    value : object
        What it is asked about.

    Returns
    -------
    str or None
        What it said, perhaps nothing; None: it holds.
    """
    try:
        verdict = claim(value)
    except AssertionError as error:
        words = str(error).strip()
        return f":\n{words}" if words else ""
    return "" if verdict is False else None
