"""Silence and questions: when a peer is taken for dead, and what an answer proves."""

import pytest

from raftwerk.errors import PeerError
from raftwerk.transport.pulse import Questions, Silence


def test_so_many_looks_in_vain_and_the_other_side_is_dead() -> None:
    silence = Silence(3)
    assert [silence.look() for _ in range(4)] == [False, False, False, True]


def test_a_sign_of_life_begins_the_count_again() -> None:
    silence = Silence(2)
    for _ in range(5):
        assert not silence.look()
        assert not silence.look()
        silence.hear()


def test_an_answer_covers_all_that_was_asked_before() -> None:
    questions = Questions()
    for now, snapshots in ((1.0, 0), (2.0, 1), (3.0, 2), (4.0, 4)):
        questions.ask(now, snapshots)
    assert questions.snapshots == 7
    assert questions.answer(3, 10.0) == 3
    assert questions.round_trip_seconds == 7.0
    assert questions.snapshots == 4
    assert questions.is_waiting
    assert questions.answer(4, 10.5) == 4
    assert not questions.is_waiting


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_answer_without_its_question_breaks_the_protocol(number: int) -> None:
    questions = Questions()
    questions.ask(0.0)
    questions.answer(1, 0.0)
    questions.ask(0.0)
    with pytest.raises(PeerError, match=f"ping {number} was answered and never asked"):
        questions.answer(number, 1.0)
