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
from raftwerk.kv.result_codec import (
    PIECE_BYTES,
    decode_result,
    encode_result,
    encode_result_in_steps,
)

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


@pytest.mark.parametrize("keys", [0, 1, 15, 16, 1_000, 70_000])
def test_in_steps_a_result_is_the_same_bytes(keys: int) -> None:
    store = Store()
    names = [b"%06d" % number for number in range(keys)]
    store.apply(1, [encode(Put(name, b"value")) for name in names])
    everything = DeleteRange(b"\0", b"\0", prev_kv=True)
    commands = (Txn((), (Range(b"\0", b"\0"), Txn((), (everything,)))), Compact(99**9))
    results = store.apply(2, [encode(command) for command in commands])
    assert isinstance(results[1], KvError)
    for result in results:
        pieces = list(encode_result_in_steps(result))
        assert b"".join(pieces) == encode_result(result)
        assert max(map(len, pieces)) < PIECE_BYTES + 100
