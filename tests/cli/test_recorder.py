"""A recording on a disk: lines, a bound, and a disk that is full."""

from pathlib import Path

import pytest

from raftwerk.cli import recorder as module
from raftwerk.cli.recorder import Recorder
from raftwerk.errors import ConfigError

pytestmark = pytest.mark.e2e


def test_each_record_is_a_line_that_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("of an earlier run")
    with Recorder(str(path)) as recorder:
        recorder.write([b"1", b"2"])
        assert path.read_bytes() == b"1\n2\n"


def test_a_file_that_is_large_enough_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILE_BYTES_MAX", 10)
    path = tmp_path / "events.jsonl"
    with Recorder(str(path)) as recorder:
        for _ in range(10):
            recorder.write([b"1234"])
    assert path.read_bytes() == b"1234\n1234\n"


def test_a_file_that_can_t_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "events.jsonl"
    with pytest.raises(ConfigError, match="record-events is .*missing"):
        Recorder(str(path))


def test_a_full_disk_ends_the_recording_and_nothing_else() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with Recorder(str(full)) as recorder:
        recorder.write([b"1"])
        recorder.write([b"2"])
