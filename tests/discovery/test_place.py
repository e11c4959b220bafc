"""What the answers of members mean for a node without data."""

from typing import Any

import pytest

from raftwerk.config import Url
from raftwerk.discovery.place import (
    Found,
    Lost,
    Nowhere,
    Place,
    judge_joining,
    judge_start,
)
from raftwerk.discovery.protocol import KnownMember, Roster
from raftwerk.errors import ConfigError
from raftwerk.types import NodeId

CLUSTER = 0xC1
HERE = Url("127.0.0.1", 2380)
OURS = (str(HERE),)


def member(node_id: int, urls: tuple[str, ...] = (), **fields: Any) -> KnownMember:
    return KnownMember(node_id=NodeId(node_id), peer_urls=urls, **fields)


def roster(*members: KnownMember, removed: tuple[int, ...] = ()) -> Roster:
    gone = tuple(NodeId(node_id) for node_id in removed)
    return Roster(cluster_id=CLUSTER, members=members, removed=gone)


ADDED = member(4, OURS)
STARTED = member(4, OURS, has_started=True, name="four")
OTHER = member(1, ("http://127.0.0.1:1",), has_started=True)
PLACE = Place(CLUSTER, NodeId(4))

JOINING = [
    # what members say                         verdict        why
    ([roster(OTHER, ADDED)], PLACE, "it was added and never started"),
    ([roster(OTHER), roster(OTHER, ADDED)], PLACE, "one member lags behind"),
    ([roster(OTHER)], Nowhere(), "nobody added it"),
    ([roster(member(4, ("nonsense",)))], Nowhere(), "such a URL is nobody's"),
    ([roster(ADDED, removed=(4,))], Nowhere(), "a removed id is never used again"),
    ([roster(ADDED), roster(removed=(4,))], Nowhere(), "one lags behind the removal"),
]


@pytest.mark.parametrize(("rosters", "verdict", "why"), JOINING)
def test_a_node_that_joins_takes_the_id_that_was_added_for_it(
    rosters: list[Roster], verdict: object, why: str
) -> None:
    assert judge_joining(rosters, [HERE]) == verdict, why


@pytest.mark.parametrize(
    "rosters", [[roster(STARTED)], [roster(ADDED), roster(STARTED)]]
)
def test_who_was_seen_by_one_member_has_started(rosters: list[Roster]) -> None:
    verdict = judge_joining(rosters, [HERE])
    assert isinstance(verdict, Lost)
    assert "member 4 (four) has lost its data directory" in verdict.words
    assert "`raftwerk member replace 4`" in verdict.words


def test_a_new_id_at_the_old_address_is_taken() -> None:
    assert judge_joining([roster(STARTED, member(5, OURS))], [HERE]) == Place(
        CLUSTER, NodeId(5)
    )


def test_two_places_are_told_and_not_guessed_between() -> None:
    with pytest.raises(ConfigError, match="members 4 and 5 were added"):
        judge_joining([roster(ADDED, member(5, OURS))], [HERE])


def test_members_of_two_clusters_are_no_peers() -> None:
    other = Roster(cluster_id=0xC2, members=(ADDED,))
    with pytest.raises(ConfigError, match="several clusters .c1 and c2."):
        judge_joining([roster(ADDED), other], [HERE])


@pytest.mark.parametrize(
    "rosters",
    [[], [roster(OTHER, ADDED)], [roster(OTHER)]],
    ids=["nobody answers", "peers start too", "a founder that was told otherwise"],
)
def test_who_was_never_seen_founds_its_cluster(rosters: list[Roster]) -> None:
    assert judge_start(rosters, [HERE], PLACE) == Found()


def test_who_was_seen_never_founds_it_again() -> None:
    verdict = judge_start([roster(OTHER, STARTED)], [HERE], PLACE)
    assert isinstance(verdict, Lost)
    assert "`raftwerk member replace 4`" in verdict.words


def test_who_was_seen_takes_the_place_that_replaces_it() -> None:
    rosters = [roster(OTHER, STARTED, member(5, OURS))]
    assert judge_start(rosters, [HERE], PLACE) == Place(CLUSTER, NodeId(5))


def test_who_was_removed_is_told_to_be_added() -> None:
    verdict = judge_start([roster(OTHER, removed=(4,))], [HERE], PLACE)
    assert isinstance(verdict, Lost)
    assert "was removed" in verdict.words
    assert "`raftwerk member add`" in verdict.words


def test_another_cluster_at_the_peers_addresses_is_told() -> None:
    other = Roster(cluster_id=0xC2, members=(OTHER,))
    with pytest.raises(ConfigError, match="belong to cluster c2"):
        judge_start([other], [HERE], PLACE)
