"""Commands as bytes: what was written once can be read for ever."""

import pytest
from hypothesis import given

from raftwerk.errors import InvariantViolation, UnknownFormat
from raftwerk.kv import (
    CheckpointLeases,
    Command,
    Compact,
    Compare,
    DeleteRange,
    ExpireLeases,
    GrantLease,
    LeadLeases,
    Put,
    Range,
    RevokeLease,
    Txn,
    decode,
    encode,
)
from tests.kv.strategies import commands

WRITTEN_BY_VERSION_1 = [
    # what stands in logs that exist    the command
    ("019701c4016bc4017607c2c3c2", Put(b"k", b"v", 7, False, True)),
    ("019402c4016bc40100c3", DeleteRange(b"k", b"\0", True)),
    (
        "0194039196c40163c400000000c400919701c40170c40000c2c2c2919e00c40172c4000000"
        "0000c2c2c200000000",
        Txn((Compare(b"c"),), (Put(b"p"),), (Range(b"r"),)),
    ),
    ("019204cd0200", Compact(512)),
]

WRITTEN_BY_VERSION_2 = [
    ("0293060732", GrantLease(7, 50)),
    ("029207f9", RevokeLease(-7)),
    ("02930803920709", ExpireLeases(3, (7, 9))),
    ("0293090391920732", CheckpointLeases(3, ((7, 50),))),
    ("02920a03", LeadLeases(3)),
]


@given(commands)
def test_a_command_is_what_it_was(command: Command) -> None:
    data = encode(command)
    assert decode(data) == command
    assert encode(decode(data)) == data


def test_nested_transactions_are_what_they_were() -> None:
    inner = Txn(failure=(Range(b"r", limit=2),))
    txn = Txn((Compare(b"c", number=-1),), (inner, DeleteRange(b"d")), (Put(b"p"),))
    assert decode(encode(txn)) == txn


def test_a_range_is_no_command() -> None:
    with pytest.raises(InvariantViolation):
        decode(encode(Range(b"a")))  # type: ignore[arg-type]  # what it is about


@pytest.mark.parametrize(("written", "command"), WRITTEN_BY_VERSION_1)
def test_the_first_version_can_be_read_for_ever(written: str, command: Command) -> None:
    assert decode(bytes.fromhex(written)) == command
    assert encode(command).hex() == written


@pytest.mark.parametrize(("written", "command"), WRITTEN_BY_VERSION_2)
def test_the_second_version_has_leases(written: str, command: Command) -> None:
    assert decode(bytes.fromhex(written)) == command
    assert encode(command).hex() == written


def test_a_newer_version_is_named() -> None:
    with pytest.raises(UnknownFormat, match="needs version 3 .* reads 2"):
        decode(b"\x03" + encode(Put(b"a"))[1:])


@pytest.mark.parametrize("data", [b"", b"\0"])
def test_what_no_version_wrote_is_our_bug(data: bytes) -> None:
    with pytest.raises(InvariantViolation, match="begins with"):
        decode(data)
