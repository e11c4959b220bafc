"""The machine's disk keeps the contract."""

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from raftwerk.errors import DirectoryLocked
from raftwerk.storage.disk import RealDisk
from tests.storage.disk_contract import DiskContract

pytestmark = pytest.mark.e2e


class TestRealDisk(DiskContract):
    @pytest.fixture(autouse=True)
    def _disk(self, tmp_path: Path) -> None:
        self.disk = RealDisk()
        self.root = str(tmp_path / "root")


def test_data_is_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    RealDisk().make_directory(str(directory))
    RealDisk().create(f"{directory}/file").close()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "file").stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="other systems sync otherwise")
def test_a_sync_reaches_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that goes on, nobody would notice that it is left out."""
    synced: list[str] = []
    for name in ("fdatasync", "fsync"):
        monkeypatch.setattr(
            os, name, lambda _descriptor, name=name: synced.append(name)
        )
    disk = RealDisk()
    file = disk.create(f"{tmp_path}/file")
    file.write_at(0, b"data")
    assert not synced
    file.sync()
    assert synced == ["fdatasync"]
    disk.sync_directory(str(tmp_path))
    assert synced == ["fdatasync", "fsync"]
    file.close()


def test_a_sync_reaches_the_drive_where_the_system_has_a_word_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS, where fsync is done once the drive's own cache has the data."""
    asked: list[int] = []
    monkeypatch.setattr("raftwerk.storage.disk._FULL_SYNC", 51)
    monkeypatch.setattr(fcntl, "fcntl", lambda _descriptor, word: asked.append(word))
    file = RealDisk().create(f"{tmp_path}/file")
    file.sync()
    file.close()
    assert asked == [51]


def test_a_short_write_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda f, d, o: write(f, bytes(d[:3]), o))
    file = RealDisk().create(f"{tmp_path}/file")
    file.write_at(2, b"0123456789")
    file.close()
    assert (tmp_path / "file").read_bytes() == b"\0\x000123456789"


HOLDER = """
import sys
from raftwerk.storage.disk import RealDisk
lock = RealDisk().lock(sys.argv[1], "n7")
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    path = f"{tmp_path}/LOCK"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DirectoryLocked, match=rf"process {holder.pid} \(n7\)"):
            RealDisk().lock(path, "n8")
        holder.kill()
        holder.wait()
    RealDisk().lock(path, "n8").close()
