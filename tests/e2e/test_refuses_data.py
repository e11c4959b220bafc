"""Data directories that can't work: one line each, exit code 2, nothing touched."""

import asyncio
import os
from pathlib import Path

import pytest

from raftwerk.config import Url
from raftwerk.storage.record import PREAMBLE_BYTES, encode_preamble
from raftwerk.storage.scan import FORMAT_VERSION, MAGIC
from tests.e2e.cluster import Cluster
from tests.e2e.commands import addresses, assert_refused, run
from tests.e2e.lone import lone_node, wait_for_answers

pytestmark = pytest.mark.e2e


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    for path in ("file", "file/below"):
        ended = run("serve", f"--data-dir={path}", *addresses(), folder=tmp_path)
        assert_refused(ended, f"data directory {path} is a file; name a directory")
    assert (tmp_path / "file").read_text() == "not a directory"


def test_what_no_directory_can_be_made_of_is_refused(tmp_path: Path) -> None:
    # Not by permissions alone: those of this test may be without bounds.
    for path in ("x" * 300, "/proc/nodes"):
        ended = run("serve", f"--data-dir={path}", *addresses(), folder=tmp_path)
        assert_refused(ended, f"data directory {path} can't be made: ", "another place")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions don't bite root")
@pytest.mark.parametrize("path", ["closed", "closed/below"])
def test_a_directory_that_may_not_be_written_is_refused(
    path: str, tmp_path: Path
) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    ended = run("serve", f"--data-dir={path}", *addresses(), folder=tmp_path)
    assert_refused(ended, f"data directory {path} can't be written: ", "the user")


def test_a_first_cluster_that_is_not_ours_is_refused_without_data_alone(
    tmp_path: Path,
) -> None:
    """A member that has moved is started with its old list and its new address."""
    moved = Url("127.0.0.1", 1)  # named, not listened on
    with lone_node(tmp_path) as node:
        usual = node.flags
        for flag in (
            f"--initial-cluster=n2={moved}",
            f"--initial-advertise-peer-urls={moved}",
        ):
            node.kill()
            fresh = [*usual, f"--data-dir={tmp_path / 'fresh'}"]
            refused = run("serve", *fresh, flag, folder=tmp_path)
            assert_refused(refused, flag[2:].partition("=")[0], "n1")
            node.flags = [*usual, flag]
            node.start()
            wait_for_answers(node)


def test_data_of_another_node_or_of_a_newer_format_or_no_files_are_refused(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with Cluster(tmp_path, size=1) as cluster:
            (node,) = cluster.nodes
            await cluster.leader()
            node.kill()
            flags = [f"--data-dir={node.data_dir}", *addresses()]

            ended = run("serve", *flags, "--name=other", folder=tmp_path)
            assert_refused(ended, f"data-dir is {node.data_dir}, ", "n1", "other")

            (path,) = node.data_dir.glob("wal/*.wal")
            data = path.read_bytes()
            newer = encode_preamble(MAGIC, FORMAT_VERSION + 1)
            path.write_bytes(newer + data[PREAMBLE_BYTES:])
            ended = run("serve", *flags, "--name=n1", folder=tmp_path)
            assert_refused(
                ended,
                f"{path} has format {FORMAT_VERSION + 1}",
                f"reads formats 1 to {FORMAT_VERSION}",
                "use the version that wrote it",
            )
            assert path.read_bytes().startswith(newer)

            path.unlink()
            path.mkdir()
            ended = run("serve", *flags, "--name=n1", folder=tmp_path)
            assert_refused(ended, f"cannot read {path}", "must be as raftwerk made it")
            path.rmdir()

            # None of them has harmed it.
            path.write_bytes(data)
            node.start()
            await cluster.leader()

    asyncio.run(story())
