"""The number for all that a replica has done."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.kv import Put, Store, encode
from raftwerk.runtime.chain import LINKS_KEPT, Chain, ChainState, plain
from raftwerk.types import LogIndex

from .machines import ListMachine


class Told(ListMachine):
    """It tells its effects, and shows a stretch."""

    def effects(self) -> bytes:
        return b"".join(self.commands[-self.batches[-1] :])

    def inspect(self, place: bytes) -> tuple[bytes, bytes]:
        return b"shown " + place, place + b"."


def test_how_effects_are_cut_makes_no_difference() -> None:
    first, second = Chain(ChainState()), Chain(ChainState())
    first.add(b"one two")
    second.add(b"one")
    second.add(b" two")
    assert first.state == second.state


def test_a_chain_goes_on_from_a_snapshot_at_any_index() -> None:
    whole, machine = Chain(ChainState()), Told()
    parts = Chain(ChainState())
    for index in range(1, 4):
        whole.add(b"%d" % index)
        parts = Chain(parts.state)
        parts.add(b"%d" % index)
        if index == 2:
            whole.close(LogIndex(2), machine)
            parts.close(LogIndex(2), machine)
    whole.close(LogIndex(4), machine)
    parts.close(LogIndex(4), machine)
    assert whole.links == parts.links
    assert whole.state.place == b".."


@given(st.integers(0, 4), st.integers(0, 255))
def test_one_changed_byte_is_in_all_links_from_then_on(place: int, byte: int) -> None:
    chains = Chain(ChainState()), Chain(ChainState())
    effects = bytearray(b"bytes")
    for chain in chains:
        chain.add(bytes(effects))
        chain.close(LogIndex(1), Told())
        chain.add(b"the same")
        chain.close(LogIndex(2), Told())
        effects[place] = byte
    is_same = byte == b"bytes"[place]
    for index in (LogIndex(1), LogIndex(2)):
        assert (chains[0].links[index] == chains[1].links[index]) is is_same


def test_no_more_links_are_kept_than_are_of_use() -> None:
    chain = Chain(ChainState())
    for index in range(1, 100):
        chain.close(LogIndex(index), ListMachine())
    assert list(chain.links) == list(range(100 - LINKS_KEPT, 100))


RESULTS: list[tuple[Sequence[object], Sequence[object], bool, str]]
RESULTS = [
    ([1, "a"], [1, "a"], True, "plain data are compared"),
    ([1, "a"], [1, "b"], False, "plain data are compared"),
    ([object()], [object()], True, "no address counts"),
    ([ValueError("a")], [ValueError("b")], True, "of a refusal its kind counts"),
    ([ValueError("a")], [KeyError("a")], False, "of a refusal its kind counts"),
    ([{"x", "y", "z"}], [{"z", "y", "x"}], True, "a set has no order"),
    ([2**70], [2**70], True, "what has no encoding is passed over"),
    ([[object()]], [[object()]], True, "inside of others as well"),
]


@pytest.mark.parametrize(("one", "other", "is_same", "why"), RESULTS)
def test_results_stand_for_what_was_done(
    one: Iterable[object], other: Iterable[object], is_same: bool, why: str
) -> None:
    assert (plain(one) == plain(other)) is is_same, why


def test_a_machine_that_tells_nothing_counts_by_its_results() -> None:
    silent, told = Chain(ChainState()), Chain(ChainState())
    machine = Told()
    results = machine.apply(LogIndex(1), [b"command"])
    told.add_batch(machine, results)
    plain_machine = ListMachine()
    silent.add_batch(plain_machine, plain_machine.apply(LogIndex(1), [b"command"]))
    by_hand = Chain(ChainState())
    by_hand.add(plain([1]))
    assert silent.state == by_hand.state != told.state


def test_the_store_tells_the_same_however_its_commands_are_cut() -> None:
    commands = [encode(Put(b"key %d" % (n % 3), b"value %d" % n)) for n in range(10)]
    links = set()
    for size in (1, 3, 10):
        chain, store = Chain(ChainState()), Store()
        for start in range(0, 10, size):
            results = store.apply(start, commands[start : start + size])
            chain.add_batch(store, results)
        chain.close(LogIndex(10), store)
        links.add(chain.state.link)
    assert len(links) == 1
