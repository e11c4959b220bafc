"""Backups: the page that tells how is run as it stands; and what is refused."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import READY_SECONDS
from tests.e2e.commands import assert_refused, run
from tests.e2e.ports import free_ports
from tests.e2e.shell import blocks_of

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs" / "operating" / "backup.md"


class _Reader:
    """Whoever follows the page: a shell in an empty folder, and nodes started there."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(2)
        client, peer = ports[0], ports[1]
        self.folder = folder
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "RAFTWERK_ENDPOINTS": f"http://127.0.0.1:{client}",
            "RAFTWERK_LISTEN_CLIENT_URLS": f"http://127.0.0.1:{client}",
            "RAFTWERK_LISTEN_PEER_URLS": f"http://127.0.0.1:{peer}",
        }
        self._node: subprocess.Popen[bytes] | None = None

    def types(self, block: str, code: int = 0) -> str:
        """Run a block, and return what it prints."""
        ended = subprocess.run(
            ["bash", "-e", "-c", block],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self._environment,
            timeout=READY_SECONDS,
            check=False,
        )
        assert ended.returncode == code, (block, ended)
        return ended.stdout

    def starts(self, block: str) -> None:
        """Start a node, and wait until it answers."""
        assert self._node is None
        with (self.folder / "node.log").open("ab") as log:
            # pylint: disable-next=consider-using-with  # stopped by `stops`
            self._node = subprocess.Popen(
                ["bash", "-c", f"exec {block.strip()} --exit-with-parent"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment,
            )
        end = time.monotonic() + READY_SECONDS
        while True:
            asked = ["bash", "-c", "raftwerk get x"]
            ended = subprocess.run(
                asked, capture_output=True, env=self._environment, check=False
            )
            if ended.returncode == 0:
                return
            log_text = (self.folder / "node.log").read_text()
            assert time.monotonic() < end and self._node.poll() is None, log_text

    def stops(self) -> None:
        """Stop the node, if one runs, and wait for its end."""
        if self._node is not None:
            self._node.send_signal(signal.SIGTERM)
            assert self._node.wait(READY_SECONDS) == 0
            assert self._node.stdin is not None
            self._node.stdin.close()
            self._node = None


@pytest.fixture(name="reader")
def fixture_reader(tmp_path: Path) -> Iterator[_Reader]:
    reader = _Reader(tmp_path)
    yield reader
    reader.stops()


@pytest.mark.long
def test_the_page_goes_back_to_before_everything_was_deleted(reader: _Reader) -> None:
    serve, save, restore, bump, status, mistake, back = blocks_of(PAGE)
    reader.starts(serve)
    saved = reader.types(save)
    assert "checked and synced" in saved
    reader.types(restore)
    reader.types(bump)
    reader.types(mistake)
    assert reader.types("raftwerk get '' --prefix") == ""
    reader.stops()
    assert "no gaps" in reader.types(status)
    told = reader.types(back)
    assert "with 2 keys at revision 3" in told
    assert "as it was at" in told

    # The new cluster has what the old one had, and goes on.
    reader.starts("raftwerk serve --name=n1 --data-dir=before")
    everything = "raftwerk get '' --prefix"
    assert reader.types(everything) == "color\ngreen\nfruit\napple\n"
    reader.types("raftwerk put more now")
    reader.stops()


@pytest.mark.long
def test_what_can_not_be_restored_is_refused(reader: _Reader) -> None:
    reader.starts("raftwerk serve --name=n1 --data-dir=n1 --archive-dir=archive")
    reader.types("for i in 1 2 3 4 5; do raftwerk put k$i v$i; done")
    reader.types("raftwerk snapshot save whole")
    reader.stops()
    folder = reader.folder
    words = ["snapshot", "restore"]

    occupied = run(*words, "whole", "--name=n1", "--data-dir=n1", folder=folder)
    assert_refused(occupied, "has data already", "name one that has none")
    beyond = run(*words, "archive", "--revision=99", "--data-dir=x", folder=folder)
    assert_refused(beyond, "revision is 99", "goes up to revision 6")
    early = ["--time=2001-01-01T00:00:00Z", "--data-dir=x"]
    assert_refused(run(*words, "archive", *early, folder=folder), "begins later")
    bumped = run(*words, "whole", "--bump-revision=5", "--data-dir=x", folder=folder)
    assert_refused(bumped, "bump-revision", "--mark-compacted")
    mixed = run(*words, "whole", "--revision=3", "--data-dir=x", folder=folder)
    assert_refused(mixed, "is no archive")

    data = bytearray((folder / "whole").read_bytes())
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]
    data[len(data) // 2] ^= 1
    (folder / "torn").write_bytes(data)
    for command in (["snapshot", "status", "torn"], [*words, "torn", "--data-dir=x"]):
        torn = run(*command, folder=folder)
        assert torn.returncode == 1 and "torn is damaged" in torn.stderr, torn
    assert not os.path.exists(folder / "x" / "wal")


@pytest.mark.long
def test_what_two_members_were_restored_from_must_be_one(tmp_path: Path) -> None:
    ports = free_ports(2)
    cluster = ",".join(f"n{n}=http://127.0.0.1:{ports[n - 1]}" for n in (1, 2))

    def made(name: str, *flags: str) -> str:
        words = ["snapshot", "restore", "saved", f"--name={name}", "-o", "json"]
        data = f"--data-dir={'-'.join((name, *flags))}"
        initial = f"--initial-cluster={cluster}"
        ended = run(*words, data, initial, *flags, folder=tmp_path)
        assert ended.returncode == 0, ended
        return str(json.loads(ended.stdout)["cluster_id"])

    reader = _Reader(tmp_path)
    reader.starts("raftwerk serve --name=old --data-dir=old")
    try:
        reader.types("raftwerk put a b; raftwerk snapshot save saved")
    finally:
        reader.stops()
    first = made("n1")
    assert first == made("n2")
    assert first != made("n2", "--mark-compacted")
    assert first != made("n2", "--initial-cluster-token=t")


@pytest.mark.long
def test_revisions_that_were_left_out_are_never_used_again(reader: _Reader) -> None:
    reader.starts("raftwerk serve --name=n1 --data-dir=n1")
    reader.types("raftwerk put color green; raftwerk snapshot save saved")
    reader.stops()
    flags = "--bump-revision=1000 --mark-compacted --data-dir=bumped --name=n1"
    reader.types(f"raftwerk snapshot restore saved {flags}")
    reader.starts("raftwerk serve --name=n1 --data-dir=bumped")
    assert reader.types("raftwerk get '' --prefix") == "color\ngreen\n"
    # Whoever remembers a revision of before is told that it is gone.
    reader.types("raftwerk get color --rev=2", code=1)
    written = reader.types("raftwerk put color red -o json")
    assert json.loads(written)["header"]["revision"] == 1003
    reader.stops()
