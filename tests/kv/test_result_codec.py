"""Results as bytes."""

import pytest

from raftwerk.errors import InvariantViolation
from raftwerk.kv import (
    Command,
    Compact,
    DeleteRange,
    GrantLease,
    Put,
    Range,
    RevokeLease,
    SetAlarm,
    Store,
    Txn,
    encode,
)
from raftwerk.kv.errors import KvError
from raftwerk.kv.result_codec import decode_result, encode_result

COMMANDS: list[Command] = [
    Put(b"a", b"1"),
    Put(b"a", b"2", prev_kv=True),
    GrantLease(7, 60),
    Put(b"c", b"4", lease=7),
    Put(b"refused", lease=8),
    Txn(
        (),
        (
            Put(b"d", prev_kv=True),
            Range(b"a"),
            DeleteRange(b"a", b"b", prev_kv=True),
            Txn((), (Range(b"d"), Put(b"e"))),
        ),
    ),
    RevokeLease(7),
    Compact(3),
    SetAlarm(True, 1, 1),
]


@pytest.mark.parametrize("count", range(1, len(COMMANDS) + 1))
def test_a_result_comes_back_as_it_was(count: int) -> None:
    result = Store().apply(1, [encode(command) for command in COMMANDS[:count]])[-1]
    again = decode_result(encode_result(result))
    assert type(again) is type(result)
    if isinstance(result, KvError):
        assert str(again) == str(result)
    else:
        assert again == result


def test_what_was_never_written_is_not_guessed_at() -> None:
    with pytest.raises(InvariantViolation):
        decode_result(b"\x92\xa7Unheard\x80")
