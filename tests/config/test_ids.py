"""Ids of a first start: alike on every node, and apart wherever they should be."""

from hypothesis import given
from hypothesis import strategies as st

from raftwerk.config import Url, cluster_id_of, member_id_of
from raftwerk.types import NodeId

urls = st.builds(Url, st.sampled_from(["a", "b", "c"]), st.integers(1, 65535))


def test_ids_are_those_that_were_written_down() -> None:
    """They stand in data directories: another formula would orphan every cluster."""
    members = [
        member_id_of([Url("127.0.0.1", port)], "raftwerk-cluster")
        for port in (2380, 22380, 32380)
    ]
    assert [f"{member:x}" for member in members] == [
        "3fd0bdf1ade82605",
        "cc023e39fbc5aebe",
        "8728623ee5633f0a",
    ]
    assert f"{cluster_id_of(members, 'raftwerk-cluster'):x}" == "d5fee586fab76c6"


@given(st.lists(urls, min_size=1), st.text())
def test_order_and_repetition_of_urls_do_not_matter(
    peer_urls: list[Url], token: str
) -> None:
    member = member_id_of(peer_urls, token)
    assert member == member_id_of(list(reversed(peer_urls)) + peer_urls, token)
    assert 0 < member < 2**64


@given(st.lists(st.integers(1, 2**64 - 1).map(NodeId), min_size=1), st.text())
def test_order_of_members_does_not_matter(members: list[NodeId], token: str) -> None:
    cluster = cluster_id_of(members, token)
    assert cluster == cluster_id_of(reversed(members), token)
    assert 0 < cluster < 2**64


def test_another_token_gives_other_ids() -> None:
    peer_urls = [Url("127.0.0.1", 2380)]
    assert member_id_of(peer_urls, "blue") != member_id_of(peer_urls, "green")
    members = [NodeId(1), NodeId(2)]
    assert cluster_id_of(members, "blue") != cluster_id_of(members, "green")
