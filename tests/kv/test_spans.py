"""Which keys a request names."""

import pytest

from raftwerk.kv.spans import span_of

CASES = [
    # key    range_end  the keys           why
    (b"a", b"", (b"a", b"a\0"), "one key"),
    (b"a", b"c", (b"a", b"c"), "the end is not part of it"),
    (b"a", b"\0", (b"a", None), "one NUL byte means no end"),
    (b"\0", b"\0", (b"\0", None), "all keys"),
    (b"a", b"\0\0", (b"a", b"\0\0"), "two NUL bytes are an end below: nothing"),
    (b"c", b"a", (b"c", b"a"), "an end below the beginning: nothing"),
]


@pytest.mark.parametrize(("key", "range_end", "span", "why"), CASES)
def test_a_request_names_a_span_of_keys(
    key: bytes, range_end: bytes, span: tuple[bytes, bytes | None], why: str
) -> None:
    assert span_of(key, range_end) == span, why
