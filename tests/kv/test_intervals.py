"""Which ranges hold a key: the tree against a look at each."""

from hypothesis import given
from hypothesis import strategies as st

from raftwerk.kv.intervals import SpanIndex
from raftwerk.kv.spans import Span

keys = st.binary(max_size=2)
spans = st.tuples(keys, keys | st.none())


@given(st.lists(st.tuples(spans, st.booleans())), st.lists(keys, min_size=1))
def test_exactly_the_ranges_that_hold_a_key_are_found(
    steps: list[tuple[Span, bool]], wanted: list[bytes]
) -> None:
    index: SpanIndex[Span] = SpanIndex()
    there: set[Span] = set()
    for span, stays in steps:
        if span not in there:
            index.add(span, span)
            there.add(span)
        elif not stays:
            index.remove(span)
            there.remove(span)
        for key in wanted:
            expected = [
                (start, stop)
                for start, stop in there
                if start <= key and (stop is None or key < stop)
            ]
            found = index.containing(key)
            assert len(found) == len(expected)
            assert set(found) == set(expected)
        assert bool(index) == bool(there)


def test_a_search_does_not_look_at_each_range() -> None:
    index: SpanIndex[int] = SpanIndex()
    looked = 0

    class Counted(bytes):
        """Counts how often it is compared."""

        def __lt__(self, other: bytes) -> bool:
            nonlocal looked
            looked += 1
            return bytes(self) < other

        def __ge__(self, other: bytes) -> bool:
            nonlocal looked
            looked += 1
            return bytes(self) >= other

        __gt__, __le__ = __ge__, __lt__

    for number in range(1_000):
        index.add((b"%04d" % number, b"%04d" % (number + 1)), number)
    assert index.containing(Counted(b"0500")) == [500]
    assert looked < 120
