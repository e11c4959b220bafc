"""Frames: any split gives the same, any damage gives fewer, and none is ever wrong."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.errors import PeerError
from raftwerk.transport.frame import FrameDecoder, encode_frame

FRAME_BYTES_MAX = 300

frames = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=6)


def encoded(contents: list[tuple[int, bytes]]) -> bytes:
    return b"".join(encode_frame(kind, payload) for kind, payload in contents)


def decoded(chunks: list[bytes]) -> tuple[list[tuple[int, bytes]], str]:
    """Return the frames of a stream, and what ended it if it was an error."""
    decoder = FrameDecoder(FRAME_BYTES_MAX)
    result = []
    try:
        for chunk in chunks:
            for frame in decoder.feed(chunk):
                result.append((frame.kind, bytes(frame.payload)))
    except PeerError as error:
        return result, str(error)
    return result, ""


def split(stream: bytes, places: list[int]) -> list[bytes]:
    cuts = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(cuts)]


@given(frames, st.lists(st.integers(0), max_size=12))
def test_any_split_of_the_stream_gives_the_same_frames(
    contents: list[tuple[int, bytes]], places: list[int]
) -> None:
    assert decoded(split(encoded(contents), places)) == (contents, "")


@given(frames, st.data())
def test_damage_gives_fewer_frames_and_never_a_wrong_one(
    contents: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    stream = bytearray(encoded([*contents, (0, b"last")]))
    place = data.draw(st.integers(0, len(stream) - 1), label="place")
    stream[place] ^= data.draw(st.integers(1, 255), label="damage")
    places = data.draw(st.lists(st.integers(0), max_size=4), label="splits")
    result, _ = decoded(split(bytes(stream), places))
    assert result == [*contents, (0, b"last")][: len(result)]
    assert len(result) <= len(contents)


@given(frames, st.data())
def test_a_stream_that_ends_early_gives_the_frames_before_its_end(
    contents: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    stream = encoded(contents)
    end = data.draw(st.integers(0, len(stream)), label="end")
    result, error = decoded([stream[:end]])
    assert (result, error) == (contents[: len(result)], "")


@given(st.binary(max_size=200), st.lists(st.integers(0), max_size=4))
def test_garbage_is_an_error_or_waits_for_more(
    garbage: bytes, places: list[int]
) -> None:
    result, _ = decoded(split(garbage, places))
    assert not result


def test_what_comes_before_the_damage_is_kept() -> None:
    damaged = bytearray(encode_frame(2, b"two"))
    damaged[-1] ^= 1
    stream = encode_frame(1, b"one") + bytes(damaged) + encode_frame(3, b"three")
    result, error = decoded([stream])
    assert result == [(1, b"one")]
    assert error == "a frame of 4 bytes fails its checksum"


def test_nothing_is_read_behind_the_damage() -> None:
    decoder = FrameDecoder(FRAME_BYTES_MAX)
    with pytest.raises(PeerError):
        list(decoder.feed(b"\0" * 8))
    with pytest.raises(PeerError):
        list(decoder.feed(encode_frame(1, b"one")))
    assert decoder.held_bytes == 0


def test_a_length_is_believed_up_to_the_bound() -> None:
    at_bound = encode_frame(1, bytes(FRAME_BYTES_MAX - 1))
    assert decoded([at_bound]) == ([(1, bytes(FRAME_BYTES_MAX - 1))], "")
    result, error = decoded([encode_frame(9), encode_frame(1, bytes(FRAME_BYTES_MAX))])
    assert result == [(9, b"")]
    assert error == "a frame of 301 bytes; 1 to 300 are allowed"


def test_a_stranger_is_told_by_its_first_bytes() -> None:
    _, error = decoded([b"GET /version HTTP/1.1\r\n\r\n"])
    assert error == (
        "this is not the peer protocol of raftwerk: the first bytes are"
        " b'GET /version'"
    )


def test_an_unfinished_frame_holds_no_more_than_was_sent() -> None:
    decoder = FrameDecoder(2**24)
    stream = encode_frame(1, bytes(2**20))
    for start in range(0, 1000):
        assert not list(decoder.feed(stream[start : start + 1]))
    assert decoder.held_bytes == 1000


def test_the_bound_may_be_raised_between_two_frames() -> None:
    decoder = FrameDecoder(10)
    kinds = []
    for frame in decoder.feed(encode_frame(1, b"hello") + encode_frame(2, bytes(99))):
        kinds.append(frame.kind)
        decoder.frame_bytes_max = 100
    assert kinds == [1, 2]
