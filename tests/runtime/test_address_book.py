"""Members are reached where the log says, strangers where they say themselves."""

from collections.abc import Mapping

import pytest

from raftwerk.core.records import ConfState
from raftwerk.runtime import Member
from raftwerk.runtime.address_book import AddressBook, peer_address
from raftwerk.runtime.members import ChangeContext, Members, PublishMember
from raftwerk.transport.protocol import Identity
from raftwerk.types import NodeId

from .group import TappedTransport, member_of

CASES = [
    (("http://one:2380",), "one:2380"),
    (("http://[::1]:2380",), "[::1]:2380"),
    (("nonsense", "http://two:1"), "two:1"),
    (("nonsense",), None),
    ((), None),
]


@pytest.mark.parametrize(("urls", "address"), CASES)
def test_the_first_url_that_can_be_read_is_where_a_member_is(
    urls: tuple[str, ...], address: str | None
) -> None:
    assert peer_address(Member(node_id=NodeId(1), peer_urls=urls)) == address


class Told(TappedTransport):
    """A transport that only listens to `set_peers`."""

    # pylint: disable-next=super-init-not-called  # there is nothing to be tapped
    def __init__(self) -> None:
        self.addresses: dict[NodeId, str] = {}

    def set_peers(self, addresses: Mapping[NodeId, str]) -> None:
        self.addresses = dict(addresses)


class Rig:
    """The address book of member 1."""

    def __init__(self, *others: Member) -> None:
        self.members = Members([member_of(1), *others])
        self.transport = Told()
        self.book = AddressBook(NodeId(1), self.transport, lambda: self.members)

    def meet(self, node_id: int, address: str, directory_id: int = 0) -> bool:
        return self.book.meet(
            Identity(
                cluster_id=1,
                node_id=NodeId(node_id),
                address=address,
                directory_id=directory_id,
            )
        )

    def told(self) -> dict[NodeId, str]:
        self.book.tell()
        return self.transport.addresses


def test_all_members_but_ourselves_are_told() -> None:
    rig = Rig(member_of(2), member_of(3))
    assert rig.told() == {2: "node2:2380", 3: "node3:2380"}


def test_a_member_whose_address_can_t_be_read_stops_nobody() -> None:
    rig = Rig(Member(node_id=NodeId(2), peer_urls=("nonsense",)), member_of(3))
    assert rig.told() == {3: "node3:2380"}


def test_a_stranger_is_answered_where_he_says_to_be() -> None:
    rig = Rig()
    assert rig.meet(7, "seven:1")
    assert rig.told() == {7: "seven:1"}
    assert not rig.meet(7, "seven:1"), "that is no news"
    assert rig.meet(7, "elsewhere:1")
    assert rig.told() == {7: "elsewhere:1"}


@pytest.mark.parametrize("address", ["", "nonsense", "host:99999"])
def test_a_stranger_without_an_address_is_not_remembered(address: str) -> None:
    rig = Rig()
    assert not rig.meet(7, address)
    assert not rig.told()


def test_what_the_log_says_of_a_member_is_not_talked_over() -> None:
    rig = Rig(member_of(2))
    assert not rig.meet(2, "elsewhere:1")
    assert rig.told() == {2: "node2:2380"}


def test_a_stranger_that_becomes_a_member_or_is_removed_is_one_no_more() -> None:
    rig = Rig()
    rig.meet(7, "seven:1")
    rig.meet(8, "eight:1")
    of = ConfState(voters=(NodeId(1), NodeId(7), NodeId(8)))
    joined = ChangeContext(members=(member_of(7), member_of(8)))
    rig.members.apply_change(joined, of)
    rig.members.apply_change(ChangeContext(), ConfState(voters=(NodeId(1), NodeId(7))))
    assert rig.told() == {7: "node7:2380"}
    assert rig.told() == {7: "node7:2380"}


def test_so_many_strangers_and_no_more_are_remembered() -> None:
    rig = Rig()
    for node_id in range(100, 200):
        rig.meet(node_id, f"host{node_id}:1")
    told = rig.told()
    assert len(told) == 32
    assert NodeId(199) in told


def test_a_member_is_reached_where_it_was_found_until_the_log_knows() -> None:
    rig = Rig(member_of(2))
    assert rig.book.sight({NodeId(2): "elsewhere:2380"})
    assert not rig.book.sight({NodeId(2): "elsewhere:2380"})
    assert rig.told() == {2: "elsewhere:2380"}
    assert not rig.book.sight({}), "who is reached there is not looked for any more"
    assert rig.told() == {2: "elsewhere:2380"}
    moved = Member(node_id=NodeId(2), peer_urls=("http://elsewhere:2380",))
    rig.members = Members([member_of(1), moved])
    assert rig.told() == {2: "elsewhere:2380"}
    rig.members = Members([member_of(1), member_of(2)])
    assert rig.told() == {2: "node2:2380"}, "the log has the last word"


def test_whoever_was_found_and_is_no_member_is_not_told() -> None:
    rig = Rig()
    rig.book.sight({NodeId(2): "elsewhere:2380"})
    assert not rig.told()


def publish(rig: Rig, member: Member) -> None:
    rig.members.apply_record(PublishMember(member))


def test_who_turns_out_to_have_lost_his_data_is_parted_with_until_he_is_himself() -> (
    None
):
    rig = Rig(member_of(2), member_of(3))
    both = {2: "node2:2380", 3: "node3:2380"}
    rig.meet(2, "node2:2380", directory_id=9)
    assert rig.told() == both, "nobody knows yet in which directory he lives"
    publish(rig, member_of(2, directory_id=5))
    publish(rig, member_of(3, directory_id=6))
    assert rig.told() == {3: "node3:2380"}
    # With his own data he is admitted, and told of again.
    assert rig.meet(2, "node2:2380", directory_id=5)
    assert rig.told() == both


def test_who_tells_nothing_of_a_directory_is_not_parted_with() -> None:
    rig = Rig(member_of(2, directory_id=5))
    rig.meet(2, "node2:2380")
    assert rig.told() == {2: "node2:2380"}
