"""Shapes: what stands in for payloads has their sizes, and nothing else of them."""

from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.inputs import Propose
from raftwerk.core.messages import AppendEntries, InstallSnapshot, Proposal
from raftwerk.core.ready import Ready
from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    Entry,
    EntryKind,
    Snapshot,
)
from raftwerk.runtime.flight_shape import digest, fill, mapped, token_of_filled, tokens
from raftwerk.types import LogIndex, NodeId, Term

token_of = tokens(b"key")
ONE, TWO = NodeId(1), NodeId(2)


@given(st.binary(max_size=100))
def test_a_stand_in_has_the_size_and_leads_back_to_its_token(data: bytes) -> None:
    token = token_of(data)
    assert len(fill(token)) == len(data)
    assert token_of_filled(fill(token)) == token
    assert len(token) <= 20


def test_equal_payloads_are_known_by_equal_tokens_of_one_key_alone() -> None:
    assert token_of(b"the same") == token_of(b"the same")
    assert token_of(b"the same") != token_of(b"another.")
    assert token_of(b"the same") != tokens(b"other")(b"the same")


def test_no_payload_is_forgotten_wherever_it_stands() -> None:
    secret = b"secret"
    entry = Entry(Term(1), LogIndex(1), secret)
    snapshot = Snapshot(LogIndex(1), Term(1), data=secret)
    for value in (
        Propose((Proposal(secret), Proposal(secret))),
        AppendEntries(
            sender=ONE,
            receiver=TWO,
            prev_log_index=LogIndex(0),
            prev_log_term=Term(0),
            commit_index=LogIndex(0),
            entries=(entry,),
        ),
        InstallSnapshot(sender=ONE, receiver=TWO, snapshot=snapshot),
        ((entry,), [snapshot]),
    ):
        assert b"secret" in repr(value).encode()
        assert b"secret" not in repr(mapped(value, token_of)).encode()


def test_of_a_membership_change_only_the_context_is_hidden() -> None:
    change = ConfChange((Change(ChangeKind.ADD_VOTER, TWO),), context=b"its address")
    entry = Entry(Term(1), LogIndex(1), change.encode(), EntryKind.CONF_CHANGE)
    hidden = mapped(entry, token_of)
    assert b"address" not in hidden.data
    filled = mapped(hidden, fill)
    assert len(filled.data) == len(entry.data)
    assert ConfChange.decode(filled.data).changes == change.changes


def test_a_change_that_cannot_be_read_stays_one_of_its_size() -> None:
    proposal = Proposal(b"\x01 no change", EntryKind.CONF_CHANGE)
    filled = mapped(mapped(proposal, token_of), fill)
    assert filled.data[:1] == b"\xc1"
    assert len(filled.data) == len(proposal.data)


def test_both_sides_hash_the_same_shape() -> None:
    ready = Ready(entries=[Entry(Term(1), LogIndex(1), b"secret")], must_sync=True)
    hidden = mapped(ready.entries, token_of)
    filled = Ready(entries=mapped(hidden, fill), must_sync=True)
    assert digest(ready, token_of) == digest(filled, token_of_filled)
    assert digest(ready, token_of) != digest(Ready(entries=ready.entries), token_of)
    assert digest(ready, None) != digest(ready, token_of)
