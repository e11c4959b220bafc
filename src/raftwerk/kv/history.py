"""All changes in the order of their revisions, from the compacted one on.

Whoever watches reads it from any revision that is not compacted; a snapshot is made of
it; and a compaction walks along it, a few changes at a time. It is kept in blocks of
one size, so that a view of the whole can be had by copying a few references, and what
is forgotten goes block by block.

While it is held, changes are taken in that nobody sees; all of them are seen at once
when it is released.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain, islice
from operator import attrgetter
from typing import Final, TypeAlias

import msgspec

from raftwerk.kv.records import KeyValue

__all__ = ["Change", "History"]

CHANGES_PER_BLOCK: Final = 1_024
"""To let go of a block takes about a tenth of a millisecond."""

Change: TypeAlias = tuple[KeyValue, KeyValue | None]
"""The version that a change made, and the one that it overtook, if there was one."""

_mod_revision: Final = attrgetter("mod_revision")


class _Block:
    """The newest changes: the block that still grows."""

    # Two lists and not one of pairs: a pair would cost 56 bytes for each change.
    __slots__ = ("made", "overtaken")

    def __init__(self) -> None:
        self.made: list[KeyValue] = []
        self.overtaken: list[KeyValue | None] = []


class _Full(msgspec.Struct, frozen=True, gc=False):
    """A block that grows no more.

    Its tuples have nothing in them that the garbage collector follows, so it looks at
    each once and never again; a list it would go through in every collection.
    """

    made: tuple[KeyValue, ...]
    overtaken: tuple[KeyValue | None, ...]


class History:
    """The changes, each with the version that it overtook."""

    __slots__ = ("_blocks", "_growing", "_is_held", "_length", "_walked")

    def __init__(self) -> None:
        self._blocks: list[_Full | _Block] = []
        self._growing = _Block()
        """The last of them, if there are any."""
        self._is_held = False
        self._length = 0
        """Of what is seen; what is held comes behind it."""
        self._walked = 0

    def __len__(self) -> int:
        return self._length

    def append(self, made: KeyValue, overtaken: KeyValue | None) -> None:
        """Take in the newest change.

        Parameters
        ----------
        made : KeyValue
            The version that it made.
        overtaken : KeyValue or None
            The version that it overtook; None if there was none.
        """
        block = self._growing
        if not self._blocks or len(block.made) == CHANGES_PER_BLOCK:
            block = self._next_block()
        block.made.append(made)
        block.overtaken.append(overtaken)
        if not self._is_held:
            self._length += 1

    def hold(self) -> None:
        """Have nobody see from now on what is taken in."""
        self._is_held = True

    def release(self) -> None:
        """Have all be seen that was taken in."""
        self._is_held = False
        self._length = self._length_with_held()

    def since(self, revision: int, *, with_held: bool = False) -> Iterator[Change]:
        """Return the changes from a revision on, as they are now.

        Parameters
        ----------
        revision : int
            The first one that is wanted.
        with_held : bool
            Whether to return those too that are not seen yet.

        Returns
        -------
        iterator of Change
            In order. It may be drawn later, in any thread: what is appended or
            forgotten meanwhile makes no difference to it.
        """
        length = self._length_with_held() if with_held else self._length
        start = min(self._place(revision), length)
        first, offset = divmod(start, CHANGES_PER_BLOCK)
        blocks = self._blocks[first:]
        return islice(_changes_of(blocks, offset), length - start)

    def walk(self, revision: int, changes_max: int) -> list[bytes]:
        """Return the keys of the oldest changes up to a revision, each change once.

        Parameters
        ----------
        revision : int
            The last revision of interest; not below that of an earlier call.
        changes_max : int
            How many changes to look at.

        Returns
        -------
        list of bytes
            Empty when there are no more.
        """
        start, stop = self._walked, self._place(revision + 1)
        self._walked = max(start, min(stop, start + changes_max))
        first, offset = divmod(start, CHANGES_PER_BLOCK)
        changes = _changes_of(self._blocks[first:], offset)
        return [made.key for made, _ in islice(changes, self._walked - start)]

    def forget(self, revision: int, blocks_max: int) -> bool:
        """Drop the oldest blocks that were walked over and lie below a revision.

        Parameters
        ----------
        revision : int
            The first one whose changes are kept.
        blocks_max : int
            How many blocks to drop at most.

        Returns
        -------
        bool
            Whether there are no more; a part of a block remains as long as the rest.
        """
        droppable = min(self._place(revision), self._walked) // CHANGES_PER_BLOCK
        dropped = min(droppable, blocks_max)
        del self._blocks[:dropped]
        self._length -= dropped * CHANGES_PER_BLOCK
        self._walked -= dropped * CHANGES_PER_BLOCK
        return dropped == droppable

    def _next_block(self) -> _Block:
        """Begin a block behind the last one, which is full."""
        blocks, last = self._blocks, self._growing
        if blocks:
            blocks[-1] = _Full(tuple(last.made), tuple(last.overtaken))
        self._growing = _Block()
        blocks.append(self._growing)
        return self._growing

    def _length_with_held(self) -> int:
        """Return how many changes there are, seen or not."""
        blocks = self._blocks
        if not blocks:
            return 0
        return (len(blocks) - 1) * CHANGES_PER_BLOCK + len(blocks[-1].made)

    def _place(self, revision: int) -> int:
        """Return how many changes there are below a revision."""
        blocks = self._blocks
        # The last block that begins below it; only there may the first change be.
        number = bisect_left(blocks, revision, key=_first_revision) - 1
        if number < 0:
            return 0
        place = bisect_left(blocks[number].made, revision, key=_mod_revision)
        return number * CHANGES_PER_BLOCK + place


def _first_revision(block: _Full | _Block) -> int:
    """Return the revision with which a block begins."""
    return block.made[0].mod_revision


def _changes_of(blocks: list[_Full | _Block], offset: int) -> Iterator[Change]:
    """Return the changes of some blocks, but for so many of the first one.

    These are not walked over: whoever watches asks for the newest at each change.
    """
    begun: tuple[Iterator[Change], ...] = ()
    if offset and blocks:
        first, *blocks = blocks
        begun = (zip(first.made[offset:], first.overtaken[offset:], strict=True),)
    rest = (zip(block.made, block.overtaken, strict=True) for block in blocks)
    return chain.from_iterable(chain(begun, rest))
