"""A record proves what it is, where it belongs and what it follows."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.errors import UnknownFormat
from raftwerk.storage.record import (
    HEADER_BYTES,
    PREAMBLE_BYTES,
    BadRecord,
    Record,
    RecordKind,
    RecordWriter,
    encode_preamble,
    read_preamble,
    read_record,
)

SALT, OFFSET, CHAIN = 0x5A17, 40, 0xC4A1
MAGIC = b"magic-no"


def write(*payloads: bytes, salt: int = SALT, chain: int = CHAIN) -> bytes:
    writer = RecordWriter(salt, OFFSET, chain)
    for payload in payloads:
        writer.add(RecordKind.CHUNK, payload)
    return bytes(OFFSET) + writer.take()


@given(st.lists(st.binary(max_size=100), max_size=8))
def test_what_was_written_is_read(payloads: list[bytes]) -> None:
    data = write(*payloads)
    offset, chain = OFFSET, CHAIN
    for payload in payloads:
        record = read_record(data, offset, SALT, chain)
        assert isinstance(record, Record)
        assert (record.kind, record.payload) == (RecordKind.CHUNK, payload)
        assert record.chain == chain
        offset, chain = record.end, record.checksum
    assert offset == len(data)


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720 §12.1, one bit at a time."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def test_a_checksum_is_the_crc32c_of_the_place_and_the_payload() -> None:
    """The format in bytes: what any other program would have to write."""
    covered = bytes.fromhex(
        "175a0000"  # salt
        "2800000000000000"  # offset
        "a1c40000"  # chain
        "07000000"  # length
        "06"  # kind
        "7061796c6f6164"  # payload
    )
    assert crc32c(b"123456789") == 0xE3069283
    assert (
        write(b"payload")[OFFSET:]
        == (covered[16:20] + crc32c(covered).to_bytes(4, "little") + covered[12:16])
        + covered[20:]
    )


@given(st.binary(max_size=40), st.data())
def test_no_flipped_bit_goes_unseen(payload: bytes, data: st.DataObject) -> None:
    record = bytearray(write(payload))
    bit = data.draw(st.integers(8 * OFFSET, 8 * len(record) - 1))
    record[bit // 8] ^= 1 << bit % 8
    assert isinstance(read_record(bytes(record), OFFSET, SALT, CHAIN), BadRecord)
    assert isinstance(read_record(bytes(record), OFFSET, SALT, None), BadRecord)


MISPLACED: list[tuple[str, Callable[[bytes], Record | BadRecord], str]] = [
    ("another file's", lambda d: read_record(d, OFFSET, SALT + 1, CHAIN), "checksum"),
    (
        "another place's",
        lambda d: read_record(b"\0" + d, OFFSET + 1, SALT, CHAIN),
        "checksum",
    ),
    ("another's follower", lambda d: read_record(d, OFFSET, SALT, 9), "follows"),
    ("cut", lambda d: read_record(d[:-1], OFFSET, SALT, CHAIN), "8 bytes long"),
    (
        "cut early",
        lambda d: read_record(d[:45], OFFSET, SALT, CHAIN),
        "ends at byte 45",
    ),
]


@pytest.mark.parametrize(("why", "read", "expected"), MISPLACED)
def test_a_record_in_the_wrong_place_is_none(
    why: str, read: Callable[[bytes], Record | BadRecord], expected: str
) -> None:
    bad = read(write(b"8 bytes."))
    assert isinstance(bad, BadRecord), why
    assert expected in bad.expected


def test_zeros_are_no_record() -> None:
    assert isinstance(read_record(bytes(1000), OFFSET, SALT, None), BadRecord)
    assert isinstance(read_record(bytes(1000), 0, 0, 0), BadRecord)


def test_a_record_of_an_unknown_kind_is_none() -> None:
    writer = RecordWriter(SALT, OFFSET, CHAIN)
    writer.add(99, b"")  # type: ignore[arg-type]  # a later format's
    bad = read_record(bytes(OFFSET) + writer.take(), OFFSET, SALT, CHAIN)
    assert isinstance(bad, BadRecord)
    assert "it is 99" in bad.expected


def test_a_part_of_a_file_is_enough_to_read_a_record() -> None:
    data = write(b"payload")
    record = read_record(data[OFFSET:], OFFSET, SALT, CHAIN, origin=OFFSET)
    assert isinstance(record, Record)
    assert record.end == OFFSET + HEADER_BYTES + 7


def test_a_preamble_says_magic_and_version() -> None:
    preamble = encode_preamble(MAGIC, 1)
    assert len(preamble) == PREAMBLE_BYTES
    assert isinstance(read_preamble(preamble + b"more", MAGIC, 1, "file"), int)
    for bit in range(8 * PREAMBLE_BYTES):
        flipped = bytearray(preamble)
        flipped[bit // 8] ^= 1 << bit % 8
        assert isinstance(read_preamble(bytes(flipped), MAGIC, 1, "file"), BadRecord)
    assert isinstance(read_preamble(preamble[:-1], MAGIC, 1, "file"), BadRecord)


@pytest.mark.parametrize("version", [0, 3, 4_000_000_000])
def test_an_unknown_version_is_refused_by_name(version: int) -> None:
    with pytest.raises(UnknownFormat) as refused:
        read_preamble(encode_preamble(MAGIC, version), MAGIC, 2, "/data/file")
    assert str(refused.value) == (
        f"/data/file has format {version}, and this version of raftwerk reads"
        " formats 1 to 2; use the version that wrote it"
    )
