"""One JSON object after the other out of a body that arrives in pieces.

Clients of etcd's gateway send several requests in one body, with or without white
space between them, and need not end it. Where one ends is found by its brackets alone;
whether it is JSON is for the decoder to say.
"""

import re
from typing import Final

from raftwerk.api.errors import BadRequest

__all__ = ["ValueSplitter"]

_MARK: Final = re.compile(rb'["\\{}\[\]]')
_WHITESPACE: Final = b" \t\r\n"
_NULL: Final = b"null"


class ValueSplitter:
    """Bytes in, whole values out; it keeps no more than one value and a piece.

    Parameters
    ----------
    bytes_max : int
        What one value may have.

    Examples
    --------
    >>> splitter = ValueSplitter(100)
    >>> splitter.feed(b'{"a": "}"}{"b"')
    >>> splitter.take()
    b'{"a": "}"}'
    >>> splitter.take() is None
    True
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = bytearray()
        self._place = 0
        self._depth = 0
        self._in_text = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left but white space."""
        return not self._bytes.strip(_WHITESPACE)

    def feed(self, piece: bytes) -> None:
        """Take in what follows.

        Parameters
        ----------
        piece : bytes
            Any part of the body.
        """
        self._bytes += piece

    def take(self) -> bytes | None:
        """Return the next whole value.

        Returns
        -------
        bytes or None
            None if it is not all there yet.

        Raises
        ------
        BadRequest
            If what comes next is no object, or too large for one.
        """
        if self._depth == 0 and not self._begin():
            return None
        end = self._find_end()
        if end is None:
            if len(self._bytes) > self._bytes_max:
                raise BadRequest(f"a message may have {self._bytes_max} bytes")
            return None
        return self._cut(end)

    def _begin(self) -> bool:
        """Skip white space; tell whether a value has begun."""
        beginning = self._bytes.lstrip(_WHITESPACE)
        self._bytes = beginning
        self._place = 0
        if _NULL.startswith(beginning[: len(_NULL)]):
            # null is an empty message; it is whole with its last letter.
            self._place = len(_NULL)
            return len(beginning) >= len(_NULL)
        if not beginning.startswith(b"{"):
            shown = bytes(beginning[:20]).decode("utf-8", "replace")
            raise BadRequest(f"a message must be an object; it begins with {shown!r}")
        return True

    def _find_end(self) -> int | None:
        """Return where the value that has begun ends, if that is known."""
        if self._depth == 0 and self._place:
            return self._place  # null
        while mark := _MARK.search(self._bytes, self._place):
            self._place = mark.end()
            match mark[0]:
                case b'"':
                    self._in_text = not self._in_text
                case b"\\":
                    # What follows in a text says nothing; it may be still to come.
                    self._place += self._in_text
                case b"{" | b"[" if not self._in_text:
                    self._depth += 1
                case b"}" | b"]" if not self._in_text:
                    self._depth -= 1
                    if self._depth == 0:
                        return self._place
        self._place = max(self._place, len(self._bytes))
        return None

    def _cut(self, end: int) -> bytes:
        """Return the value that ends there, and be ready for the next one."""
        value = bytes(self._bytes[:end])
        del self._bytes[:end]
        self._place = 0
        return value
