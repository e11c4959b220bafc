"""Committed entries into the state machine, results to whoever waits for them.

Source: Raft paper Fig. 2 (lastApplied), §5.3; each entry once, in the order of the log.
"""

from collections.abc import Callable, Sequence

from raftwerk.core.records import ConfChange, Entry, EntryKind, Snapshot
from raftwerk.errors import InvalidChange, require
from raftwerk.runtime.envelope import Sender, command_of
from raftwerk.runtime.members import Manifest, Members
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.runtime.waiters import Waiters
from raftwerk.types import NO_TERM, LogIndex, Term

__all__ = ["Applier"]


class Applier:
    """Applies what is committed.

    Parameters
    ----------
    machine : StateMachine
        The user's machine.
    sender : Sender
        Knows this member's own envelopes.
    waiters : Waiters
        Who waits for results here.
    change_members : callable
        Applies a membership change to the core.
    """

    def __init__(
        self,
        machine: StateMachine,
        sender: Sender,
        waiters: Waiters,
        change_members: Callable[[ConfChange], object],
    ) -> None:
        self._machine = machine
        self._sender = sender
        self._waiters = waiters
        self._change_members = change_members
        self._term: Term = NO_TERM
        self.applied_index = LogIndex(0)
        self.members = Members(())

    def restore(self, snapshot: Snapshot) -> None:
        """Become what a snapshot holds, at start or in the place of entries.

        Parameters
        ----------
        snapshot : Snapshot
            Above the applied index.
        """
        require(
            snapshot.index >= self.applied_index,
            f"a snapshot at {snapshot.index} does not go back"
            f" (applied index {self.applied_index})",
        )
        manifest = Manifest.decode(snapshot.data)
        self.members = Members(manifest.members)
        if manifest.chunks is not None:
            self._machine.restore(manifest.chunks)
        self.applied_index = snapshot.index
        self._term = snapshot.term
        self._waiters.forget_order()

    def apply(self, entries: Sequence[Entry]) -> bool:
        """Apply entries, and give results to those who wait here.

        Parameters
        ----------
        entries : sequence of Entry
            The next ones.

        Returns
        -------
        bool
            Whether members or their addresses changed.
        """
        require(
            entries[0].index == self.applied_index + 1,
            f"entry {entries[0].index} follows the applied index {self.applied_index}",
        )
        changed = False
        batch: list[Entry] = []
        for entry in entries:
            if entry.term != self._term:
                # Before anything of the new term takes effect: what was appended in an
                # older one and is not applied by now never will be.
                self._apply_commands(batch)
                batch = []
                self._term = entry.term
                self._waiters.settle_older(entry.term)
            if entry.kind is EntryKind.COMMAND:
                if entry.data:
                    batch.append(entry)
            else:
                self._apply_commands(batch)
                batch = []
                self._apply_change(entry)
                changed = True
        self._apply_commands(batch)
        self.applied_index = entries[-1].index
        return changed

    def _apply_commands(self, batch: list[Entry]) -> None:
        """Apply commands in one call, and resolve those that are ours."""
        if not batch:
            return
        commands = [command_of(entry.data) for entry in batch]
        results = self._machine.apply(batch[-1].index, commands)
        require(
            len(results) == len(batch),
            f"apply returned {len(results)} results for {len(batch)} commands",
        )
        number_of = self._sender.number_of
        for entry, result in zip(batch, results, strict=True):
            number = number_of(entry.data)
            if number is not None:
                self._waiters.resolve(number, result)

    def _apply_change(self, entry: Entry) -> None:
        """Apply a membership change to the core and to the record of addresses."""
        change = ConfChange.decode(entry.data)
        try:
            self._change_members(change)
        except InvalidChange:
            # Refused at proposal unless its state changed meanwhile: each member
            # refuses it alike, and the configuration stays.
            return
        self.members.apply(change)
