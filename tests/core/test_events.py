"""Events: what they may be, and that each of them does happen."""

from pathlib import Path

import pytest

from raftwerk.core import events
from raftwerk.core.events import Event
from raftwerk.core.replica import Replica

from ..conformance.runner import find_scripts, run_script
from .cluster import Cluster

SCENARIOS = Path(__file__).parents[1] / "conformance" / "scenarios"
KINDS = {
    kind
    for name in events.__all__
    if issubclass(kind := getattr(events, name), Event) and kind is not Event
}


def test_each_kind_of_event_happens_in_a_scenario(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An event that nothing emits would be a promise to those who watch."""
    seen: set[type[Event]] = set()
    take_events = Replica.take_events

    def take_and_note(replica: Replica) -> list[Event]:
        taken = take_events(replica)
        seen.update(type(event) for event in taken)
        return taken

    monkeypatch.setattr(Replica, "take_events", take_and_note)
    for script in find_scripts([SCENARIOS]):
        assert run_script(script) is None, script.name
    assert seen == KINDS


def test_every_public_event_is_exported() -> None:
    defined = {
        kind
        for name, kind in vars(events).items()
        if isinstance(kind, type) and issubclass(kind, Event) and name[0] != "_"
    }
    assert defined - {Event} == KINDS


def test_events_are_taken_once_and_in_order() -> None:
    cluster = Cluster(members=[1, 2])
    cluster.elect(1)
    names = [type(event).__name__ for event in cluster[1].events]
    assert names.index("ElectionStarted") < names.index("BecameCandidate")
    assert names.index("BecameCandidate") < names.index("BecameLeader")
    assert cluster[1].replica.take_events() == []


def test_events_name_the_member_in_which_they_happened() -> None:
    cluster = Cluster()
    cluster.elect(2)
    for member in cluster:
        assert {event.node for event in member.events} == {member.status.node_id}
