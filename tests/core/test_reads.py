"""Rounds of reads: numbers, and what an answer to one confirms."""

from raftwerk.core.reads import ReadRequest, Reads
from raftwerk.types import LogIndex

from .member import S1, S2, S3


def add(reads: Reads, context: int, commit_index: int = 5) -> int:
    """Begin a round."""
    return reads.add(ReadRequest(S1, context), LogIndex(commit_index))


def test_rounds_are_numbered_from_one_and_no_number_comes_twice() -> None:
    reads = Reads()
    assert reads.newest_round == 0, "no round waits"
    assert [add(reads, 7), add(reads, 8)] == [1, 2]
    reads.drop()
    assert reads.newest_round == 0
    assert add(reads, 9) == 3, "an answer to a round that was dropped confirms no other"


def test_round_confirms_itself_and_all_before_it() -> None:
    reads = Reads()
    for context in (7, 8, 9):
        add(reads, context, commit_index=context)
    confirmed = reads.confirm(2)
    assert [(one.context, index) for one, index in confirmed] == [(7, 7), (8, 8)]
    assert reads.newest_round == 3
    assert [one.context for one, _ in reads.confirm(3)] == [9]
    assert not reads.confirm(3)


def test_later_answer_stands_for_the_earlier_rounds_too() -> None:
    reads = Reads()
    first, second = add(reads, 7), add(reads, 8)
    reads.acknowledge(S1, second)
    assert reads.acknowledge(S2, first) == {S1: True, S2: True}
    assert reads.acknowledge(S3, second) == {S1: True, S3: True}


def test_answer_that_comes_late_takes_nothing_back() -> None:
    reads = Reads()
    first, second = add(reads, 7), add(reads, 8)
    reads.acknowledge(S2, second)
    reads.acknowledge(S2, first)
    assert reads.acknowledge(S3, second) == {S2: True, S3: True}


def test_answers_are_forgotten_with_the_rounds() -> None:
    reads = Reads()
    reads.acknowledge(S2, add(reads, 7))
    reads.drop()
    assert reads.acknowledge(S3, add(reads, 8)) == {S3: True}


def test_postponed_reads_survive_a_drop() -> None:
    """They will be given a commit index of a later moment."""
    reads = Reads()
    reads.postponed.append(ReadRequest(S2, 7))
    reads.drop()
    assert [one.context for one in reads.postponed] == [7]
