"""Applying entries outside of a node: to a log that nobody runs any more.

What recovering from a lost quorum and restoring from an archive have in common. The
same `Applier` does it that does it in a node, so an entry means here what it means
there.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from raftwerk.core.membership import reconfigure
from raftwerk.core.records import ConfChange, ConfState, Entry, Snapshot
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.envelope import Sender
from raftwerk.runtime.machine_queue import MachineSteps
from raftwerk.runtime.members import Members
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["NoMachine", "Replay"]


class NoMachine:
    """A machine that forgets every command: for who wants to know the members alone."""

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> Sequence[object]:
        """Do as `StateMachine.apply` says."""
        del index
        return [None] * len(commands)

    def snapshot(self) -> Iterable[bytes]:
        """Do as `StateMachine.snapshot` says."""
        return ()

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Do as `StateMachine.restore` says."""
        for _ in chunks:
            pass


class Replay:
    """A state machine and the record of members, taken forward entry by entry.

    Parameters
    ----------
    machine : StateMachine
        New; it becomes what the snapshot holds.
    snapshot : Snapshot
        Where it begins.
    chunks : iterable of bytes or None
        The state that belongs to it; None: that of a new machine.

    Attributes
    ----------
    conf_state : ConfState
        The configuration as of the last entry.
    """

    def __init__(
        self,
        machine: StateMachine,
        snapshot: Snapshot,
        chunks: Iterable[bytes] | None,
    ) -> None:
        self.conf_state = snapshot.conf_state
        if chunks is not None:
            machine.restore(chunks)
        self._applier = Applier(
            machine, Sender(NodeId(0), 0), _Nobody(), self._change_members
        )
        self._applier.restored(snapshot)

    @property
    def index(self) -> LogIndex:
        """The last entry that was applied.

        Returns
        -------
        LogIndex
            At first that of the snapshot.
        """
        return self._applier.applied_index

    @property
    def members(self) -> Members:
        """Who the members are.

        Returns
        -------
        Members
            As of the last entry.
        """
        return self._applier.members

    def apply(self, entries: Sequence[Entry]) -> None:
        """Apply entries.

        Parameters
        ----------
        entries : sequence of Entry
            The next ones, at least one.

        Raises
        ------
        UnknownFormat
            If an entry was written by a newer version.
        InvariantViolation
            If entries are missing.
        """
        _carry_out(self._applier.apply(entries))

    def _change_members(self, change: ConfChange) -> ConfState:
        """Do what the core does with a change."""
        self.conf_state = reconfigure(self.conf_state, change).conf_state
        return self.conf_state


class _Nobody:
    """Nobody waits for what comes of an entry."""

    def resolve(self, number: int, result: object) -> None:
        """Give a result to nobody."""

    def settle_older(self, term: Term) -> None:
        """Know of a new term."""

    def forget_order(self) -> None:
        """Know that entries were passed over."""


def _carry_out(steps: MachineSteps[bool]) -> None:
    """Make all calls, here and now."""
    result: object = None
    with suppress(StopIteration):
        while True:
            call = steps.send(result)
            result = None if call is None else call.function()
