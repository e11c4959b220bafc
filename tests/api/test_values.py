"""Requests out of a body that arrives in pieces."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.api.errors import BadRequest
from raftwerk.api.values import ValueSplitter

texts = st.text('{}[]"\\\\ ab\u00e9', max_size=5)
values = st.recursive(
    texts | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner),
    max_leaves=5,
)
objects = st.dictionaries(texts, values, max_size=3) | st.none()
spaces = st.text(" \n\r\t", max_size=3)


def split(body: bytes, cuts: list[int], bytes_max: int = 10_000) -> list[bytes]:
    """Return the values of a body that arrives in pieces."""
    places = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    splitter = ValueSplitter(bytes_max)
    found = []
    for start, stop in zip(places, places[1:], strict=False):
        splitter.feed(body[start:stop])
        while (value := splitter.take()) is not None:
            found.append(value)
    assert splitter.is_empty
    return found


@given(st.lists(st.tuples(spaces, objects)), spaces, st.lists(st.integers(0, 60)))
def test_values_are_found_wherever_the_body_is_cut(
    parts: list[tuple[str, object]], end: str, cuts: list[int]
) -> None:
    body = b"".join(s.encode() + msgspec.json.encode(v) for s, v in parts)
    found = split(body + end.encode(), cuts)
    assert [msgspec.json.decode(value) for value in found] == [v for _, v in parts]


@pytest.mark.parametrize("body", [b"[", b"x", b"1", b'"a"', b"nul!", b"nx", b"}"])
def test_what_is_no_object_is_refused_at_its_beginning(body: bytes) -> None:
    splitter = ValueSplitter(100)
    splitter.feed(b" {} " + body)
    assert splitter.take() == b"{}"
    with pytest.raises(BadRequest, match="must be an object"):
        splitter.take()


def test_a_value_that_does_not_end_is_refused_once_it_is_too_large() -> None:
    splitter = ValueSplitter(100)
    splitter.feed(b'{"a":"' + b"{" * 90)
    assert splitter.take() is None
    splitter.feed(b"b" * 90)
    with pytest.raises(BadRequest, match="100 bytes"):
        splitter.take()


def test_what_is_left_of_a_value_is_told() -> None:
    splitter = ValueSplitter(100)
    assert splitter.is_empty
    splitter.feed(b" \n")
    assert splitter.take() is None and splitter.is_empty
    splitter.feed(b"nu")
    assert splitter.take() is None and not splitter.is_empty
