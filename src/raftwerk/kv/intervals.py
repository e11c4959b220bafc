"""Which of many ranges of keys hold a key.

A treap, ordered by where ranges begin, in which each node knows the furthest end below
it: so a search leaves out whole branches that end too early, and finds ``k`` of ``n``
ranges in about ``log n + k`` steps. Source: Cormen et al., interval trees; Seidel and
Aragon, treaps. Priorities are drawn from a counter by a mixing function: nobody who
chooses ranges can foresee much with them, and equal calls give equal trees.
"""

from typing import Final, Generic, TypeVar

from sortedcontainers import SortedDict  # type: ignore[import-untyped]  # it has none

from raftwerk.kv.spans import Span

__all__ = ["SpanIndex"]

Value = TypeVar("Value")
_Place = tuple[bytes, bytes]

_MASK: Final = (1 << 64) - 1


class _Node(Generic[Value]):
    """A range with an end, and all that stands below it in the tree."""

    __slots__ = ("furthest", "left", "place", "priority", "right", "value")

    def __init__(self, place: _Place, value: Value, priority: int) -> None:
        self.place = place
        self.value = value
        self.priority = priority
        self.left: _Node[Value] | None = None
        self.right: _Node[Value] | None = None
        self.furthest = place[1]

    def look_below(self) -> None:
        """Know the furthest end again, after something changed below."""
        furthest = self.place[1]
        if self.left is not None and self.left.furthest > furthest:
            furthest = self.left.furthest
        if self.right is not None and self.right.furthest > furthest:
            furthest = self.right.furthest
        self.furthest = furthest


class SpanIndex(Generic[Value]):
    """Ranges of keys, each once and with a value.

    Examples
    --------
    >>> index = SpanIndex()
    >>> index.add((b"a", b"c"), 1)
    >>> index.add((b"b", None), 2)
    >>> sorted(index.containing(b"b"))
    [1, 2]
    """

    __slots__ = ("_count", "_endless", "_root")

    def __init__(self) -> None:
        self._root: _Node[Value] | None = None
        self._endless = SortedDict()
        self._count = 0

    def __bool__(self) -> bool:
        return self._root is not None or bool(self._endless)

    def add(self, span: Span, value: Value) -> None:
        """Take in a range.

        Parameters
        ----------
        span : Span
            Not one of those that are here already.
        value : Value
            Its value.
        """
        start, stop = span
        if stop is None:
            self._endless[start] = value
            return
        self._count += 1
        node = _Node((start, stop), value, _mixed(self._count))
        self._root = _insert(self._root, node)

    def remove(self, span: Span) -> None:
        """Drop a range that is here.

        Parameters
        ----------
        span : Span
            Which.
        """
        start, stop = span
        if stop is None:
            del self._endless[start]
        else:
            self._root = _remove(self._root, (start, stop))

    def containing(self, key: bytes) -> list[Value]:
        """Return the values of the ranges that hold a key.

        Parameters
        ----------
        key : bytes
            Any.

        Returns
        -------
        list of Value
            In no useful order.
        """
        found: list[Value] = []
        if self._endless:
            starts = self._endless.irange(None, key)
            found = [self._endless[start] for start in starts]
        root = self._root
        ahead = [root] if root is not None and root.furthest > key else []
        while ahead:
            node = ahead.pop()
            start, stop = node.place
            if (left := node.left) is not None and left.furthest > key:
                ahead.append(left)
            if start <= key:
                if key < stop:
                    found.append(node.value)
                if (right := node.right) is not None and right.furthest > key:
                    ahead.append(right)
        return found


def _mixed(number: int) -> int:
    """Return 64 bits that look drawn (the finalizer of SplitMix64)."""
    bits = number * 0x9E3779B97F4A7C15 & _MASK
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & _MASK
    return bits ^ bits >> 31


def _insert(root: _Node[Value] | None, node: _Node[Value]) -> _Node[Value]:
    """Return a tree with one node more."""
    if root is None:
        return node
    if node.priority > root.priority:
        node.left, node.right = _split(root, node.place)
        node.look_below()
        return node
    if node.place < root.place:
        root.left = _insert(root.left, node)
    else:
        root.right = _insert(root.right, node)
    root.look_below()
    return root


def _remove(root: _Node[Value] | None, place: _Place) -> _Node[Value] | None:
    """Return a tree without the node of a range."""
    if root is None:
        raise KeyError(place)
    if root.place == place:
        return _merge(root.left, root.right)
    if place < root.place:
        root.left = _remove(root.left, place)
    else:
        root.right = _remove(root.right, place)
    root.look_below()
    return root


def _split(
    root: _Node[Value] | None, place: _Place
) -> tuple[_Node[Value] | None, _Node[Value] | None]:
    """Return what of a tree lies below a place, and the rest."""
    if root is None:
        return None, None
    if root.place < place:
        root.right, rest = _split(root.right, place)
        root.look_below()
        return root, rest
    below, root.left = _split(root.left, place)
    root.look_below()
    return below, root


def _merge(
    left: _Node[Value] | None, right: _Node[Value] | None
) -> _Node[Value] | None:
    """Return one tree of two, the first of which lies below the second."""
    if left is None or right is None:
        return right if left is None else left
    if left.priority > right.priority:
        left.right = _merge(left.right, right)
        left.look_below()
        return left
    right.left = _merge(left, right.left)
    right.look_below()
    return right
