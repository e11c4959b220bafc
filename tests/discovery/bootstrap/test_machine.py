"""One replica of a first start: what it does, and why it waits."""

import msgspec
import pytest

from raftwerk.discovery.bootstrap import (
    Bootstrap,
    Candidate,
    Obstacle,
    Proposal,
    Record,
    Terms,
    View,
    Void,
    decode_record,
    decode_view,
    encode_record,
    encode_view,
)
from raftwerk.errors import InvariantViolation, PeerError, UnknownFormat
from raftwerk.types import NodeId

TERMS = Terms(app_name="node", replicas=3, token="token")


def replica(number: int, **facts: object) -> View:
    """Return what a replica says that was told the same as we."""
    told = View(node_id=NodeId(number), app_name="node", replicas=3)
    return msgspec.structs.replace(told, **facts)


def proposal_of(*numbers: int, attempt: int = 1, app_name: str = "node") -> Proposal:
    members = tuple(
        Candidate(node_id=NodeId(number), peer_urls=(f"a{number}",))
        for number in sorted(numbers)
    )
    return Proposal(app_name=app_name, token="token", attempt=attempt, members=members)


def machine(number: int, *said: View | str, record: Record | None = None) -> Bootstrap:
    """Return a replica with one address for each answer; a text is a silence."""
    made = Bootstrap(TERMS, record or Record(node_id=NodeId(number)))
    addresses = [
        f"a{each.node_id if isinstance(each, View) else index + 90}"
        for index, each in enumerate(said)
    ]
    made.list_addresses(addresses)
    for address, each in zip(addresses, said, strict=True):
        if isinstance(each, View):
            made.hear(address, each)
        else:
            made.hear_nothing(address, each)
    return made


def advance(made: Bootstrap) -> Record:
    """Have it write once, and return what it wrote."""
    record = made.next_record()
    made.saved(record)
    return record


def obstacle(made: Bootstrap) -> Obstacle:
    hindrance = made.hindrance()
    assert hindrance is not None
    assert hindrance.words
    return hindrance.obstacle


ALL = (replica(1), replica(2), replica(3))


def test_the_lowest_id_that_sees_all_proposes_them() -> None:
    made = machine(1, *ALL)
    record = made.next_record()
    assert record.promise == proposal_of(1, 2, 3)
    assert made.view().promise is None, "nothing is told before it is durable"
    made.saved(record)
    assert made.view().promise == record.promise
    assert made.next_record() == record
    assert obstacle(made) is Obstacle.UNPROMISED


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (machine(2, *ALL), Obstacle.NOT_LOWEST),
        (machine(1), Obstacle.NO_ADDRESS),
        (machine(1, *ALL[:2]), Obstacle.TOO_FEW),
        (machine(1, *ALL[:2], "timed out"), Obstacle.TOO_FEW),
        (machine(1, *ALL, replica(4)), Obstacle.TOO_MANY),
        (machine(1, *ALL, "timed out"), Obstacle.TOO_MANY),
        (machine(1, *ALL[1:]), Obstacle.SELF_UNSEEN),
        (machine(1, *ALL[:2], replica(3, replicas=5)), Obstacle.DIFFERENT),
        (machine(1, *ALL[:2], replica(3, app_name="other")), Obstacle.DIFFERENT),
        (
            machine(1, *ALL[:2], replica(3, promise=proposal_of(3, 4, 5))),
            Obstacle.BOUND,
        ),
    ],
)
def test_nobody_proposes_and_the_reason_is_told(
    made: Bootstrap, reason: Obstacle
) -> None:
    assert made.next_record() == made.record
    assert obstacle(made) is reason


def test_who_asks_without_being_listed_is_one_too_many() -> None:
    made = machine(1, *ALL)
    made.asked_by(NodeId(9))
    assert obstacle(made) is Obstacle.TOO_MANY
    made.forget_asker(NodeId(9))
    assert made.next_record().promise is not None


def test_two_addresses_of_one_replica_are_one_replica() -> None:
    made = machine(1, *ALL)
    made.list_addresses(["a1", "a2", "a3", "b3"])
    assert made.next_record() == made.record, "whoever is at b3 may be another one"
    made.hear("b3", replica(3))
    promise = made.next_record().promise
    assert promise is not None
    assert promise.members[2].peer_urls == ("a3", "b3")


def test_what_a_replica_says_of_its_address_is_believed() -> None:
    made = machine(1, *ALL[:2], replica(3, peer_urls=("b3",)))
    promise = made.next_record().promise
    assert promise is not None
    assert promise.members[2].peer_urls == ("b3",)


def test_a_replica_alone_founds_its_cluster() -> None:
    terms = msgspec.structs.replace(TERMS, replicas=1)
    made = Bootstrap(terms, Record(node_id=NodeId(5)))
    made.list_addresses(["a5"])
    made.hear("a5", made.view())
    advance(made)
    assert advance(made).has_started
    assert made.view().cluster_id


def test_a_proposal_is_promised_to_its_proposer_alone() -> None:
    offer = proposal_of(1, 2, 3)
    assert machine(2, replica(3, promise=offer)).next_record().promise is None
    made = machine(2, replica(1, promise=offer))
    assert advance(made).promise == offer
    made.hear("a1", replica(1, promise=proposal_of(1, 2, 4, attempt=2)))
    assert made.next_record().promise == offer


@pytest.mark.parametrize(
    "offer",
    [
        proposal_of(1, 2),
        proposal_of(1, 3, 4),
        proposal_of(1, 2, 3, app_name="other"),
    ],
)
def test_a_proposal_that_is_not_ours_is_not_promised(offer: Proposal) -> None:
    assert machine(2, replica(1, promise=offer)).next_record().promise is None


def test_a_cluster_starts_when_all_have_promised() -> None:
    made = machine(1, *ALL)
    offer = advance(made).promise
    made.hear("a2", replica(2, promise=offer))
    assert not made.next_record().has_started
    made.hear("a3", replica(3, promise=offer))
    made.hear("a2", replica(2))  # an old answer, that came late
    assert advance(made).has_started
    assert offer is not None
    assert made.view().cluster_id == offer.cluster_id


def test_who_has_promised_starts_when_told() -> None:
    offer = proposal_of(1, 2, 3)
    made = machine(2, replica(1, promise=offer))
    advance(made)
    made.hear("a3", replica(3, promise=offer, cluster_id=offer.cluster_id))
    assert advance(made).has_started


def test_who_lost_patience_never_starts_and_joins() -> None:
    offer = proposal_of(1, 2, 3)
    made = machine(2, replica(1, promise=offer))
    advance(made)
    made.lose_patience()
    assert advance(made).voids == (Void(NodeId(1), 1),)
    assert made.record.promise == offer, "one void frees nobody"
    assert obstacle(made) is Obstacle.UNVOIDED
    made.hear("a1", replica(1, promise=offer, cluster_id=offer.cluster_id))
    assert not made.next_record().has_started
    member = made.cluster_to_join()
    assert member is not None and member.node_id == 1


def test_a_majority_of_voids_frees_all_and_the_next_attempt_is_another_cluster() -> (
    None
):
    made = machine(1, *ALL)
    offer = advance(made).promise
    assert offer is not None
    voids = (Void(NodeId(1), 1),)
    made.hear("a2", replica(2, voids=voids))
    assert advance(made).promise == offer
    assert advance(made).promise is None
    again = advance(made).promise
    assert again is not None
    assert (again.attempt, again.node_ids) == (2, offer.node_ids)
    assert again.cluster_id != offer.cluster_id


def test_who_started_begins_anew_by_the_word_of_a_majority() -> None:
    offer = proposal_of(1, 2, 3)
    record = Record(node_id=NodeId(1), promise=offer, has_started=True, has_log=True)
    voids = (Void(NodeId(1), 1),)
    made = machine(1, replica(2, voids=voids), record=record)
    assert made.next_record() == record
    # The other one has joined somewhere else since, under another id.
    made.list_addresses(["a2", "a9"])
    made.hear("a9", replica(9, voids=voids, former=NodeId(3), cluster_id=5))
    freed = advance(made)
    assert (freed.promise, freed.has_started) == (None, False)
    assert freed.has_log, "its log is still to be removed"
    assert freed.refuses(offer)


def test_half_of_an_even_set_frees_all() -> None:
    offer = proposal_of(1, 2)
    assert (offer.quorum, offer.voids_min) == (2, 1)
    assert proposal_of(1, 2, 3).voids_min == 2
    assert proposal_of(1, 2, 3, 4).voids_min == 2


def test_a_cluster_that_is_seen_is_joined_and_the_promise_given_up() -> None:
    offer = proposal_of(1, 2, 3)
    made = machine(2, replica(1, promise=offer))
    advance(made)
    made.list_addresses(["a1", "a8"])
    made.hear("a8", replica(8, cluster_id=77))
    assert advance(made).refuses(offer)
    member = made.cluster_to_join()
    assert member is not None and member.cluster_id == 77
    assert made.hindrance() is None


def test_a_record_of_another_replica_is_never_taken() -> None:
    with pytest.raises(InvariantViolation):
        machine(1).saved(Record(node_id=NodeId(2)))


def test_records_and_answers_are_read_as_they_were_written() -> None:
    record = Record(node_id=NodeId(1), promise=proposal_of(1, 2), attempts=3)
    assert decode_record(encode_record(record)) == record
    view = replica(2, promise=proposal_of(1, 2), voids=(Void(NodeId(1), 2),))
    assert decode_view(encode_view(view)) == view


def test_a_record_of_a_newer_version_is_refused() -> None:
    newer = msgspec.structs.replace(Record(node_id=NodeId(1)), format=2)
    with pytest.raises(UnknownFormat, match="has format 2"):
        decode_record(encode_record(newer))
    with pytest.raises(UnknownFormat, match="can't be read"):
        decode_record(b"\x93")


@pytest.mark.parametrize(
    "view",
    [
        replica(0),
        replica(1, promise=proposal_of()),
        replica(1, promise=proposal_of(1, attempt=0)),
    ],
)
def test_an_answer_that_contradicts_itself_is_refused(view: View) -> None:
    with pytest.raises(PeerError):
        decode_view(encode_view(view))
    with pytest.raises(PeerError):
        decode_view(b"nonsense")
