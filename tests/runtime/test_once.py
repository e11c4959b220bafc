"""Commands that are done once, as bytes, and requests that have a key."""

import pytest

from raftwerk.errors import MisuseError
from raftwerk.runtime.answered import OfKey, OfSession, Once
from raftwerk.runtime.once import (
    KeyedRequest,
    NumberedRequest,
    decode_once,
    decode_result,
    encode_once,
    encode_result,
    keyed,
    present_request,
)


@pytest.mark.parametrize(
    "once", [OfSession(7, 2, 1), OfKey(b"k" * 255, 3, bytes(16)), OfKey(b"", 0, b"")]
)
def test_a_command_is_read_as_it_was_written(once: Once) -> None:
    assert decode_once(encode_once(once, b"command")) == (once, b"command")


def test_plain_results_are_kept_as_they_are_and_others_are_not() -> None:
    for result in (None, 7, b"bytes", "text", [1, [2]], {"a": 1}):
        data = encode_result(object(), result)
        assert data is not None
        assert decode_result(object(), b"".join(data)) == result
    assert encode_result(object(), object()) is None


def test_a_numbered_request_is_one_command() -> None:
    once = OfSession(17, 3, 2)
    request = NumberedRequest(once)
    assert request.next_step() == once
    with pytest.raises(MisuseError, match="has proposed another one"):
        request.next_step()


def test_what_is_proposed_in_a_request_belongs_to_it_and_nothing_later_does() -> None:
    assert present_request() is None
    with keyed(KeyedRequest(b"k", b"print")) as request:
        assert present_request() is request
        steps = [request.next_step() for _ in range(2)]
        assert steps == [OfKey(b"k", number, b"print") for number in range(2)]
    assert present_request() is None
    assert not request.is_open
