"""The index by itself: keys in order, at any revision, many or few at a time."""

import pytest

from raftwerk.kv import KeyValue
from raftwerk.kv.index import KeyIndex

ALL = (b"", None)


def index_of(count: int) -> KeyIndex:
    """Return an index of as many keys, all of revision 2."""
    return KeyIndex(KeyValue(b"%03d" % number, 2, 2, 1) for number in range(count))


def delete(index: KeyIndex, start: int, stop: int, revision: int) -> None:
    """Delete keys by their numbers."""
    before = [index.get(b"%03d" % number) for number in range(start, stop)]
    found = [kv for kv in before if kv is not None]
    index.delete([KeyValue(kv.key, 0, revision, 0) for kv in found], found)


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 0), (5, 6), (99, 100), (0, 100), (0, 30), (40, 90), (20, 25)],
)
def test_keys_are_deleted_many_or_few_at_a_time(start: int, stop: int) -> None:
    index = index_of(100)
    delete(index, start, stop, 3)
    index.check()
    left = [n for n in range(100) if not start <= n < stop]
    assert index.keys(ALL) == [b"%03d" % number for number in left]
    assert len(index) == index.count(ALL) == len(left)
    assert len(index.keys(ALL, with_deleted=True)) == 100
    assert all(index.at(b"%03d" % number, 2) is not None for number in range(100))


SPANS = [
    # span                  keys   why
    ((b"003", b"006"), [3, 4, 5], "the end is not in it"),
    ((b"0031", b"0051"), [4, 5], "between keys"),
    ((b"008", None), [8, 9], "to the end"),
    ((b"005", b"005"), [], "nothing"),
    ((b"006", b"003"), [], "less than nothing"),
    ((b"1", None), [], "behind all"),
]


@pytest.mark.parametrize(("span", "numbers", "why"), SPANS)
def test_a_span_has_its_keys_and_their_count(
    span: tuple[bytes, bytes | None], numbers: list[int], why: str
) -> None:
    index = index_of(10)
    assert index.keys(span) == [b"%03d" % number for number in numbers], why
    assert index.count(span) == len(numbers), why


def test_keys_are_read_page_by_page() -> None:
    index = index_of(10)
    delete(index, 4, 6, 3)
    pages = []
    after = None
    while page := index.keys(
        (b"002", b"009"), after=after, with_deleted=True, keys_max=3
    ):
        pages.append(page)
        after = page[-1]
    assert pages == [[b"002", b"003", b"004"], [b"005", b"006", b"007"], [b"008"]]


FORGOTTEN = [
    # revision  readable afterwards at 2, 3, 4, 5, 6   why
    (2, [2, 3, None, 5, 5], "nothing is older"),
    (3, [None, 3, None, 5, 5], "what can be seen at 3 is kept"),
    (4, [None, None, None, 5, 5], "nothing is to be seen at 4"),
    (5, [None, None, None, 5, 5], "the newest stays"),
]


@pytest.mark.parametrize(("revision", "seen", "why"), FORGOTTEN)
def test_what_can_be_seen_is_never_forgotten(
    revision: int, seen: list[int | None], why: str
) -> None:
    index = KeyIndex()
    first, second = KeyValue(b"a", 2, 2, 1), KeyValue(b"a", 2, 3, 2)
    index.put(first, None)
    index.put(second, first)
    index.delete([KeyValue(b"a", 0, 4, 0)], [second])
    index.put(KeyValue(b"a", 5, 5, 1), None)
    index.forget(b"a", revision)
    index.check()
    found = [index.at(b"a", at) for at in range(2, 7)]
    assert [kv and kv.mod_revision for kv in found] == seen, why


def test_a_deleted_key_is_forgotten_altogether() -> None:
    index = index_of(1)
    delete(index, 0, 1, 3)
    assert index.keys(ALL, with_deleted=True) == [b"000"]
    index.forget(b"000", 3)
    index.forget(b"000", 3)
    assert not index.keys(ALL, with_deleted=True)
    index.check()
