"""Members answer replicas without a cluster, and have them added; on virtual time."""

from typing import Any

import pytest

from raftwerk.discovery import KnownMember, Question, Roster, decode_roster, encode
from raftwerk.discovery.bootstrap import View, Void, decode_view
from raftwerk.discovery.protocol import Applicant
from raftwerk.errors import PeerError
from raftwerk.service.cluster import ClusterService
from raftwerk.service.newcomers import Newcomers
from raftwerk.types import NodeId
from tests.runtime.group import CLUSTER, Group, Process, story

TOKEN = "token"
URLS = ("http://node9:2380",)


class Desk:
    """The desk of one member, in its own process."""

    def __init__(self, process: Process, former: int = 0) -> None:
        self.process = process
        self.reports: list[str] = []
        node_id = former or process.node_id
        voids = (Void(NodeId(7), 1),) if former else ()
        self.newcomers = Newcomers(
            process.node,
            TOKEN,
            say=lambda: View(
                node_id=NodeId(node_id), app_name="node", replicas=3, voids=voids
            ),
            report=self.reports.append,
        )
        self.newcomers.cluster = ClusterService(
            process.node, process.host.timers, process.host.draw
        )

    def ask(self, question: Question) -> View:
        return decode_view(self.newcomers(encode(question)))


def asking(**fields: Any) -> Question:
    return Question(token=TOKEN, asker=NodeId(99), **fields)


def listed(view: View) -> dict[tuple[str, ...], KnownMember]:
    assert view.roster is not None
    return {member.peer_urls: member for member in view.roster.members}


@story
async def test_who_asks_as_one_of_many_hears_who_answers_and_who_belongs() -> None:
    group = await Group(3).start()
    view = Desk(group[1]).ask(asking())
    assert (view.node_id, view.cluster_id, view.former) == (1, CLUSTER, 0)
    assert (view.app_name, view.replicas) == ("node", 3)
    assert len(listed(view)) == 3


@story
async def test_who_joined_says_who_it_was_before() -> None:
    group = await Group(1).start()
    view = Desk(group[1], former=55).ask(asking())
    assert (view.node_id, view.former, view.promise) == (1, 55, None)
    assert view.voids == (Void(NodeId(7), 1),)


@story
async def test_who_asks_for_the_list_gets_the_list() -> None:
    group = await Group(1).start()
    answer = Desk(group[1]).newcomers(encode(Question(token=TOKEN)))
    assert isinstance(decode_roster(answer), Roster)


@story
async def test_who_does_not_know_the_token_is_told_nothing() -> None:
    group = await Group(1).start()
    with pytest.raises(PeerError, match="token"):
        Desk(group[1]).ask(Question(token="other", asker=NodeId(99)))


@story
async def test_a_member_that_stopped_does_not_answer() -> None:
    group = await Group(1).start()
    desk = Desk(group[1])
    await group[1].stop()
    with pytest.raises(PeerError, match="does not run"):
        desk.ask(asking())


@story
async def test_whoever_is_asked_has_an_applicant_added_once_as_a_learner() -> None:
    group = await Group(3).start()
    desk = Desk(group.followers[0])
    for process in group:
        if process is not desk.process:
            Desk(process)  # the leader answers members
    applied = asking(applicant=Applicant(peer_urls=URLS))
    for _ in range(5):
        desk.ask(applied)
        await group.sleep(1.0)
    found = listed(desk.ask(asking()))
    assert len(found) == 4
    added = found[URLS]
    assert added.is_learner and not added.has_started
    leader = await group.until_led()
    known = {member.node_id: member for member in leader.node.members}
    assert known[added.node_id].wants_vote
    assert desk.reports, "the second time, its address was taken"


@story
async def test_who_refused_to_found_the_cluster_takes_its_own_place_anew() -> None:
    group = Group(3)
    for process in list(group)[:2]:
        await process.start()
    await group.until_led()
    desks = [Desk(process) for process in list(group)[:2]]
    ghost = group[3]
    urls = ("http://node3:2380",)
    desks[0].ask(asking(applicant=Applicant(peer_urls=urls, former=ghost.node_id)))
    await group.sleep(5.0)
    found = listed(desks[0].ask(asking()))
    assert len(found) == 3
    assert found[urls].is_learner and found[urls].node_id != ghost.node_id
