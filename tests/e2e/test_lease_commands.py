"""``lease``, ``lock`` and ``elect``, as people type them, against a real node."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.cluster import READY_SECONDS, NodeProcess

# pylint: disable-next=unused-import  # fixtures are found by their names
from tests.e2e.test_commands import Type, fixture_node, fixture_type_in

pytestmark = pytest.mark.e2e


def granted(said: str) -> str:
    """Return the id of a lease that was granted."""
    found = re.fullmatch(r"lease ([0-9a-f]{16}) granted with TTL\(60s\)\n", said)
    assert found is not None, said
    return found[1]


@contextmanager
def begun(node: NodeProcess, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """Begin a command that ends when it is told to."""
    place = f"--endpoints={node.client}"
    command = [sys.executable, "-m", "raftwerk", words[0], place, *words[1:]]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: "subprocess.Popen[str]") -> str:
    """Return the next line that a command prints."""
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_lease_is_granted_looked_at_and_revoked(type_in: Type) -> None:
    lease = granted(type_in("lease", "grant", "60"))
    type_in("put", "leased", "x", f"--lease={lease}")
    said = type_in("lease", "timetolive", lease, "--keys")
    assert re.fullmatch(
        rf"lease {lease} granted with TTL\(60s\), remaining\(\d+s\),"
        r" attached keys\(\[leased\]\)\n",
        said,
    )
    told = type_in("lease", "keep-alive", lease, "--once")
    assert told == f"lease {lease} keepalived with TTL(60)\n"
    assert lease in type_in("lease", "list").splitlines()
    listed = json.loads(type_in("lease", "list", "-o", "json"))
    assert int(lease, 16) in [each["ID"] for each in listed["leases"]]
    assert type_in("lease", "revoke", lease) == f"lease {lease} revoked\n"
    assert type_in("get", "leased") == ""
    expired = f"lease {lease} already expired\n"
    assert type_in("lease", "timetolive", lease) == expired
    said = type_in("lease", "keep-alive", lease, "--once", code=1)
    assert "expired or revoked" in said
    assert "requested lease not found" in type_in("lease", "revoke", lease, code=1)
    assert "hexadecimal" in type_in("lease", "revoke", "xyz", code=2)


def test_a_lock_is_held_until_it_is_interrupted(
    node: NodeProcess, type_in: Type
) -> None:
    with begun(node, "lock", "m") as first:
        key = line_of(first).strip()
        assert re.fullmatch(r"m/[0-9a-f]+", key)
        with begun(node, "lock", "m") as second:
            until_listed(type_in, "m/", 2)
            first.send_signal(signal.SIGINT)
            assert first.wait(READY_SECONDS) == 130
            assert line_of(second).strip() != key
            assert type_in("get", "m/", "--prefix", "--keys-only").count("m/") == 1
            second.send_signal(signal.SIGTERM)
            assert second.wait(READY_SECONDS) == 128 + signal.SIGTERM
            assert type_in("get", "m/", "--prefix") == ""


def test_a_command_runs_while_the_lock_is_held(
    node: NodeProcess, type_in: Type
) -> None:
    script = (
        "import os; print(os.environ['ETCD_LOCK_KEY'], os.environ['ETCD_LOCK_REV'])"
    )
    with begun(node, "lock", "c", sys.executable, "-c", script) as process:
        key, revision = line_of(process).split()
        assert process.wait(READY_SECONDS) == 0
    assert key.startswith("c/")
    assert int(revision) > 0
    assert type_in("get", "c/", "--prefix") == ""
    with begun(
        node, "lock", "c", "--", sys.executable, "-c", "raise SystemExit(7)"
    ) as failed:
        assert failed.wait(READY_SECONDS) == 7
    with begun(node, "lock", "c", "no-such-program") as failed:
        _, said = failed.communicate(timeout=READY_SECONDS)
        assert (failed.returncode, said.count("\n")) == (1, 1)
        assert "no-such-program" in said


def test_who_is_elected_is_heard(node: NodeProcess, type_in: Type) -> None:
    with begun(node, "elect", "e", "--listen") as listening:
        with begun(node, "elect", "e", "me") as leading:
            key = line_of(leading)
            assert key.startswith("e/")
            assert line_of(leading) == "me\n"
            assert line_of(listening) == key
            assert line_of(listening) == "me\n"
            leading.send_signal(signal.SIGINT)
            assert leading.wait(READY_SECONDS) == 130
    assert type_in("get", "e/", "--prefix") == ""
    assert "PROPOSAL" in type_in("elect", "e", code=2)


def until_listed(type_in: Type, prefix: str, count: int) -> None:
    """Wait until so many keys begin with a prefix."""
    end = time.monotonic() + READY_SECONDS
    while type_in("get", prefix, "--prefix", "--keys-only").count(prefix) < count:
        assert time.monotonic() < end, f"no {count} keys in time"
