"""What a user of the library implements: the machine that the log is applied to."""

from collections.abc import Generator, Iterable, Sequence
from typing import Protocol, runtime_checkable

from raftwerk.types import LogIndex

__all__ = [
    "AppliesInSteps",
    "ShowsState",
    "SnapshotsInSteps",
    "StateMachine",
    "TellsEffects",
]


class StateMachine(Protocol):
    """A deterministic machine: equal commands in equal order give equal states.

    No clock, no randomness, no outside: what is needed of these travels in a command.

    Each method is called after the one before has ended, in a thread of the machine's
    own: a batch may take its time, and nobody's heartbeats wait for it. Who reads the
    machine does so in that thread too, by `Node.read`. A machine whose batches take no
    more than a few milliseconds may say so by an attribute ``is_quick = True``: then
    `apply` and `snapshot` are called on the loop's thread, which saves the way to
    another, and the machine may be read there at any time.
    """

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> Sequence[object]:
        """Apply a batch of commands.

        Parameters
        ----------
        index : LogIndex
            The log index of the last of them.
        commands : sequence of bytes
            As they were proposed, in the order of the log.

        Returns
        -------
        sequence of object
            One result for each, in order. They are given to whoever proposed the
            command on this member; elsewhere they are dropped. An exception among them
            is raised there. One that is raised here stops the member: what a command
            may do wrong is a result, equal on all members.
        """

    def snapshot(self) -> Iterable[bytes]:
        """Return the state as chunks of a view that later batches don't change.

        Called between two batches, which wait for it, so it should return soon: what
        takes time belongs into drawing the chunks. A view that later batches don't
        change is a copy of references (``dict(self.state)``, where values are replaced
        and never altered), the length of a list that only grows, or the root of a tree
        whose nodes are copied when they change.

        Returns
        -------
        iterable of bytes
            Drawn once, in yet another thread, while batches are applied.
        """

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Become the state that `snapshot` returned.

        Called in the machine's thread, whether it is quick or not. Where the loop reads
        a quick machine, reads go on meanwhile: so build the new state apart, and put it
        in the place of the old one in one assignment, at the end.

        Parameters
        ----------
        chunks : iterable of bytes
            Drawn once.
        """


@runtime_checkable
class AppliesInSteps(Protocol):
    """What a quick machine may have beside: it applies a long batch in steps.

    Others on the loop have their turn between two steps: heartbeats are sent, requests
    are read. The machine is asked for this in the place of `StateMachine.apply`, if the
    class that defines the one does not inherit the other: who alters `apply` in a class
    of their own is asked by that. A machine that is not quick has a thread to itself
    and needs no steps.
    """

    def apply_in_steps(
        self, index: LogIndex, commands: Sequence[bytes]
    ) -> Generator[None, None, Sequence[object]]:
        """Apply a batch of commands.

        Nothing else is applied, no snapshot is taken and no `Node.read` is served
        before the last step. Who reads a quick machine in between, on the loop, should
        see it as it was before the command that is under way, or after it. The steps
        may be left amid, when the member stops; nothing of them is durable then.

        Parameters
        ----------
        index : LogIndex
            As in `StateMachine.apply`.
        commands : sequence of bytes
            The same.

        Returns
        -------
        sequence of object
            What `StateMachine.apply` would have returned.

        Yields
        ------
        None
            After each millisecond or so, and never for a short batch, which thereby
            costs no more than by `StateMachine.apply`. How a member cuts its batches
            into steps is its own affair: what comes of them may not depend on it.
        """


@runtime_checkable
class SnapshotsInSteps(Protocol):
    """What a quick machine may have beside: its snapshots are drawn in steps.

    A thread beside the loop takes the interpreter from it, for a millisecond each time
    that the loop does anything with a socket. A machine whose chunks are quickly made
    is better served on the loop, between other things. It is asked for this in the
    place of `StateMachine.snapshot`, which it has all the same.
    """

    def snapshot_in_steps(self) -> Iterable[bytes]:
        """Return the state as chunks of a view that later batches don't change.

        Returns
        -------
        iterable of bytes
            As `StateMachine.snapshot` returns it, but drawn on the loop's thread: each
            takes a millisecond or so. Empty ones are left out; they are for pauses in
            work that comes before a chunk.
        """


@runtime_checkable
class TellsEffects(Protocol):
    """What a machine may have beside: it tells what its batches did.

    Members compare it, to find one whose state has become another one: by memory that
    forgets, by a clock or a draw in `StateMachine.apply`, by a bug. Without this method
    the results are compared, which shows less: a change that nobody is told of counts
    only when a later result depends on it.
    """

    def effects(self) -> bytes:
        """Return what the last batch did; called after each `StateMachine.apply`.

        Of a machine that `AppliesInSteps` it is called after each step, for that alone.

        Returns
        -------
        bytes
            What was changed to which value, and what was answered. Equal on all members
            for equal commands, however these are cut into batches and steps: what is
            told of two is what would have been told of one, in two parts.
        """


@runtime_checkable
class ShowsState(Protocol):
    """What a machine may have beside: it shows its state, a stretch at a time.

    So that what no command changed is compared as well, when its turn comes.
    """

    def inspect(self, place: bytes) -> tuple[bytes, bytes]:
        """Return a stretch of the state; called between two batches.

        Parameters
        ----------
        place : bytes
            Where the stretch begins, as the last call returned it; empty for the
            beginning.

        Returns
        -------
        tuple of bytes
            Bytes that are equal on all members, and where the next stretch begins;
            empty at the end, to begin anew. A stretch should take no longer than a
            fraction of a millisecond.
        """
