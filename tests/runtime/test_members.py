"""Who the members are, what they say of themselves, and who is refused."""

import msgspec
import pytest

from raftwerk.core.records import ConfState
from raftwerk.errors import UnknownFormat
from raftwerk.runtime.members import ChangeContext, Member, Members, PublishMember
from raftwerk.runtime.versions import READABLE_VERSION
from raftwerk.types import NodeId

from .group import member_of

OF_THREE = ConfState(voters=(NodeId(1), NodeId(2), NodeId(3)))
OF_TWO = ConfState(voters=(NodeId(1), NodeId(2)))


def three(**fields: object) -> Members:
    return Members([member_of(node_id, **fields) for node_id in (1, 2, 3)])


def record(member: Member) -> PublishMember:
    return PublishMember(member)


def test_a_new_member_comes_with_its_address() -> None:
    members = three()
    conf_state = msgspec.structs.replace(OF_THREE, learners=(NodeId(4),))
    members.apply_change(ChangeContext(members=(member_of(4),)), conf_state)
    assert members.by_id[NodeId(4)] == member_of(4)


def test_who_is_in_no_part_of_the_configuration_is_removed_for_ever() -> None:
    members = three()
    members.apply_change(ChangeContext(), OF_TWO)
    assert list(members.by_id) == [1, 2]
    assert members.removed == {3}
    refusal = members.refusal(NodeId(3), 0)
    assert refusal is not None and refusal.is_removed
    assert "never used again" in refusal.words


@pytest.mark.parametrize(
    "conf_state",
    [
        ConfState(voters=OF_TWO.voters, voters_outgoing=OF_THREE.voters),
        ConfState(
            voters=OF_TWO.voters,
            voters_outgoing=OF_THREE.voters,
            learners_next=(NodeId(3),),
        ),
        ConfState(voters=OF_TWO.voters, learners=(NodeId(3),)),
    ],
    ids=["outgoing", "next learner", "learner"],
)
def test_an_address_is_kept_as_long_as_it_is_needed(conf_state: ConfState) -> None:
    members = three()
    members.apply_change(ChangeContext(), conf_state)
    assert NodeId(3) in members.by_id


def test_a_change_that_names_a_stranger_neither_adds_nor_removes_him() -> None:
    members = three()
    members.apply_change(ChangeContext(members=(member_of(9),)), OF_THREE)
    assert NodeId(9) not in members.by_id
    assert not members.removed


def test_an_operator_moves_a_member_and_takes_back_nothing_that_it_said() -> None:
    known = member_of(3, name="three", directory_id=5, version=1)
    members = Members([member_of(1), member_of(2), known])
    news = Member(node_id=NodeId(3), peer_urls=("http://elsewhere:1",))
    members.apply_change(ChangeContext(members=(news,)), OF_THREE)
    assert members.by_id[NodeId(3)] == msgspec.structs.replace(
        known, peer_urls=("http://elsewhere:1",)
    )


def test_a_member_tells_of_itself() -> None:
    members = three()
    told = member_of(2, name="two", directory_id=5, version=1)
    members.apply_record(record(told))
    known = members.by_id[NodeId(2)]
    assert known == msgspec.structs.replace(told, said_peer_urls=told.peer_urls)


def test_what_an_operator_said_holds_until_the_member_says_something_new() -> None:
    members = three()
    here, there, elsewhere = (("http://here:1",), ("http://there:1",), ("http://e:1",))
    told = member_of(2, directory_id=5)
    told = msgspec.structs.replace(told, peer_urls=here)
    members.apply_record(record(told))
    news = Member(node_id=NodeId(2), peer_urls=there)
    members.apply_change(ChangeContext(members=(news,)), OF_THREE)
    members.apply_record(record(msgspec.structs.replace(told, name="renamed")))
    assert members.by_id[NodeId(2)].peer_urls == there
    assert members.by_id[NodeId(2)].name == "renamed"
    members.apply_record(record(msgspec.structs.replace(told, peer_urls=elsewhere)))
    assert members.by_id[NodeId(2)].peer_urls == elsewhere


def test_whose_place_a_member_takes_is_kept_when_it_tells_of_itself() -> None:
    members = three()
    conf_state = msgspec.structs.replace(OF_THREE, learners=(NodeId(4),))
    new = member_of(4, replaces=NodeId(2))
    members.apply_change(ChangeContext(members=(new,)), conf_state)
    members.apply_record(record(member_of(4, name="four", directory_id=6)))
    assert members.by_id[NodeId(4)].replaces == 2


def test_what_a_removed_member_says_of_itself_is_not_heard() -> None:
    members = three()
    members.apply_change(ChangeContext(), OF_TWO)
    members.apply_record(record(member_of(3, directory_id=5)))
    assert NodeId(3) not in members.by_id


def test_another_data_directory_never_takes_the_place_of_the_first() -> None:
    members = three()
    members.apply_record(record(member_of(2, name="two", directory_id=5)))
    members.apply_record(record(member_of(2, name="new", directory_id=6)))
    assert members.by_id[NodeId(2)].directory_id == 5
    members.apply_record(record(member_of(2, name="renamed", directory_id=5)))
    assert members.by_id[NodeId(2)].name == "renamed"


@pytest.mark.parametrize(
    ("known", "told", "why"),
    [
        (0, 6, "one that was added and has not started yet is free"),
        (5, 5, "the same directory"),
        (5, 0, "it tells nothing of a directory"),
    ],
)
def test_a_member_is_let_in(known: int, told: int, why: str) -> None:
    assert three(directory_id=known).refusal(NodeId(2), told) is None, why


def test_a_stranger_is_let_in_for_he_may_have_been_added_since() -> None:
    assert three().refusal(NodeId(9), 7) is None


def test_who_lost_his_data_is_refused_with_the_command_that_helps() -> None:
    refusal = three(name="name", directory_id=5).refusal(NodeId(0x2), 6)
    assert refusal is not None and not refusal.is_removed
    assert "member 2 (name) has lost its data directory" in refusal.words
    assert "raftwerk member replace 2" in refusal.words


def test_the_cluster_has_the_version_of_its_oldest_member(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("raftwerk.runtime.versions.READABLE_VERSION", 3)
    members = three(directory_id=7, version=3)
    assert members.version == 3
    members = Members([member_of(1, version=3), member_of(2, version=2)])
    assert members.version == 2
    members.apply_change(ChangeContext(), ConfState(voters=(NodeId(1),)))
    assert members.version == 3, "the older one is gone"


def test_who_has_not_told_its_version_keeps_it_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("raftwerk.runtime.versions.READABLE_VERSION", 3)
    members = Members([member_of(1, version=3), member_of(2)], version=2)
    assert members.version == 2
    told = member_of(2, directory_id=9, version=3)
    members.apply_record(PublishMember(told))
    assert members.version == 3


def test_the_version_never_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raftwerk.runtime.versions.READABLE_VERSION", 3)
    members = three(directory_id=7, version=3)
    told = member_of(2, directory_id=7, version=1)
    members.apply_record(PublishMember(told))
    assert members.version == 3


def test_who_can_t_read_what_the_others_agreed_upon_stops() -> None:
    newer = READABLE_VERSION + 1
    with pytest.raises(UnknownFormat, match=f"cluster version {newer}"):
        Members([member_of(1)], version=newer)
    with pytest.raises(UnknownFormat, match=f"cluster version {newer}"):
        three(version=newer)


def test_equal_members_are_told_in_one_order() -> None:
    members = Members([member_of(3), member_of(1)], removed=[NodeId(9), NodeId(4)])
    assert [member.node_id for member in members.in_order()] == [1, 3]
    assert members.removed_in_order() == (4, 9)
