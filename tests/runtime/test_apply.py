"""Each committed entry takes effect once, in order, and its proposer hears of it."""

import asyncio
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    Entry,
    EntryKind,
    Snapshot,
)
from raftwerk.errors import (
    InvalidChange,
    InvariantViolation,
    MisuseError,
    OutcomeUnknown,
    UnknownFormat,
)
from raftwerk.runtime.answered import OfKey
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.chain import Chain, ChainState
from raftwerk.runtime.envelope import EnvelopeKind, Sender
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.members import ChangeContext, PublishMember
from raftwerk.runtime.once import encode_once
from raftwerk.runtime.waiters import Waiters
from raftwerk.types import LogIndex, NodeId, Term

from .group import member_of, story
from .machines import ListMachine

ADDED = ConfState(voters=(NodeId(1),), learners=(NodeId(4),))
ADD = ConfChange((Change(ChangeKind.ADD_LEARNER, NodeId(4)),))


class Rig:
    """An applier after a snapshot at entry 1, and entries for it."""

    def __init__(self, machine: Any = None) -> None:
        self.machine = ListMachine() if machine is None else machine
        self.sender = Sender(NodeId(1), 5)
        self.stranger = Sender(NodeId(2), 6)
        self.waiters = Waiters(asyncio.get_running_loop(), 100)
        self.changes: list[ConfChange] = []
        self.change: Callable[[ConfChange], ConfState] = self.changed
        self.applier = Applier(
            self.machine,
            self.sender,
            self.waiters,
            self._change,
        )
        manifest = Manifest(members=(member_of(1),))
        self.applier.restored(
            Snapshot(index=LogIndex(1), term=Term(1), data=manifest.encode())
        )
        self.index = 1

    def _change(self, change: ConfChange) -> ConfState:
        return self.change(change)

    def changed(self, change: ConfChange) -> ConfState:
        self.changes.append(change)
        return ADDED

    def entry(self, data: bytes, term: int = 1, kind: Any = EntryKind.COMMAND) -> Entry:
        """Return the next entry."""
        self.index += 1
        return Entry(Term(term), LogIndex(self.index), data, kind)

    def apply(self, entries: Sequence[Entry]) -> bool:
        """Apply entries, each batch at once, and return what comes of it."""
        steps = self.applier.apply(entries)
        result = None
        while True:
            try:
                call = steps.send(result)
                result = None if call is None else call.function()
            except StopIteration as end:
                return bool(end.value)

    def command(self, content: bytes, term: int = 1) -> Entry:
        """Return the next entry, a command of somebody else."""
        data = self.stranger.wrap(EnvelopeKind.COMMAND, 1, content)
        return self.entry(data, term)

    def propose(
        self, content: bytes, term: int = 1
    ) -> "tuple[bytes, asyncio.Future[object]]":
        """Propose here in a term; return the entry's data and its outcome."""
        number = self.waiters.next_number()
        data = self.sender.wrap(EnvelopeKind.COMMAND, number, content)
        future = self.waiters.add(number, data, 10.0)
        self.waiters.proposed(self.waiters.take_held(1000, 1000), Term(term))
        return data, future


@story
async def test_commands_of_one_order_are_applied_in_one_call() -> None:
    rig = Rig()
    assert not rig.apply([rig.command(b"a"), rig.command(b"b")])
    assert rig.machine.commands == [b"a", b"b"]
    assert rig.machine.batches == [2]
    assert (rig.applier.applied_index, rig.applier.applied_term) == (3, 1)


@story
async def test_the_result_goes_to_whoever_proposed_it_here() -> None:
    rig = Rig()
    data, future = rig.propose(b"mine")
    rig.apply([rig.command(b"another's"), rig.entry(data)])
    assert await future == 2


@story
async def test_an_empty_entry_is_nobodys_command() -> None:
    rig = Rig()
    rig.apply([rig.entry(b"", 2), rig.command(b"a", 2)])
    assert rig.machine.commands == [b"a"]
    assert (rig.applier.applied_index, rig.applier.applied_term) == (3, 2)


@story
async def test_a_new_term_settles_what_was_proposed_in_an_older_one() -> None:
    rig = Rig()
    _, lost = rig.propose(b"lost")
    rig.apply([rig.entry(b"", 2)])
    assert rig.waiters.has_held
    assert not lost.done()


@story
async def test_a_command_of_the_old_term_is_resolved_before_the_new_one_settles() -> (
    None
):
    rig = Rig()
    data, future = rig.propose(b"just made it")
    rig.apply([rig.entry(data, 1), rig.entry(b"", 2)])
    assert await future == 1


@story
async def test_the_first_command_of_a_new_term_settles_too_and_is_applied_once() -> (
    None
):
    rig = Rig()
    _, lost = rig.propose(b"lost")
    rig.apply([rig.command(b"a"), rig.command(b"b", 2), rig.command(b"c", 2)])
    assert rig.machine.commands == [b"a", b"b", b"c"]
    assert rig.waiters.has_held
    assert not lost.done()


@story
async def test_a_change_takes_effect_between_the_commands_around_it() -> None:
    rig = Rig()
    seen: list[int] = []

    def change(_: ConfChange) -> ConfState:
        seen.append(len(rig.machine.commands))
        return ADDED

    rig.change = change
    context = ChangeContext(members=(member_of(4),)).encode()
    data = msgspec.structs.replace(ADD, context=context).encode()
    entries = [
        rig.command(b"a"),
        rig.entry(data, kind=EntryKind.CONF_CHANGE),
        rig.command(b"b"),
    ]
    assert rig.apply(entries)
    assert seen == [1]
    assert rig.machine.batches == [1, 1]
    assert NodeId(4) in rig.applier.members.by_id


@story
async def test_who_proposed_a_change_is_told_the_configuration() -> None:
    rig = Rig()
    number = rig.waiters.next_number()
    future = rig.waiters.add_proposed(number, Term(1), 10.0)
    context = ChangeContext(ticket=rig.sender.ticket(number)).encode()
    data = msgspec.structs.replace(ADD, context=context).encode()
    rig.apply([rig.entry(data, kind=EntryKind.CONF_CHANGE)])
    assert await future == ADDED


@story
async def test_a_change_that_does_not_fit_is_refused_by_all_alike_and_they_go_on() -> (
    None
):
    rig = Rig()

    def refuse(_: ConfChange) -> ConfState:
        raise InvalidChange("removed all voters")

    rig.change = refuse
    number = rig.waiters.next_number()
    future = rig.waiters.add_proposed(number, Term(1), 10.0)
    context = ChangeContext(rig.sender.ticket(number), (member_of(4),)).encode()
    data = msgspec.structs.replace(ADD, context=context).encode()
    rig.apply([rig.entry(data, kind=EntryKind.CONF_CHANGE), rig.command(b"a")])
    assert isinstance(future.exception(), InvalidChange)
    assert NodeId(4) not in rig.applier.members.by_id
    assert rig.machine.commands == [b"a"]


@story
async def test_a_record_of_a_member_never_reaches_the_machine() -> None:
    rig = Rig()
    content = msgspec.msgpack.encode(PublishMember(member_of(1, directory_id=7)))
    data = rig.stranger.wrap(EnvelopeKind.RECORD, 1, content)
    assert rig.apply([rig.entry(data)])
    assert rig.applier.members.by_id[NodeId(1)].directory_id == 7
    assert rig.machine.commands == []


@story
async def test_an_unknown_kind_stops_before_anything_of_its_order_is_applied() -> None:
    rig = Rig()
    entries = [rig.command(b"a"), rig.entry(bytes([99]) + bytes(30)), rig.command(b"b")]
    with pytest.raises(UnknownFormat, match="kind 99"):
        rig.apply(entries)
    assert rig.machine.commands == []
    assert rig.applier.applied_index == 1


@story
async def test_a_change_that_can_t_be_read_stops_in_words() -> None:
    rig = Rig()
    entry = rig.entry(b"\xc1garbage", kind=EntryKind.CONF_CHANGE)
    with pytest.raises(UnknownFormat, match="entry 2 can't be read"):
        rig.apply([entry])


@story
async def test_a_gap_is_a_bug_of_ours() -> None:
    rig = Rig()
    rig.index += 1
    with pytest.raises(InvariantViolation, match="entry 3 follows the applied index 1"):
        rig.apply([rig.command(b"a")])


class Forgetful(ListMachine):
    """Returns one result too few."""

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> Sequence[object]:
        return list(super().apply(index, commands))[1:]


class Raising(ListMachine):
    """Raises."""

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> Sequence[object]:
        raise KeyError("no such key")


@story
async def test_a_machine_with_too_few_results_is_blamed_by_name() -> None:
    rig = Rig(Forgetful())
    with pytest.raises(MisuseError, match="Forgetful.apply returned 1 results for 2"):
        rig.apply([rig.command(b"a"), rig.command(b"b")])


@story
async def test_what_a_machine_raises_is_passed_on_with_a_word_of_where() -> None:
    rig = Rig(Raising())
    with pytest.raises(KeyError, match="no such key") as caught:
        rig.apply([rig.command(b"a"), rig.command(b"b")])
    assert "Raising.apply raised this for the commands of entries 2 to 3" in (
        caught.value.__notes__[0]
    )


class Stepping(ListMachine):
    """Applies each command in a step of its own, and tells of each by itself."""

    told = b""

    def apply_in_steps(
        self, index: LogIndex, commands: Sequence[bytes]
    ) -> Generator[None, None, Sequence[object]]:
        results: list[object] = []
        for number, command in enumerate(commands):
            if number:
                yield
            results += super().apply(index, [command])
            self.told = command
        return results

    def effects(self) -> bytes:
        return self.told


class Altered(Stepping):
    """A user's own, that knows nothing of steps."""

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> Sequence[object]:
        self.told = b"".join(commands)
        return ListMachine.apply(self, index, commands)


class Slow(Stepping):
    """Has a thread, and needs no steps."""

    is_quick = False

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> Sequence[object]:
        self.told = b"".join(commands)
        return ListMachine.apply(self, index, commands)

    apply_in_steps = Stepping.apply_in_steps


@pytest.mark.parametrize(
    ("kind", "batches", "pauses"),
    [(Stepping, [1, 1, 1], 2), (Altered, [3], 0), (Slow, [3], 0)],
)
@story
async def test_a_batch_is_applied_in_steps_by_a_quick_machine_that_has_them(
    kind: type[Stepping], batches: list[int], pauses: int
) -> None:
    rig = Rig(kind())
    rig.applier.chain = Chain(ChainState())
    data, future = rig.propose(b"c")
    entries = [rig.command(b"a"), rig.command(b"b"), rig.entry(data)]
    steps = rig.applier.apply(entries)
    result, paused = None, 0
    with pytest.raises(StopIteration):
        while True:
            call = steps.send(result)
            result = None if call is None else call.function()
            paused += call is None
            # Of a batch nobody hears before it is whole.
            assert future.done() is False
    assert (rig.machine.batches, paused) == (batches, pauses)
    assert future.result() == 3
    assert rig.applier.chain.state.checksum == zlib.crc32(b"abc")


class RaisingAmid(Stepping):
    """Raises in its second step."""

    def apply_in_steps(
        self, index: LogIndex, commands: Sequence[bytes]
    ) -> Generator[None, None, Sequence[object]]:
        yield
        raise KeyError("no such key")


class ForgetfulAmid(Stepping):
    """Returns no results at its end."""

    def apply_in_steps(
        self, index: LogIndex, commands: Sequence[bytes]
    ) -> Generator[None, None, Sequence[object]]:
        yield
        return ()


@story
async def test_what_goes_wrong_amid_is_said_as_in_one_go() -> None:
    rig = Rig(RaisingAmid())
    with pytest.raises(KeyError) as caught:
        rig.apply([rig.command(b"a")])
    assert "RaisingAmid.apply raised this" in caught.value.__notes__[0]
    rig = Rig(ForgetfulAmid())
    with pytest.raises(MisuseError, match="ForgetfulAmid.apply returned 0 results"):
        rig.apply([rig.command(b"a")])


@story
async def test_a_snapshot_takes_the_place_of_entries_and_ends_what_they_may_hold() -> (
    None
):
    rig = Rig()
    _, future = rig.propose(b"somewhere in it")
    manifest = Manifest(members=(member_of(1), member_of(2)), removed=(NodeId(9),))
    rig.applier.restored(
        Snapshot(index=LogIndex(50), term=Term(3), data=manifest.encode())
    )
    assert isinstance(future.exception(), OutcomeUnknown)
    assert (rig.applier.applied_index, rig.applier.applied_term) == (50, 3)
    assert list(rig.applier.members.by_id) == [1, 2]
    assert rig.applier.members.removed == {9}


@story
async def test_a_snapshot_never_goes_back() -> None:
    rig = Rig()
    rig.apply([rig.command(b"a")])
    with pytest.raises(InvariantViolation, match="does not go back"):
        rig.applier.restored(Snapshot(index=LogIndex(1), term=Term(1)))


class SteadyMachine(ListMachine):
    """Writes its results as `LargeMachine` does, in one piece."""

    def encode_result(self, result: object) -> bytes:
        return b"".join(self.pieces(result))

    def decode_result(self, data: bytes) -> object:
        return len(data)

    def pieces(self, result: object) -> Iterator[bytes]:
        assert isinstance(result, int)
        yield from (b"%d" % result * 10_000 for _ in range(10 * result))


class LargeMachine(SteadyMachine):
    """Writes its results in steps."""

    def encode_result_in_steps(self, result: object) -> Iterator[bytes]:
        return self.pieces(result)


@story
async def test_a_large_answer_is_kept_in_steps_and_linked_as_in_one_go() -> None:
    rigs = [Rig(SteadyMachine()), Rig(LargeMachine())]
    pauses = []
    for rig in rigs:
        rig.applier.chain = Chain(ChainState())
        for key in (b"a", b"b", b"c", b"a", b"c"):
            content = encode_once(OfKey(key, 0, b"print"), b"command")
            entry = rig.entry(rig.stranger.wrap(EnvelopeKind.ONCE, 1, content))
            steps, result, count = rig.applier.apply([entry]), None, 0
            with suppress(StopIteration):
                while True:
                    call = steps.send(result)
                    count += call is None
                    result = None if call is None else call.function()
            pauses.append(count)
    assert pauses == [0] * 5 + [9, 19, 29, 0, 0]
    chains = [rig.applier.chain for rig in rigs]
    assert chains[0] is not None and chains[1] is not None
    assert chains[0].state == chains[1].state
    tables = [rig.applier.answers.save() for rig in rigs]
    assert tables[0] == tables[1]
    kept = rigs[1].applier.answers
    assert kept.begin(OfKey(b"b", 0, b"print")) == b"2" * 200_000
    with pytest.raises(OutcomeUnknown, match="was not kept"):
        kept.begin(OfKey(b"c", 0, b"print"))
