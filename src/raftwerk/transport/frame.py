"""Bytes ↔ frames, sans-IO: a stream is cut into checked pieces of bounded size.

::

    length of body: 4 bytes | CRC32C of body: 4 bytes | body: kind, 1 byte | payload

Numbers are little-endian. TCP's checksum misses one damaged segment in some 65,536 and
sees nothing of what was damaged before it was made; a vote must not be among that.
A length is believed only up to `frame_bytes_max`, so what a stranger can make us hold
is bounded by what he sends and by that.
"""

import struct
from collections.abc import Iterator
from typing import Final

import google_crc32c
import msgspec

from raftwerk.errors import PeerError

__all__ = ["Frame", "FrameDecoder", "encode_frame"]

_HEADER: Final = struct.Struct("<II")
_HEADER_BYTES: Final = _HEADER.size
_unpack_header: Final = _HEADER.unpack_from
_KINDS: Final = tuple([bytes((kind,)) for kind in range(256)])
"""The first byte of a body, by what it says."""


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One checked piece of a stream."""

    kind: int
    """What the payload is, 0 to 255; `codec` gives the numbers their meaning."""
    payload: memoryview | bytes


def encode_frame(kind: int, *payload: bytes | memoryview) -> bytes:
    """Return the bytes of one frame.

    Parameters
    ----------
    kind : int
        What the payload is, 0 to 255.
    *payload : bytes or memoryview
        The payload, in any number of pieces.

    Returns
    -------
    bytes
        What a `FrameDecoder` makes the frame of.

    Examples
    --------
    >>> encode_frame(7, b"ab", b"c").hex(" ")
    '04 00 00 00 c0 6f 48 07 07 61 62 63'
    """
    body = b"".join((_KINDS[kind], *payload))
    return _HEADER.pack(len(body), google_crc32c.value(body)) + body


class FrameDecoder:
    """Makes frames of the bytes of one stream, however they were split on the way.

    Parameters
    ----------
    frame_bytes_max : int
        The largest body that is accepted.

    Attributes
    ----------
    frame_bytes_max : int
        May be raised between two frames, once it is known who speaks.

    Examples
    --------
    >>> decoder = FrameDecoder(1000)
    >>> stream = encode_frame(7, b"one") + encode_frame(8, b"two")
    >>> [frame.kind for frame in decoder.feed(stream[:15])]
    [7]
    >>> [frame.kind for frame in decoder.feed(stream[15:])]
    [8]
    """

    __slots__ = ("_at_start", "_error", "_rest", "_wanted", "frame_bytes_max")

    def __init__(self, frame_bytes_max: int) -> None:
        """Stand at the beginning of a stream."""
        self.frame_bytes_max = frame_bytes_max
        self._rest = bytearray()
        """The beginning of a frame whose end has not come."""
        self._wanted = _HEADER.size
        """How long `_rest` must be before it is worth another look."""
        self._at_start = True
        self._error = ""

    @property
    def held_bytes(self) -> int:
        """How many bytes wait for the rest of their frame.

        Returns
        -------
        int
            Less than a header and `frame_bytes_max`.
        """
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take what arrived, and return the frames that it completes.

        Parameters
        ----------
        data : bytes
            The next bytes of the stream.

        Returns
        -------
        iterator of Frame
            In order; to be used up before the next call.

        Raises
        ------
        PeerError
            By the iterator, after all frames before the damage, and by every one
            after that: with one frame lost, where the next begins is a guess.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return iter(())
            data = bytes(self._rest)
        elif (frame := self.only_frame(data)) is not None:
            return iter((frame,))
        return self._frames(data)

    def only_frame(self, data: bytes) -> Frame | None:
        """Return the frame that is all of what arrived, if it is one, whole and sound.

        So it is mostly, where members say one thing at a time.

        Parameters
        ----------
        data : bytes
            The next bytes of the stream.

        Returns
        -------
        Frame or None
            None: nothing was taken in, and `feed` finds out what it is.
        """
        length = len(data) - _HEADER_BYTES
        if self._rest or self._error or not 0 < length <= self.frame_bytes_max:
            return None
        said, checksum = _unpack_header(data)
        body = data[_HEADER_BYTES:]
        if said != length or google_crc32c.value(body) != checksum:
            return None
        self._at_start = False
        return Frame(body[0], memoryview(body)[1:])

    def _frames(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames of data that begins where a frame begins."""
        if self._error:
            raise PeerError(self._error)
        start = 0
        try:
            while True:
                self._wanted = _HEADER.size
                if len(data) - start < self._wanted:
                    return
                length, checksum = _HEADER.unpack_from(data, start)
                if not 1 <= length <= self.frame_bytes_max:
                    self._refuse(self._words_for_length(length, data[start:]))
                self._wanted += length
                if len(data) - start < self._wanted:
                    return
                body = data[start + _HEADER.size : start + self._wanted]
                if google_crc32c.value(body) != checksum:
                    self._refuse(f"a frame of {length} bytes fails its checksum")
                start += self._wanted
                self._at_start = False
                yield Frame(body[0], memoryview(body)[1:])
        finally:
            rest = b"" if self._error else data[start:]
            if rest or self._rest:
                self._rest = bytearray(rest)

    def _words_for_length(self, length: int, data: bytes) -> str:
        """Say what is wrong with a length; at the start, strangers knock."""
        if self._at_start:
            return (
                "this is not the peer protocol of raftwerk: the first bytes are"
                f" {data[:12]!r}"
            )
        return f"a frame of {length} bytes; 1 to {self.frame_bytes_max} are allowed"

    def _refuse(self, words: str) -> None:
        """Read no more of this stream."""
        self._error = words
        raise PeerError(words)
