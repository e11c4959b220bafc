"""Committed entries into the state machine, results to whoever waits for them.

Source: Raft paper Fig. 2 (lastApplied), §5.3; each entry once, in the log's order.
"""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Final, Protocol, cast

import msgspec

from raftwerk.core.membership import members as members_of
from raftwerk.core.records import ConfChange, ConfState, Entry, EntryKind, Snapshot
from raftwerk.errors import (
    InvalidChange,
    MisuseError,
    OutcomeUnknown,
    RequestError,
    UnknownFormat,
    require,
)
from raftwerk.runtime.answered import ANSWER_BYTES_MAX, Answers
from raftwerk.runtime.chain import CHECK_ENTRIES, Chain, ChainState
from raftwerk.runtime.drift import Drift, DriftReport
from raftwerk.runtime.envelope import EnvelopeKind, Sender, content_of, kind_of
from raftwerk.runtime.machine_queue import MachineCall, MachineSteps, is_quick
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.members import ChangeContext, Members
from raftwerk.runtime.once import (
    Answered,
    decode_once,
    decode_result,
    encode_result,
)
from raftwerk.runtime.records import (
    CloseSession,
    OpenSession,
    PassTime,
    decode_record,
)
from raftwerk.runtime.state_machine import AppliesInSteps, StateMachine
from raftwerk.runtime.versions import DRIFT_VERSION
from raftwerk.types import NO_TERM, LogIndex, Term

__all__ = ["Applier", "Outcomes", "applies_in_steps"]

_PAUSE: Final[Sequence[object]] = []
"""Stands for results that are still to come; known by its identity, so no tuple: there
is but one empty one."""


class Outcomes(Protocol):
    """Who waits for what comes of entries; `raftwerk.runtime.waiters.Waiters` is it."""

    def resolve(self, number: int, result: object) -> None:
        """Give a result to whoever waits for it.

        Parameters
        ----------
        number : int
            Of the proposal.
        result : object
            An exception is raised there.
        """

    def settle_older(self, term: Term) -> None:
        """Know that nothing of an older term comes any more.

        Parameters
        ----------
        term : Term
            Of the next entry.
        """

    def forget_order(self) -> None:
        """Know that entries were passed over, so that nobody can tell their results."""


class Applier:
    """Applies what is committed.

    Parameters
    ----------
    machine : StateMachine
        The user's machine.
    sender : Sender
        Knows what this member proposed itself.
    waiters : Outcomes
        Who waits for results here.
    change_members : callable
        Applies a membership change to the core, and returns the configuration.

    Attributes
    ----------
    machine : StateMachine
        The user's machine.
    applied_index, applied_term : LogIndex, Term
        The last entry that was applied.
    members : Members
        Who the members are, as of that entry.
    conf_state : ConfState
        The configuration, as of that entry.
    chain : Chain or None
        What was done up to that entry; None while not all members count.
    drift : Drift
        Which replicas differ from the others, as of that entry.
    answers : Answers
        What was answered already, as of that entry.
    """

    def __init__(
        self,
        machine: StateMachine,
        sender: Sender,
        waiters: Outcomes,
        change_members: Callable[[ConfChange], ConfState],
    ) -> None:
        self.machine = machine
        # Asked once: to go through a machine's classes takes longer than a put.
        self._goes_in_steps = applies_in_steps(type(machine)) and is_quick(machine)
        self._sender = sender
        self._waiters = waiters
        self._change_members = change_members
        self.applied_index = LogIndex(0)
        self.applied_term: Term = NO_TERM
        self.members = Members(())
        self.conf_state = ConfState()
        self.chain: Chain | None = None
        self.drift = Drift()
        self.answers = Answers()
        self._again_until = LogIndex(0)

    @property
    def is_quarantined(self) -> bool:
        """Whether what the machine says is not what a majority of replicas says.

        Returns
        -------
        bool
            True: nobody may be told what it says.
        """
        return self._sender.node_id in self.drift.quarantined

    def restored(self, snapshot: Snapshot, answers: Answers | None = None) -> None:
        """Know that the machine has become what a snapshot holds.

        Parameters
        ----------
        snapshot : Snapshot
            At least at the applied index.
        answers : Answers, optional
            What was answered up to there; without it, nothing.
        """
        require(
            snapshot.index >= self.applied_index,
            f"a snapshot at {snapshot.index} does not go back"
            f" (applied index {self.applied_index})",
        )
        manifest = Manifest.decode(snapshot.data)
        self.members = Members(manifest.members, manifest.removed, manifest.version)
        self.conf_state = snapshot.conf_state
        self.drift = Drift(manifest.drift)
        self._state_restored(snapshot, manifest, answers)
        self._waiters.forget_order()

    def replaced(self, snapshot: Snapshot, answers: Answers) -> None:
        """Know that the machine has become that of a sound replica, at an older index.

        Entries from there on are given to it once more by `apply`; what they mean for
        members and verdicts has come to pass already, and is left alone.

        Parameters
        ----------
        snapshot : Snapshot
            At most at the applied index.
        answers : Answers
            What was answered up to there.
        """
        require(
            snapshot.index <= self.applied_index,
            f"what follows a snapshot at {snapshot.index} is here"
            f" (applied index {self.applied_index})",
        )
        self._again_until = max(self._again_until, self.applied_index)
        self._state_restored(snapshot, Manifest.decode(snapshot.data), answers)

    def _state_restored(
        self, snapshot: Snapshot, manifest: Manifest, answers: Answers | None
    ) -> None:
        """Go on from the state of a snapshot."""
        self.answers = Answers() if answers is None else answers
        self.applied_index = snapshot.index
        self.applied_term = snapshot.term
        if manifest.chain is not None:
            self.chain = Chain(manifest.chain)
        else:
            self.chain = None
            self._begin_chain()

    def _begin_chain(self) -> None:
        """Count from here on, if all members do: they apply the same entry here."""
        if self.chain is None and self.members.version >= DRIFT_VERSION:
            self.chain = Chain(ChainState())

    def apply(self, entries: Sequence[Entry]) -> MachineSteps[bool]:
        """Apply entries, and give results to those who wait here.

        Parameters
        ----------
        entries : sequence of Entry
            The next ones.

        Returns
        -------
        bool
            Whether members or their addresses may have changed.

        Yields
        ------
        MachineCall or None
            Each batch of commands, or each step of one and the pauses between them.

        Raises
        ------
        UnknownFormat
            If an entry was written by a newer version; it was not applied.
        InvariantViolation
            If entries are missing.
        MisuseError
            If the state machine does not return one result for each command.
        Exception
            What the state machine raised.
        """
        require(
            entries[0].index == self.applied_index + 1,
            f"entry {entries[0].index} follows the applied index {self.applied_index}",
        )
        changed = False
        commands: list[Entry] = []
        check_at = entries[0].index + -entries[0].index % CHECK_ENTRIES
        # Looked up once: CPython 3.11 takes long to find a member of an enumeration.
        plain, for_machine = EntryKind.COMMAND, EnvelopeKind.COMMAND
        for entry in entries:
            is_command = (
                entry.term == self.applied_term
                and entry.kind is plain
                and entry.data
                and kind_of(entry.data) is for_machine
            )
            if is_command:
                commands.append(entry)
            else:
                yield from self._apply_commands(commands)
                commands = []
                if entry.term != self.applied_term:
                    # Before anything of the new term takes effect: what was appended in
                    # an older one and is not applied by now never will be.
                    self.applied_term = entry.term
                    self._waiters.settle_older(entry.term)
                if _is_once(entry):
                    yield from self._apply_once(entry)
                else:
                    changed |= self._apply_other(entry, commands)
            if entry.index == check_at:
                yield from self._apply_commands(commands)
                commands = []
                yield from self._check(entry.index)
                check_at += CHECK_ENTRIES
        yield from self._apply_commands(commands)
        self.applied_index = entries[-1].index
        return changed

    def _apply_other(self, entry: Entry, commands: list[Entry]) -> bool:
        """Apply what is no mere command; return whether members may have changed."""
        is_again = entry.index <= self._again_until
        if entry.kind is not EntryKind.COMMAND:
            if not is_again:
                self._apply_change(entry)
            return not is_again
        if not entry.data:
            return False  # A leader's first entry, or a change that was refused.
        if kind_of(entry.data) is EnvelopeKind.COMMAND:
            commands.append(entry)
            return False
        record = decode_record(content_of(entry.data))
        number, result = self._sender.number_of(entry.data), None
        match record:
            # The state's own: with it, they are applied once more if it is replaced.
            case OpenSession():
                self.answers.open(entry.index)
                result = entry.index
            case CloseSession():
                self.answers.close(record.session)
            case PassTime():
                self.answers.pass_time(record.seconds)
            case _ if is_again:
                return False
            case DriftReport():
                self.drift.apply(record, self.conf_state)
            case _:
                self.members.apply_record(record)
                self._begin_chain()
        self._resolve(number, result)
        return True

    def _apply_once(self, entry: Entry) -> MachineSteps[None]:
        """Apply a command unless that was done, and answer as the first time."""
        once, command = decode_once(content_of(entry.data))
        outcome: object
        try:
            first = self.answers.begin(once)
        except RequestError as refusal:
            outcome = refusal
            self._link(type(refusal).__name__.encode())
        else:
            if first is None:
                (result,) = yield from self._call([entry], [command])
                self.answers.done(once, (yield from self._kept(result)))
                outcome = Answered(result, False)
            else:
                self._link(first)
                outcome = Answered(decode_result(self.machine, first), True)
        number = self._sender.number_of(entry.data)
        self._resolve(number, _unsound() if self.is_quarantined else outcome)

    def _kept(self, result: object) -> MachineSteps[bytes | None]:
        """Return a result as it is kept, and link it; None if it is not kept."""
        pieces = encode_result(self.machine, result)
        if pieces is None:
            return None
        kept: list[bytes] = []
        size = 0
        for piece in pieces:
            if size:
                yield None
            self._link(piece)
            size += len(piece)
            if size <= ANSWER_BYTES_MAX:
                kept.append(piece)
            else:
                kept.clear()
        return b"".join(kept) if size <= ANSWER_BYTES_MAX else None

    def _link(self, done: bytes) -> None:
        """Take in what was done, if all members do."""
        if self.chain is not None:
            self.chain.add(done)

    def _check(self, index: LogIndex) -> MachineSteps[None]:
        """Link what was done up to an index to all that was done before."""
        chain, machine = self.chain, self.machine
        if chain is not None:
            chain.add(self.answers.summary(index // CHECK_ENTRIES))
            yield MachineCall(lambda: chain.close(index, machine))

    def _apply_commands(self, batch: list[Entry]) -> MachineSteps[None]:
        """Apply commands in one call, and resolve those that are ours."""
        if not batch:
            return
        commands = [content_of(entry.data) for entry in batch]
        results = yield from self._call(batch, commands)
        number_of = self._sender.number_of
        is_unsound = self.is_quarantined
        for entry, result in zip(batch, results, strict=True):
            number = number_of(entry.data)
            if number is not None:
                self._waiters.resolve(number, _unsound() if is_unsound else result)

    def _call(
        self, batch: list[Entry], commands: list[bytes]
    ) -> MachineSteps[Sequence[object]]:
        """Have the machine apply commands, perhaps in its thread or in steps."""
        machine, last = self.machine, batch[-1].index
        if not self._goes_in_steps:
            function = partial(machine.apply, last, commands)
            results = yield MachineCall(lambda: self._done(batch, function))
            return cast(Sequence[object], results)
        steps = cast(AppliesInSteps, machine).apply_in_steps(last, commands)
        while True:
            results = yield MachineCall(lambda: self._done(batch, lambda: _next(steps)))
            if results is not _PAUSE:
                return cast(Sequence[object], results)
            yield None

    def _done(
        self, batch: list[Entry], function: Callable[[], Sequence[object]]
    ) -> Sequence[object]:
        """Call the machine for a batch, and take in what it has done."""
        try:
            results = function()
        except Exception as error:
            error.add_note(
                f"{type(self.machine).__name__}.apply raised this for the commands of"
                f" entries {batch[0].index} to {batch[-1].index}; nobody knows its"
                " state now, so this member has stopped. What a command may do wrong is"
                " a result."
            )
            raise
        if results is not _PAUSE and len(results) != len(batch):
            raise MisuseError(
                f"{type(self.machine).__name__}.apply returned {len(results)} results"
                f" for {len(batch)} commands; it must return one for each"
            )
        if self.chain is not None:
            self.chain.add_batch(self.machine, results)
        return results

    def _apply_change(self, entry: Entry) -> None:
        """Apply a membership change to the core and to the record of members."""
        change, context = _decode_change(entry)
        number = self._sender.number_of_ticket(context.ticket)
        try:
            conf_state = self._change_members(change)
        except InvalidChange as error:
            # Each member refuses it alike, and the configuration stays.
            self._resolve(number, error)
            return
        self.conf_state = conf_state
        self.members.apply_change(context, conf_state)
        self.drift.keep(members_of(conf_state))
        self._begin_chain()
        self._resolve(number, conf_state)

    def _resolve(self, number: int | None, result: object) -> None:
        """Give a result to whoever waits, if the proposal was made here."""
        if number is not None:
            self._waiters.resolve(number, result)


def applies_in_steps(kind: type) -> bool:
    """Tell whether machines of a class are to be asked for steps, if they are quick.

    Not where `apply` was altered in a class below that of `apply_in_steps`: it would
    never be called.

    Parameters
    ----------
    kind : type
        Of state machines.

    Returns
    -------
    bool
        False: each batch is one call.
    """
    if not issubclass(kind, AppliesInSteps):
        return False
    names = ("apply_in_steps", "apply")
    return next(
        "apply_in_steps" in vars(each)
        for each in kind.__mro__
        if any(name in vars(each) for name in names)
    )


def _next(steps: Generator[None, None, Sequence[object]]) -> Sequence[object]:
    """Do a step; return the results if it was the last."""
    try:
        next(steps)
    except StopIteration as end:
        results: Sequence[object] = end.value
        return results
    return _PAUSE


def _is_once(entry: Entry) -> bool:
    """Return whether an entry is a command that is done once."""
    return (
        entry.kind is EntryKind.COMMAND
        and bool(entry.data)
        and kind_of(entry.data) is EnvelopeKind.ONCE
    )


def _unsound() -> OutcomeUnknown:
    """Return what is said instead of a result that nobody may be told."""
    return OutcomeUnknown(
        "the proposal was applied, but this member's state differs from that of the"
        " others, so its answer is worth nothing; look at another member"
    )


def _decode_change(entry: Entry) -> tuple[ConfChange, ChangeContext]:
    """Return what an entry changes, and what goes with it."""
    try:
        change = ConfChange.decode(entry.data)
        return change, ChangeContext.decode(change.context)
    except (InvalidChange, msgspec.DecodeError) as error:
        raise UnknownFormat(
            f"the membership change of entry {entry.index} can't be read ({error});"
            " start a newer version of raftwerk on this data directory"
        ) from error
