"""What is kept of answers, for how long, and what happens after that."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.errors import IdempotencyKeyReused, OutcomeUnknown, SessionExpired
from raftwerk.runtime import answered
from raftwerk.runtime.answered import (
    KEY_SECONDS,
    SESSION_SECONDS,
    Answers,
    OfKey,
    OfSession,
    Once,
)


def once(answers: Answers, command: Once, answer: bytes = b"answer") -> bytes | None:
    """Do as applying does."""
    first = answers.begin(command)
    if first is None:
        answers.done(command, answer)
    return first


def key(name: bytes, step: int = 0, fingerprint: bytes = b"print") -> OfKey:
    return OfKey(name, step, fingerprint)


def test_a_number_of_a_session_is_done_once() -> None:
    answers = Answers()
    answers.open(7)
    assert once(answers, OfSession(7, 1, 1)) is None
    assert once(answers, OfSession(7, 1, 1), b"another") == b"answer"
    assert once(answers, OfSession(7, 2, 1)) is None


def test_what_is_answered_for_good_is_let_go_and_never_done_again() -> None:
    answers = Answers()
    answers.open(7)
    once(answers, OfSession(7, 1, 1))
    once(answers, OfSession(7, 2, 2))
    with pytest.raises(SessionExpired, match="command 1 of session 7 was let go"):
        answers.begin(OfSession(7, 1, 1))


def test_a_session_that_was_closed_or_never_opened_is_refused() -> None:
    answers = Answers()
    answers.open(7)
    answers.close(7)
    answers.close(7)
    for session in (7, 8):
        with pytest.raises(SessionExpired, match=f"session {session} has ended"):
            answers.begin(OfSession(session, 1, 1))


def test_a_session_lasts_as_long_as_it_is_used() -> None:
    answers = Answers()
    answers.open(7)
    answers.open(8)
    answers.pass_time(SESSION_SECONDS - 1)
    once(answers, OfSession(7, 1, 1))
    answers.pass_time(SESSION_SECONDS - 1)
    assert once(answers, OfSession(7, 1, 1)) == b"answer"
    with pytest.raises(SessionExpired):
        answers.begin(OfSession(8, 1, 1))
    answers.pass_time(SESSION_SECONDS)
    with pytest.raises(SessionExpired):
        answers.begin(OfSession(7, 1, 1))
    assert not answers.is_any


def test_the_session_that_was_not_used_for_longest_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answered, "SESSIONS_MAX", 2)
    answers = Answers()
    answers.open(1)
    answers.open(2)
    once(answers, OfSession(1, 1, 1))
    answers.open(3)
    assert once(answers, OfSession(1, 1, 1)) == b"answer"
    with pytest.raises(SessionExpired):
        answers.begin(OfSession(2, 1, 1))


def test_a_session_keeps_a_bounded_number_of_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answered, "SESSION_ANSWERS_MAX", 2)
    answers = Answers()
    answers.open(7)
    for sequence in (1, 2, 3):
        once(answers, OfSession(7, sequence, 1))
    assert once(answers, OfSession(7, 2, 1)) == b"answer"
    with pytest.raises(SessionExpired):
        answers.begin(OfSession(7, 1, 1))


def test_a_key_stands_for_one_request_and_each_of_its_steps() -> None:
    answers = Answers()
    assert once(answers, key(b"k", 0), b"first") is None
    assert once(answers, key(b"k", 1), b"second") is None
    assert once(answers, key(b"k", 0)) == b"first"
    assert once(answers, key(b"k", 1)) == b"second"
    with pytest.raises(IdempotencyKeyReused, match="'k' stands for a request with"):
        answers.begin(key(b"k", 0, b"another"))


def test_a_key_is_kept_from_its_first_use_on_for_a_stated_time() -> None:
    answers = Answers()
    once(answers, key(b"k"))
    answers.pass_time(KEY_SECONDS - 1)
    assert once(answers, key(b"k")) == b"answer"
    answers.pass_time(1)
    assert once(answers, key(b"k")) is None, "it is another request by now"


def test_the_oldest_key_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answered, "KEYS_MAX", 2)
    answers = Answers()
    for name in (b"1", b"2", b"3"):
        once(answers, key(name))
    assert once(answers, key(b"3")) == b"answer"
    assert once(answers, key(b"2")) == b"answer"
    assert once(answers, key(b"1")) is None


def test_answers_have_a_bound_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answered, "ANSWERS_BYTES_MAX", 3000)
    answers = Answers()
    answers.open(7)
    once(answers, OfSession(7, 1, 1), bytes(1000))
    for name in (b"1", b"2", b"3"):
        once(answers, key(name), bytes(1000))
    assert once(answers, key(b"3")) == bytes(1000)
    assert once(answers, OfSession(7, 1, 1)) == bytes(1000), "keys go first"
    once(answers, OfSession(7, 2, 1), bytes(3000))
    with pytest.raises(SessionExpired):
        answers.begin(OfSession(7, 1, 1))


def test_an_answer_that_is_too_large_is_not_given_again_nor_done_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answered, "ANSWER_BYTES_MAX", 10)
    answers = Answers()
    once(answers, key(b"k"), bytes(11))
    with pytest.raises(OutcomeUnknown, match="was done already, once"):
        answers.begin(key(b"k"))


ACTIONS = st.lists(
    st.one_of(
        st.builds(lambda session: ("open", session), st.integers(1, 4)),
        st.builds(lambda session: ("close", session), st.integers(1, 4)),
        st.builds(lambda seconds: ("time", seconds), st.integers(0, 2000)),
        st.builds(
            OfSession, st.integers(1, 4), sequence=st.integers(1, 5), lowest=st.just(1)
        ),
        st.builds(OfKey, st.binary(max_size=1), st.integers(0, 1), st.just(b"print")),
    ),
    max_size=40,
)


def act(answers: Answers, action: object) -> object:
    match action:
        case ("open", int() as session):
            answers.open(session)
        case ("close", int() as session):
            answers.close(session)
        case ("time", int() as seconds):
            answers.pass_time(seconds)
        case OfSession() | OfKey():
            try:
                return once(answers, action, b"x" * 1000)
            except SessionExpired:
                return "expired"
        case _:
            raise AssertionError(action)
    return None


@given(ACTIONS, ACTIONS)
def test_a_snapshot_in_between_makes_no_difference(
    before: list[object], after: list[object]
) -> None:
    answers = Answers()
    for action in before:
        act(answers, action)
    data = answers.save()
    restored = Answers.load([data[:3], data[3:]])
    assert restored.summary(0) == answers.summary(0)
    for action in after:
        assert act(answers, action) == act(restored, action)
    assert restored.save() == answers.save()


def many() -> Answers:
    """Return a table with more than one stretch, of which one session has many."""
    answers = Answers()
    answers.open(7)
    for sequence in range(1, 200):
        once(answers, OfSession(7, sequence, 1))
    for number in range(150):
        once(answers, key(b"%d" % number))
    answers.open(8)
    once(answers, OfSession(8, 1, 1))
    return answers


def tables(answers: Answers) -> tuple[dict[int, Any], dict[bytes, Any]]:
    """Return what is kept; nobody else has a use for it."""
    # pylint: disable-next=protected-access  # damage is done where no method does it
    return answers._sessions, answers._keys


def damage_answer(answers: Answers) -> None:
    tables(answers)[0][7].answers[190] = b"Answer"


def damage_key(answers: Answers) -> None:
    tables(answers)[1][b"149"].answers[0] = b"Answer"


def damage_print(answers: Answers) -> None:
    tables(answers)[1][b"75"].fingerprint = b"Print"


def damage_lowest(answers: Answers) -> None:
    tables(answers)[0][8].lowest = 2


def damage_time(answers: Answers) -> None:
    tables(answers)[0][8].at = 5


def damage_name(answers: Answers) -> None:
    sessions = tables(answers)[0]
    sessions[9] = sessions.pop(8)


def test_equal_tables_have_equal_summaries() -> None:
    first, second = many(), Answers.load([many().save()])
    assert [first.summary(n) for n in range(9)] == [second.summary(n) for n in range(9)]


@pytest.mark.parametrize(
    "damage",
    [
        damage_answer,
        damage_key,
        damage_print,
        damage_lowest,
        damage_time,
        damage_name,
    ],
)
def test_whatever_is_changed_in_a_table_is_seen_within_some_turns(
    damage: Callable[[Answers], None],
) -> None:
    sound, odd = many(), many()
    damage(odd)
    assert any(sound.summary(turn) != odd.summary(turn) for turn in range(12))
