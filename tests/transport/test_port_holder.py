"""Who has a port: by the files in which Linux tells it."""

import socket
from pathlib import Path

import pytest

from raftwerk.transport.port_holder import holder_of

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  inode
   0: 0100007F:094C 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 777 1 0
   1: 0100007F:094D 0100007F:094C 01 00000000:00000000 00:00000000 00000000  0 0 778 1 0
"""


def system(root: Path) -> Path:
    """Write a system in which process 42, "etcd", listens on port 2380."""
    (root / "net").mkdir()
    (root / "net" / "tcp").write_text(TABLE, encoding="ascii")
    for pid, name, files in (("7", "sh", ["pipe:[777]"]), ("42", "etcd", ["x", "y"])):
        (root / pid / "fd").mkdir(parents=True)
        (root / pid / "comm").write_text(f"{name}\n", encoding="ascii")
        for number, target in enumerate(files):
            (root / pid / "fd" / str(number)).symlink_to(target)
    (root / "42" / "fd" / "9").symlink_to("socket:[777]")
    (root / "self").mkdir()
    return root


@pytest.mark.e2e
def test_the_process_is_named_with_its_number(tmp_path: Path) -> None:
    assert holder_of(2380, system(tmp_path)) == "process 42 (etcd)"


@pytest.mark.e2e
def test_a_connection_from_the_port_does_not_hold_it(tmp_path: Path) -> None:
    assert holder_of(2381, system(tmp_path)) == "another process"


@pytest.mark.e2e
def test_a_system_that_tells_nothing_is_no_error(tmp_path: Path) -> None:
    assert holder_of(2380, tmp_path / "nothing") == "another process"


@pytest.mark.e2e
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
def test_this_process_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = holder_of(listener.getsockname()[1])
    comm = Path("/proc/self/comm").read_text(encoding="ascii").strip()
    assert told == f"process {Path('/proc/self').readlink()} ({comm})"
