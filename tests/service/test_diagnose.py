"""What is said of a cluster, from what its members say."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from raftwerk.service.case import Case, Kind, Silent
from raftwerk.service.deposition import Acquaintance, Deposition, Sight
from raftwerk.service.diagnose import diagnose, healthy_line

NOON = 1_767_268_800.0  # 2026-01-01 12:00:00 UTC
ALL = ("1", "2", "3")


def sight(whom: str, is_connected: bool = True, trouble: str = "") -> Sight:
    return Sight(id=whom, is_connected=is_connected, since=NOON, trouble=trouble)


def member(number: str, **said: Any) -> Deposition:
    """Return what a member of three says that sees the others; 1 leads."""
    away = said.pop("away", ())
    usual: dict[str, Any] = {
        "id": number,
        "name": f"n{number}",
        "cluster_id": "c1",
        "state": "LEADER" if number == "1" else "FOLLOWER",
        "term": 7,
        "leader": "1",
        "voters": ALL,
        "members": tuple(
            Acquaintance(
                id=each, name=f"n{each}", client_urls=(f"http://node{each}:2379",)
            )
            for each in ALL
        ),
        "sights": tuple(
            sight(each, each not in away, "refused" if each in away else "")
            for each in ALL
            if each != number
        ),
    }
    return Deposition(**(usual | said))


def findings(*members: Deposition, silent: Sequence[Silent] = ()) -> dict[Kind, str]:
    """Return what is found, by kind; each kind once."""
    found = diagnose(Case(depositions=members, silent=silent))
    told = {each.kind: each.text for each in found}
    assert len(told) == len(found)
    return told


def test_a_cluster_with_which_nothing_is_wrong_is_healthy_in_one_line() -> None:
    case = Case(depositions=[member(each) for each in ALL])
    assert not diagnose(case)
    assert healthy_line(case) == "healthy: n1 leads in term 7, all 3 voters answer"


def test_who_reaches_nobody_says_that_it_knows_nothing() -> None:
    told = findings(silent=[Silent(url="http://node1:2379", reason="no route")])
    assert list(told) == [Kind.NOBODY]
    assert "I cannot reach any member (http://node1:2379: no route), so I cannot" in (
        told[Kind.NOBODY]
    )


def test_without_a_quorum_it_is_said_who_is_missing_since_when_and_why() -> None:
    alone = member("1", state="FOLLOWER", leader="", away=("2", "3"))
    told = findings(alone)
    assert list(told) == [Kind.NO_QUORUM]
    words = told[Kind.NO_QUORUM]
    assert "of 3 voters only 1 can be seen (n1), and 2 are needed" in words
    for number in "23":
        assert (
            f"n{number} (http://node{number}:2379) is missing since 2026-01-01 12:00:00"
            " UTC (refused)" in words
        )
    assert "Start 1 of the missing again" in words


def test_in_a_joint_configuration_each_half_needs_its_majority() -> None:
    voters = ("4", "5", "6")
    members = tuple(Acquaintance(id=each, name=f"n{each}") for each in voters)
    said = {"voters": voters, "voters_outgoing": ALL, "members": members}
    alone = [member(each, leader="", state="FOLLOWER", **said) for each in ALL]
    told = findings(*alone)
    assert "of 3 voters only 0 can be seen (none)" in told[Kind.NO_QUORUM]


def test_one_that_is_missing_is_named_with_what_one_more_loss_would_do() -> None:
    told = findings(member("1", away=("3",)), member("2", away=("3",)))
    assert list(told) == [Kind.MISSING]
    assert "n3 (http://node3:2379) is missing since" in told[Kind.MISSING]
    assert "one more loss would stop them" in told[Kind.MISSING]
    assert "raftwerk member replace n3" in told[Kind.MISSING]


def test_one_that_others_reach_and_we_do_not_is_not_called_dead() -> None:
    told = findings(member("1"), member("2"))
    assert list(told) == [Kind.MISSING]
    assert "I cannot reach n3" in told[Kind.MISSING]
    assert "so I cannot know how it is; other members can" in told[Kind.MISSING]


def test_members_that_answer_us_and_not_each_other_are_cut_apart() -> None:
    told = findings(
        member("1", away=("2",)), member("2", away=("1",)), member("3", leader="1")
    )
    assert list(told) == [Kind.PARTITION]
    words = told[Kind.PARTITION]
    assert "n1 can't reach n2 since 2026-01-01 12:00:00 UTC (refused)" in words
    assert "n2 can't reach n1" in words
    assert "Writes go on through n1" in words


def test_a_member_that_never_started_is_said_to_be_so() -> None:
    newcomer = Acquaintance(id="4", has_started=False)
    members = (*member("1").members, newcomer)
    told = findings(
        *(member(each, learners=("4",), members=members, away=("4",)) for each in ALL)
    )
    assert list(told) == [Kind.UNSTARTED]
    assert "raftwerk member remove 4" in told[Kind.UNSTARTED]


def test_elections_that_keep_failing_are_told_from_one_that_is_under_way() -> None:
    def group(attempts: int, most: int = 300) -> list[Deposition]:
        return [
            member(
                each,
                state="CANDIDATE",
                leader="",
                attempts=attempts,
                election_max_millis=most,
            )
            for each in ALL
        ]

    assert list(findings(*group(1))) == [Kind.NO_LEADER]
    many = findings(*group(20))
    assert "60 attempts within 30 s" in many[Kind.SPLITTING]
    assert "messages take longer" in many[Kind.SPLITTING]
    alike = findings(*group(20, most=150))
    assert "All wait equally long" in alike[Kind.SPLITTING]


def test_a_leader_out_of_our_reach_is_no_missing_leader() -> None:
    told = findings(member("2"), member("3"))
    assert list(told) == [Kind.MISSING]


def test_timeouts_that_do_not_fit_are_named_with_both_members() -> None:
    told = findings(
        member("1", heartbeat_millis=200, election_min_millis=600),
        member("2"),
        member("3"),
    )
    assert list(told) == [Kind.TIMEOUTS]
    assert "n1 sends a heartbeat each 200 ms, but n2 stands" in told[Kind.TIMEOUTS]


SYMPTOMS: dict[Kind, tuple[dict[str, Any], str]] = {
    Kind.LAGGING: (
        {"lags": {"1": 0, "2": 12_000, "3": 3}},
        "n2 (http://node2:2379) lags",
    ),
    Kind.VERSIONS: ({"version": "0.2.0"}, "n1: 0.2.0"),
    Kind.DISK_FULL: ({"disk_free_bytes": 10 << 20}, "has 10 MiB left"),
    Kind.DISK_SLOW: ({"sync_millis": 80.0}, "took 80 ms for a sync"),
    Kind.ALARM: ({"alarms": ("NOSPACE",)}, "raised the alarm NOSPACE"),
    Kind.STRANGERS: ({"cluster_id": "c2"}, "different clusters: n1 to cluster c2"),
}


@pytest.mark.parametrize("kind", SYMPTOMS)
def test_what_is_wrong_with_one_member_is_said(kind: Kind) -> None:
    said, words = SYMPTOMS[kind]
    told = findings(member("1", **said), member("2"), member("3"))
    assert list(told) == [kind]
    assert words in told[kind]


def test_one_that_waits_for_its_cluster_is_no_member_yet() -> None:
    waiting = Deposition(name="n9", waits_for="2 of 3 replicas are there")
    told = findings(waiting, *(member(each) for each in ALL))
    assert list(told) == [Kind.WAITING]
    assert "n9 has not found its cluster yet: 2 of 3" in told[Kind.WAITING]
    assert list(findings(waiting)) == [Kind.WAITING]


def test_words_of_a_member_that_knows_more_are_read_and_what_lacks_is_usual() -> None:
    told = b'{"name": "n1", "mood": "fine"}'
    assert msgspec.json.decode(told, type=Deposition) == Deposition(name="n1")


def test_replicas_that_differ_are_named_with_what_they_are_like() -> None:
    odd = findings(*[member(each, quarantined=("2",)) for each in ALL])
    assert "n2" in odd[Kind.DRIFTED]
    assert "answers no reads" in odd[Kind.DRIFTED]
    told = {"1": "aa", "2": "bb"}
    quarrel = findings(
        *[member(each, disagreement_index=256, disagreement=told) for each in ALL]
    )
    assert "index 256 (n1 has aa; n2 has bb)" in quarrel[Kind.DISAGREEING]
