"""`tick(n)` equals n single ticks, in whatever state a group has brought a member.

Two equal groups run up to the same moment; then one member lets the same time pass in
few steps here, and tick by tick there. All that it remembers must be equal afterwards,
and so must all that it wants to send and has recorded. The usual states are in
`test_clock`; here are those that nobody thought of.
"""

import enum
from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from raftwerk.core.inputs import Tick
from raftwerk.core.replica import Replica
from raftwerk.types import NodeId

from .group import World, cause_chaos

TICKS_MAX = 60


def dump(value: Any) -> Any:
    """Return all that an object holds, as values that can be compared."""
    if isinstance(value, (bytes, enum.Enum, int, msgspec.Struct, str, type(None))):
        return value
    if isinstance(value, Mapping):
        return [(dump(key), dump(item)) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "__slots__"):
        return {name: dump(getattr(value, name)) for name in value.__slots__}
    try:
        return [dump(item) for item in value]
    except TypeError:
        return type(value)  # What was handed in: the draws, the store, who observes.


def replica_after(seed: int, ticks: int, place: int) -> Replica | None:
    """Return a member of a group amid its faults, if it lives."""
    world = World(seed, ticks=ticks)
    cause_chaos(world)
    member = world.members[NodeId(1 + place % len(world.members))]
    return member.replica if member.is_up else None


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**64 - 1),
    ticks=st.integers(1, 40),
    place=st.integers(0, 6),
    steps=st.lists(st.integers(1, TICKS_MAX), min_size=1, max_size=4),
)
def test_many_ticks_equal_as_many_single_ones(
    seed: int, ticks: int, place: int, steps: list[int]
) -> None:
    at_once = replica_after(seed, ticks, place)
    one_by_one = replica_after(seed, ticks, place)
    if at_once is None or one_by_one is None:
        return
    assert dump(at_once.state) == dump(one_by_one.state), "a run follows from its seed"
    for count in steps:
        at_once.step(Tick(count))
        for _ in range(count):
            one_by_one.step(Tick())
        assert dump(at_once.state) == dump(one_by_one.state)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**64 - 1), ticks=st.integers(1, 40), place=st.integers(0, 6)
)
def test_nothing_is_sent_or_recorded_before_the_deadline(
    seed: int, ticks: int, place: int
) -> None:
    replica = replica_after(seed, ticks, place)
    if replica is None:
        return
    count = min(replica.ticks_until_deadline() - 1, 1_000_000)
    state = replica.state
    before = len(state.events), len(state.messages), state.role, state.term
    replica.step(Tick(count))
    assert (len(state.events), len(state.messages), state.role, state.term) == before
