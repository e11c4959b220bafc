"""The store's limits on three real nodes: memory a key, pauses, restart.

    python benchmarks/bench_store.py [--keys N] [--directory FOLDER]

Sketch: a key with 100 bytes of value is one object of the store's with six fields, two
texts, a place in a dictionary, one in a sorted list and two in the history: about half
a kilobyte. All that goes over every key (a snapshot, a range, a compaction, a hash) is
done in steps of about a millisecond, or beside the loop, where it may take the
interpreter for 5 ms at a time: so no request should wait longer than some tens of ms,
and no heartbeat be late.

One client in a process of its own puts and reads a key at the leader all the time; a
pause is the longest time between two answers that it got.
"""

import argparse
import http.client
import json
import signal
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import meters
from clusters import Cluster, Member, RunFailed, describe, encoded, raftwerk_cluster

VALUE = b"x" * 100
PAUSE_MILLIS_MAX = 150.0
READ_BYTES = 1 << 20
QUIET_SECONDS = 5.0


def key_of(number: int) -> bytes:
    """Return one of the keys."""
    return b"key-%012d" % number


def probe(port: int, told: Connection) -> None:
    """Put and read one key all the time; say the longest time between two answers."""
    bodies = [
        ("/v3/kv/put", json.dumps(encoded({"key": b"probe", "value": b"1"}))),
        ("/v3/kv/range", json.dumps(encoded({"key": b"probe"}))),
    ]
    caller = http.client.HTTPConnection("127.0.0.1", port)
    longest, answers, last = 0.0, 0, time.perf_counter()
    while True:
        for path, body in bodies:
            caller.request("POST", path, body)
            answer = caller.getresponse()
            answer.read()
            now = time.perf_counter()
            if answer.status == http.client.OK:
                longest, last, answers = max(longest, now - last), now, answers + 1
        if told.poll():
            if told.recv() == "end":
                return
            told.send((longest * 1e3, answers))
            longest, answers = 0.0, 0


class Prober:
    """The client that asks all the time."""

    def __init__(self, port: int) -> None:
        context = get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=probe, args=(port, theirs), daemon=True)
        self._process.start()
        self.take()

    def take(self) -> tuple[float, int]:
        """Return the longest pause since the last call, in ms, and the answers."""
        self._ours.send("say")
        pause, answers = self._ours.recv()
        return pause, answers

    def end(self) -> None:
        """Let it end."""
        self._ours.send("end")
        self._process.join()


def ask(member: Member, path: str, fields: object) -> int:
    """Have a member answer, however long that takes; return the bytes of the answer."""
    caller = http.client.HTTPConnection("127.0.0.1", member.port, timeout=600.0)
    caller.request("POST", path, json.dumps(fields))
    answer = caller.getresponse()
    size = 0
    while piece := answer.read(READ_BYTES):
        size += len(piece)
    caller.close()
    if answer.status != http.client.OK:
        raise RunFailed(f"{path} was answered with status {answer.status}")
    return size


def bytes_a_key(cluster: Cluster, empty: float, keys: int) -> str:
    """Return what the members' processes have grown by, for each key."""
    grown = [
        (meters.resident_mebibytes([pid]) * 2**20 - empty) / keys
        for pid in cluster.pids
    ]
    return " ".join(f"{each:,.0f}" for each in grown)


def measure(cluster: Cluster, keys: int) -> None:
    """Print all figures."""
    term, leader = cluster.leader()
    empty = min(meters.resident_mebibytes([pid]) for pid in cluster.pids) * 2**20
    pairs = [(key_of(number), VALUE) for number in range(keys)]
    start = time.perf_counter()
    cluster.fill(pairs)
    print(f"{keys:,} keys put in {time.perf_counter() - start:.1f} s")
    print(f"memory a key, bytes in each member: {bytes_a_key(cluster, empty, keys)}")
    cluster.fill(pairs)
    print(f"with one older version of each:     {bytes_a_key(cluster, empty, keys)}")
    print(f"leader changes while filling: {cluster.leader()[0] - term}")

    term, leader = cluster.leader()
    prober = Prober(leader.port)
    print(f"\n{'while':<42}{'took s':>8}{'longest pause ms':>18}{'answers/s':>11}")

    def during(what: str, work: Callable[[], object]) -> None:
        """Do some work, and print the longest pause meanwhile."""
        prober.take()
        start = time.perf_counter()
        work()
        took = time.perf_counter() - start
        pause, answers = prober.take()
        mark = "" if pause <= PAUSE_MILLIS_MAX else "  too long"
        print(f"{what:<42}{took:>8.2f}{pause:>18.1f}{answers / took:>11.0f}{mark}")

    everything = encoded({"key": b"\0", "range_end": b"\0"})
    revision = leader.call("/v3/kv/range", encoded({"key": b"any"}))
    if revision is None:
        raise RunFailed("the leader does not answer")
    newest = revision["header"]["revision"]
    during("nothing else", lambda: time.sleep(QUIET_SECONDS))
    during("a snapshot is written", lambda: ask(leader, "/api/v1/snapshot", {}))
    during(
        "all keys are counted",
        lambda: ask(leader, "/v3/kv/range", {**everything, "count_only": True}),
    )
    during("all keys are read", lambda: ask(leader, "/v3/kv/range", everything))
    during(
        "all keys are read as of an older revision",
        lambda: ask(
            leader, "/v3/kv/range", {**everything, "revision": str(int(newest) // 2)}
        ),
    )
    during("the store is hashed", lambda: ask(leader, "/v3/maintenance/hash", {}))
    during("the store is sent", lambda: ask(leader, "/v3/maintenance/snapshot", {}))
    compaction = {"revision": newest, "physical": True}
    during("a compaction runs", lambda: ask(leader, "/v3/kv/compaction", compaction))
    during(
        "a snapshot is written after it", lambda: ask(leader, "/api/v1/snapshot", {})
    )
    prober.end()
    print(f"changes of leader meanwhile: {cluster.leader()[0] - term}")
    print(f"memory a key after it, bytes: {bytes_a_key(cluster, empty, keys)}")

    follower = next(m for m in cluster.members if m is not cluster.leader()[1])
    follower.end(signal.SIGKILL)
    start = time.perf_counter()
    follower.start()
    follower.await_serving()
    print(f"a killed follower serves again after {time.perf_counter() - start:.1f} s")


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--directory", default=".")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        describe(Path(folder))
        with raftwerk_cluster(Path(folder)) as cluster:
            measure(cluster, options.keys)


if __name__ == "__main__":
    main()
