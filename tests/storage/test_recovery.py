"""After any crash the log is what some number of calls made it, synced ones included.

Crash points are drawn: the power is cut at any call to the disk, also during recovery;
un-synced blocks survive or not, in any combination. A flipped bit in what was known to
be durable is refused, with its place.
"""

from collections.abc import Iterator

import pytest

from raftwerk.errors import StorageError, WalCorrupted
from raftwerk.host.draw import SplitMix64
from raftwerk.storage.memory_disk import MemoryDisk, PowerCut
from raftwerk.storage.payloads import MARK_BYTES
from raftwerk.storage.recovery import read_segment, recover
from raftwerk.storage.wal import Wal
from tests.storage.history import History
from tests.storage.test_wal import make_wal, open_wal, segments, write_one_by_one
from tests.storage.values import BOOTSTRAP, IDENTITY, content, entries, hard_state

FIRST = "/data/wal/00000001-0000000000000002.wal"


def run_and_crash(seed: int) -> None:
    """Write, crash and recover, some times over, on one disk."""
    draw = SplitMix64(seed)
    disk = MemoryDisk(block_bytes=(16, 64, 512)[draw.below(3)])
    segment_bytes = 400 + draw.below(2000)
    wal = Wal.create(disk, "/data", IDENTITY, BOOTSTRAP, segment_bytes=segment_bytes)
    history = History(wal, draw)
    for _ in range(4):
        disk.cut_power_after(draw.below(120))
        try:
            while True:
                history.step()
        except PowerCut:
            disk.crash(draw)
        while True:
            if draw.below(2):
                disk.cut_power_after(draw.below(10))
            try:
                wal = Wal.open(disk, "/data", segment_bytes=segment_bytes)
                break
            except PowerCut:
                disk.crash(draw)
        history.check_recovered(wal)


@pytest.mark.parametrize("seed", range(300))
def test_no_crash_loses_what_was_synced_or_makes_up_what_was_not(seed: int) -> None:
    run_and_crash(seed)


@pytest.mark.long
@pytest.mark.parametrize("hundred", range(300))
def test_no_crash_does_so_in_many_more_runs(hundred: int) -> None:
    for seed in range(1000 + 100 * hundred, 1100 + 100 * hundred):
        try:
            run_and_crash(seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


@pytest.mark.parametrize("seed", range(60))
def test_no_failed_sync_does_so_either(seed: int) -> None:
    """The process ends at a failed sync, and starts again over a cache that lies."""
    draw = SplitMix64(seed)
    disk = MemoryDisk(block_bytes=64)
    wal = make_wal(disk)
    history = History(wal, draw)
    for _ in range(4):
        disk.fail_next("sync", after=draw.below(15))
        with pytest.raises(StorageError):
            while True:
                history.step()
        disk.kill()
        wal = open_wal(disk)
        history.check_recovered(wal)
        disk.crash()
        wal = open_wal(disk)
        history.check_recovered(wal)


# ---- torn -------------------------------------------------------------------


def test_a_torn_batch_is_cut_and_said() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 5)
    acknowledged = content(wal)
    end = read_segment(disk, FIRST).found.end
    wal.append(None, entries(5, 6, data=b"y" * 100))
    wal.sync()
    # Of the last batch everything reached the disk but one byte near its end.
    damaged = bytearray(disk.read_file(FIRST))
    written_end = len(bytes(damaged).rstrip(b"\0"))
    damaged[written_end - 5] ^= 0xFF
    disk.put_file(FIRST, bytes(damaged))
    disk.crash()

    wal = open_wal(disk)
    assert content(wal) == acknowledged
    assert wal.torn is not None
    assert wal.torn.path == FIRST
    # Its mark is sound, and stays: it only repeats what was durable.
    assert wal.torn.offset == end + MARK_BYTES
    assert wal.torn.size_bytes == written_end - end - MARK_BYTES
    assert wal.torn.reason.startswith("a record with checksum")
    assert open_after_crash(disk).torn is None


def open_after_crash(disk: MemoryDisk) -> Wal:
    disk.crash()
    return open_wal(disk)


def test_sound_records_behind_a_torn_one_do_not_come_back() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    wal.append(None, entries(2, 3))
    wal.append(None, entries(3, 4))
    wal.append(None, entries(4, 5))
    wal.sync()
    found = read_segment(disk, FIRST).found
    second = found.records[2]
    disk.flip_bit(FIRST, 8 * (second.end - 1))
    wal = open_after_crash(disk)
    assert content(wal).entries == tuple(entries(2, 3))
    # An append as long as the torn one would make the third follow it again.
    wal.append(None, entries(3, 4))
    wal.sync()
    assert content(open_after_crash(disk)).entries == tuple(entries(2, 4))


def test_a_hole_of_zeros_is_torn_if_more_was_written_behind() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    wal.append(None, entries(2, 3))
    wal.append(None, entries(3, 4))
    wal.sync()
    found = read_segment(disk, FIRST).found
    data = disk.read_file(FIRST)
    first, second = found.records[1:]
    disk.put_file(
        FIRST,
        data[: first.offset]
        + bytes(second.offset - first.offset)
        + data[second.offset :],
    )
    wal = open_after_crash(disk)
    assert content(wal).entries == ()
    assert wal.torn is not None
    assert wal.torn.size_bytes >= second.end - first.offset - 1


def test_an_entry_that_holds_a_copy_of_the_log_is_no_mark() -> None:
    """A client may store what looks like a mark; only salt and offset tell."""
    disk = MemoryDisk()
    wal = make_wal(disk, segment_bytes=1 << 16)
    write_one_by_one(wal, 2, 40)
    end = read_segment(disk, FIRST).found.end
    stolen = disk.read_file(FIRST)[:end]
    wal.append(None, entries(40, 41, data=stolen))
    wal.sync()
    record = read_segment(disk, FIRST).found.records[-1]
    disk.flip_bit(FIRST, 8 * record.offset + 40)
    wal = open_after_crash(disk)
    assert wal.torn is not None
    assert wal.last_index() == 39


# ---- damaged ----------------------------------------------------------------


def test_a_bad_record_before_a_later_mark_is_damage() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 6)
    record = read_segment(disk, FIRST).found.records[5]
    disk.flip_bit(FIRST, 8 * (record.end - 1))
    disk.crash()
    before = disk.read_file(FIRST)
    with pytest.raises(WalCorrupted) as refused:
        open_wal(disk)
    message = str(refused.value)
    assert message.startswith(f"{FIRST} is damaged at byte {record.offset}: expected ")
    assert "`raftwerk member replace`" in message
    assert "\n" not in message
    assert disk.read_file(FIRST) == before, "what is damaged is evidence"


def test_a_torn_batch_says_by_its_mark_that_the_one_before_is_damaged() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 6)
    records = read_segment(disk, FIRST).found.records
    for record in records[-1], records[-3]:
        disk.flip_bit(FIRST, 8 * (record.end - 1))
    with pytest.raises(WalCorrupted, match=f"at byte {records[-3].offset}:"):
        open_after_crash(disk)


def test_after_a_clean_stop_damage_to_the_last_batch_is_known() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 6)
    wal.close()
    records = read_segment(disk, FIRST).found.records
    disk.flip_bit(FIRST, 8 * (records[-2].end - 1))
    with pytest.raises(WalCorrupted, match=f"at byte {records[-2].offset}:"):
        open_after_crash(disk)


def test_after_a_mark_in_a_quiet_time_too() -> None:
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 6)
    wal.mark()
    wal.mark()
    records = read_segment(disk, FIRST).found.records
    assert [r.kind.name for r in records[-2:]] == ["APPEND", "MARK"]
    disk.flip_bit(FIRST, 8 * (records[-2].end - 1))
    with pytest.raises(WalCorrupted):
        open_after_crash(disk)


def test_after_a_start_damage_to_what_was_kept_is_known() -> None:
    disk = MemoryDisk()
    write_one_by_one(make_wal(disk), 2, 6)
    open_after_crash(disk)
    records = read_segment(disk, FIRST).found.records
    disk.flip_bit(FIRST, 8 * (records[-2].end - 1))
    with pytest.raises(WalCorrupted):
        open_after_crash(disk)


def test_damage_to_the_last_batch_without_a_mark_can_t_be_told_from_a_torn_one() -> (
    None
):
    """What `docs/decisions/0011-torn-or-damaged.md` says we give up."""
    disk = MemoryDisk()
    wal = make_wal(disk)
    write_one_by_one(wal, 2, 6)
    record = read_segment(disk, FIRST).found.records[-1]
    disk.flip_bit(FIRST, 8 * (record.end - 1))
    assert open_after_crash(disk).last_index() == 4


def small_log(is_closed: bool) -> MemoryDisk:
    """Return a disk with three segments."""
    disk = MemoryDisk()
    wal = make_wal(disk, segment_bytes=700)
    write_one_by_one(wal, 2, 18)
    wal.append(hard_state(3, commit=16, vote=2), entries(17, 20, term=3))
    wal.sync()
    if is_closed:
        wal.close()
    disk.crash()
    return disk


def durable_bytes(disk: MemoryDisk) -> Iterator[tuple[str, int]]:
    """Return each segment with the offset up to which it is known to be durable."""
    paths = [f"/data/wal/{name}" for name in segments(disk)]
    for path in paths[:-1]:
        yield path, read_segment(disk, path).found.end
    yield paths[-1], read_segment(disk, paths[-1]).found.marked_end


@pytest.mark.parametrize("bit_in_byte", range(8))
def test_every_flipped_bit_before_the_last_mark_is_refused(bit_in_byte: int) -> None:
    disk = small_log(is_closed=bit_in_byte % 2 == 0)
    assert len(segments(disk)) == 3
    for path, durable_end in durable_bytes(disk):
        for byte in range(durable_end):
            disk.flip_bit(path, 8 * byte + bit_in_byte)
            with pytest.raises(WalCorrupted, match="/data/wal/.* is damaged at byte"):
                recover(disk, "/data")
            disk.flip_bit(path, 8 * byte + bit_in_byte)
    recover(disk, "/data")


def test_a_flipped_bit_behind_the_last_mark_never_makes_up_anything() -> None:
    disk = small_log(is_closed=False)
    whole = recover(disk, "/data").log
    path = f"/data/wal/{segments(disk)[-1]}"
    found = read_segment(disk, path).found
    before = [entry.term for entry in content(whole).entries if entry.index < 17]
    for bit in range(8 * found.marked_end, 8 * found.written_end + 64):
        disk.flip_bit(path, bit)
        log = recover(disk, "/data").log
        terms = [entry.term for entry in content(log).entries]
        assert terms[: len(before)] == before
        assert log.last_index() in (17, 19)
        disk.flip_bit(path, bit)


def cut_short(disk: MemoryDisk, name: str, size: int) -> MemoryDisk:
    """Return a copy of a disk on which one segment has but its first bytes."""
    copy = MemoryDisk()
    for each in segments(disk):
        data = disk.read_file(f"/data/wal/{each}")
        copy.put_file(f"/data/wal/{each}", data[:size] if each == name else data)
    return copy


def test_a_sealed_segment_that_was_cut_short_is_damage() -> None:
    disk = small_log(is_closed=True)
    for name in segments(disk)[:-1]:
        path = f"/data/wal/{name}"
        end = read_segment(disk, path).found.end
        for size in (0, 5, 20, 200, end - 1):
            with pytest.raises(WalCorrupted, match=f"{path} is damaged at byte"):
                recover(cut_short(disk, name, size), "/data")
        recover(cut_short(disk, name, end), "/data")


def test_a_newest_segment_that_was_cut_short_ends_there_and_that_is_said() -> None:
    disk = small_log(is_closed=False)
    name = segments(disk)[-1]
    path = f"/data/wal/{name}"
    found = read_segment(disk, path).found
    for size in (0, 5, 20):
        with pytest.raises(WalCorrupted, match=f"{path} is damaged at byte"):
            recover(cut_short(disk, name, size), "/data")
    for size in range(found.marked_end, 700):
        torn = recover(cut_short(disk, name, size), "/data").torn
        assert torn is not None
        assert torn.offset <= found.end
        assert torn.size_bytes <= max(size - torn.offset, 0)
        assert "file" in torn.reason


@pytest.mark.parametrize("lost_bytes", [1, 100])
def test_a_segment_that_was_cut_short_gets_its_size_back(lost_bytes: int) -> None:
    disk = small_log(is_closed=False)
    name = segments(disk)[-1]
    path = f"/data/wal/{name}"
    end = read_segment(disk, path).found.end
    copy = cut_short(disk, name, end - lost_bytes)
    wal = open_wal(copy)
    assert len(copy.read_file(path)) == 700
    last_index = wal.last_index()
    wal.append(None, entries(last_index + 1, last_index + 2, term=3))
    wal.sync()
    copy.crash()
    assert recover(copy, "/data").log.last_index() == last_index + 1
    assert open_wal(copy).torn is None
