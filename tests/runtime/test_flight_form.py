"""Flight files: what is torn is tolerated, what is damaged or unknown is refused."""

import pytest

from raftwerk.core.config import CoreConfig
from raftwerk.core.image import take_image
from raftwerk.core.inputs import Tick
from raftwerk.core.records import HardState, Snapshot
from raftwerk.core.replica import Replica
from raftwerk.errors import UnknownFormat, WalCorrupted
from raftwerk.runtime.flight_form import (
    Beginning,
    FlightFile,
    Stepped,
    StoredLog,
    read_flight,
)
from raftwerk.storage.memory import MemoryLog
from raftwerk.storage.record import PREAMBLE_BYTES, encode_preamble
from raftwerk.types import LogIndex, NodeId, Term

TICKS = [Stepped(at_millis=each, event=Tick(each)) for each in range(1, 5)]


def beginning() -> Beginning:
    replica = Replica(CoreConfig(node_id=NodeId(7)), MemoryLog(), lambda bound: 0)
    return Beginning(
        program="raftwerk",
        node_id=NodeId(7),
        sequence=3,
        step=0,
        wall_seconds=1e9,
        heartbeat_millis=50,
        is_shape=False,
        image=take_image(replica),
        log=StoredLog(
            hard_state=HardState(),
            snapshot=Snapshot(),
            previous_index=LogIndex(0),
            previous_term=Term(0),
            terms=(),
        ),
    )


def parts() -> list[bytes]:
    """Return a file in the pieces in which it is written."""
    form = FlightFile()
    return [form.begin(beginning()), *(form.add([each]) for each in TICKS)]


def test_what_was_written_is_read() -> None:
    flight = read_flight(b"".join(parts()), "here")
    assert flight.beginning == beginning()
    assert flight.records == tuple(TICKS)
    assert flight.torn_bytes == 0


def test_whatever_a_crash_left_of_the_last_write_is_passed_over() -> None:
    *whole, last = parts()
    sound = b"".join(whole)
    for length in range(len(last)):
        for filler in (b"", bytes(len(last) - length), bytes(9_000)):
            if last[length:].strip(b"\0") == b"" and len(filler) >= len(last) - length:
                continue  # what is missing are zeros: nothing is
            flight = read_flight(sound + last[:length] + filler, "here")
            assert flight.records == tuple(TICKS[:-1]), length
            assert flight.torn_bytes == length + len(filler)


def test_any_bit_that_flips_before_the_last_write_is_noticed() -> None:
    *whole, last = parts()
    sound = b"".join(whole)
    for place in range(len(sound)):
        data = bytearray(sound + last)
        data[place] ^= 1 << place % 8
        # Also a length that leads beyond the end: a crash leaves no whole frame.
        with pytest.raises((WalCorrupted, UnknownFormat)):
            read_flight(bytes(data), "here")


def test_another_version_is_refused_by_its_number() -> None:
    data = encode_preamble(b"rwflight", 2) + b"".join(parts())[PREAMBLE_BYTES:]
    with pytest.raises(UnknownFormat, match="here has format 2"):
        read_flight(data, "here")


@pytest.mark.parametrize(
    "data", [b"", b"noise", b"raftwal\n" * 20, encode_preamble(b"rwflight", 1)]
)
def test_what_has_no_beginning_is_refused(data: bytes) -> None:
    with pytest.raises(WalCorrupted, match="here is no sound flight file"):
        read_flight(data, "here")
