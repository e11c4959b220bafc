"""What is said of the ways between members that answer."""

from typing import Any

from raftwerk.service.case import Case, Kind
from raftwerk.service.deposition import Acquaintance
from tests.service.test_diagnose import ALL, findings, member


def speaking(number: str, least: int, most: int, **said: Any) -> dict[str, Any]:
    return {"number": number, "protocol_min": least, "protocol_max": most} | said


def test_members_without_a_common_language_are_not_called_cut_off() -> None:
    told = findings(
        member(**speaking("1", 1, 2, away=("3",))),
        member(**speaking("2", 1, 2, away=("3",))),
        member(**speaking("3", 3, 4, away=("1", "2"), version="9.0.0", leader="")),
    )
    assert list(told) == [Kind.VERSIONS], "neither a cut, nor right in an upgrade"
    words = told[Kind.VERSIONS]
    assert "(n1 and n2: 1 to 2, of raftwerk " in words
    assert "; n3: 3 to 4, of raftwerk 9.0.0)" in words
    assert "Writes go on through n1. Upgrade n1 and n2, or run on n3 what" in words


def test_a_common_language_is_enough_and_an_unknown_one_no_fault() -> None:
    assert not findings(
        member(**speaking("1", 1, 2)),
        member(**speaking("2", 2, 3)),
        member(**speaking("3", -1, -1)),
    )
    upgrade = findings(
        member(**speaking("1", 1, 2)),
        member(**speaking("2", 2, 3, version="9.0.0")),
        member(**speaking("3", 1, 2)),
    )
    assert "right in the course of an upgrade" in upgrade[Kind.VERSIONS]


def test_where_all_are_apart_no_election_is_waited_for() -> None:
    apart = [
        member(
            each,
            leader="",
            state="CANDIDATE",
            attempts=20,
            away=[other for other in ALL if other != each],
        )
        for each in ALL
    ]
    told = findings(*apart)
    assert list(told) == [Kind.PARTITION], "timeouts are not to blame"
    assert "Writes wait, for nobody has a way to a majority." in told[Kind.PARTITION]


def test_two_who_have_a_way_to_each_other_can_agree_without_the_third() -> None:
    pair = [
        member(each, leader="", state="CANDIDATE", attempts=20, away=("3",))
        for each in ("1", "2")
    ]
    alone = member("3", leader="", state="CANDIDATE", away=("1", "2"))
    assert Case(depositions=[*pair, alone]).can_agree
    assert list(findings(*pair, alone)) == [Kind.PARTITION, Kind.SPLITTING]


def test_what_one_who_does_not_answer_can_reach_is_not_denied() -> None:
    first = member("1", leader="", state="FOLLOWER", away=("2",))
    second = member("2", leader="", state="FOLLOWER", away=("1",))
    assert Case(depositions=[first, second]).can_agree, "3 may reach both"


def test_a_cluster_that_never_began_is_not_told_to_start_again_with_data() -> None:
    members = tuple(
        Acquaintance(id=each, peer_urls=(f"http://node{each}:2380",), has_started=False)
        for each in ALL
    )
    alone = member("1", state="FOLLOWER", leader="", members=members, away=("2", "3"))
    told = findings(alone)
    assert list(told) == [Kind.NO_QUORUM]
    words = told[Kind.NO_QUORUM]
    assert "2 (http://node2:2380) has never taken part yet since 2026-01-01" in words
    assert "If this is a first start, start 1 of these" in words
    assert "again with their data" not in words
