"""How long nobody can write when the leader is killed, beside etcd.

    python benchmarks/bench_failover.py [--kills N] [--idle-minutes M] [--keys K]

Sketch: the two survivors notice after an election timeout, 150 to 300 ms from the last
heartbeat, which is up to 50 ms old; the shorter of their two draws decides. Then come
two rounds of votes and one of replication, three syncs among them: some milliseconds
on a quiet machine. So the next write is acknowledged after about 200 ms in the middle,
and after 300 ms at the worst, unless the two stand at once and split the vote.

The leader is killed with SIGKILL; from then on a new attempt goes to each survivor
every 25 ms, and the first acknowledgement ends the clock. The clusters take turns: ours
with its defaults, etcd with its defaults (heartbeat 100 ms, election from 1,000 ms),
and etcd with our timeouts, as near as it takes them: it draws from E to 2 E, as we do,
but wants E to be five heartbeats, so it is given E = 150 ms and heartbeats of 30 ms.

Then all are left alone for some minutes: a term that passes meanwhile is a false
election. Last, keys are written one by one, and a node is killed and started again:
the clock ends with its first linearizable read.

Without options this takes about a quarter of an hour. For a quick look:

    python benchmarks/bench_failover.py --kills 3 --idle-minutes 0 --keys 10000
"""

import argparse
import asyncio
import contextlib
import random
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import clusters
import load
import meters
import msgspec
from clusters import Cluster, Member, RunFailed, encoded, etcd_cluster, raftwerk_cluster

ATTEMPT_SECONDS = 0.025
GIVE_UP_SECONDS = 30.0
SETTLE_SECONDS = 1.0
"""After all are back; a draw of as much again keeps us out of step with heartbeats."""

WRITERS = 64
VALUE_BYTES = 100
OUR_TIMEOUTS = ("--heartbeat-interval=30", "--election-timeout=150")


async def put_once(port: int, body: bytes) -> bool:
    """Tell whether a write was acknowledged, over a connection of its own."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(
                b"POST /v3/kv/put HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            return (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        finally:
            writer.close()
    except OSError:
        return False


async def seconds_to_write(survivors: Sequence[Member], began: float) -> float:
    """Return after how long a write was acknowledged by one of the survivors."""
    acknowledged = asyncio.Event()

    async def attempt(member: Member, number: int) -> None:
        value = b"%d" % number
        body = msgspec.json.encode(encoded({"key": b"failover", "value": value}))
        if await put_once(member.port, body):
            acknowledged.set()

    loop = asyncio.get_running_loop()
    attempts = set()
    for number in range(int(GIVE_UP_SECONDS / ATTEMPT_SECONDS)):
        for member in survivors:
            attempts.add(loop.create_task(attempt(member, number)))
        # By the clock, so that a late turn makes no attempt late but the next.
        next_at = began + (number + 1) * ATTEMPT_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(next_at - time.perf_counter(), 0.001)):
                await acknowledged.wait()
        if acknowledged.is_set():
            seconds = time.perf_counter() - began
            for each in attempts:
                each.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)
            return seconds
    raise RunFailed(f"no write was acknowledged within {GIVE_UP_SECONDS:g} s")


def fail_over(cluster: Cluster) -> float:
    """Kill the leader, return the seconds to the next write, and bring it back."""
    for member in cluster.members:
        member.await_serving()
    time.sleep(SETTLE_SECONDS * random.uniform(1.0, 2.0))
    _, leader = cluster.leader()
    survivors = [member for member in cluster.members if member is not leader]
    began = time.perf_counter()
    leader.end(signal.SIGKILL)
    seconds = asyncio.run(seconds_to_write(survivors, began))
    leader.start()
    leader.await_serving()
    return seconds


def report_kills(cluster: Cluster, all_seconds: Sequence[float]) -> None:
    """Print one line."""
    millis = sorted(each * 1e3 for each in all_seconds)
    print(
        f"| {cluster.title} | {len(millis)} | {millis[0]:.0f}"
        f" | {statistics.median(millis):.0f} | {millis[-1]:.0f} |",
        flush=True,
    )


def compare_kills(all_clusters: Sequence[Cluster], kills: int) -> None:
    """Kill leaders in turns."""
    took: list[list[float]] = [[] for _ in all_clusters]
    for _ in range(kills):
        for cluster, seconds in zip(all_clusters, took, strict=True):
            seconds.append(fail_over(cluster))
    print("\nmilliseconds from the kill of the leader to the next acknowledged write\n")
    print("| cluster | kills | best | median | worst |")
    print("|---|---:|---:|---:|---:|")
    for cluster, seconds in zip(all_clusters, took, strict=True):
        report_kills(cluster, seconds)


def stay_idle(all_clusters: Sequence[Cluster], minutes: float) -> None:
    """Leave all alone, and print how many terms passed."""
    before = [cluster.leader()[0] for cluster in all_clusters]
    time.sleep(minutes * 60)
    print(f"\nterms that passed in {minutes:g} idle minutes\n")
    print("| cluster | terms |")
    print("|---|---:|")
    for cluster, term in zip(all_clusters, before, strict=True):
        print(f"| {cluster.title} | {cluster.leader()[0] - term} |", flush=True)


def write_keys(cluster: Cluster, keys: int) -> None:
    """Write keys one by one."""
    value = b"x" * VALUE_BYTES
    bodies = [
        msgspec.json.encode(encoded({"key": b"key-%012d" % number, "value": value}))
        for number in range(keys)
    ]
    _, leader = cluster.leader()
    outcome = load.send_each(leader.port, "/v3/kv/put", bodies, WRITERS)
    if outcome.errors:
        raise RunFailed(f"{cluster.title} refused {outcome.errors} writes")


def restart(cluster: Cluster) -> tuple[float, float]:
    """Kill a follower, and return the seconds from its start to its first read.

    And those of CPU that it took for that: they are nearly the same on a busy machine.
    """
    _, leader = cluster.leader()
    follower = next(member for member in cluster.members if member is not leader)
    follower.end(signal.SIGKILL)
    began = time.perf_counter()
    follower.start()
    follower.await_serving()
    return time.perf_counter() - began, meters.cpu_seconds([follower.pid])


def compare_restarts(all_clusters: Sequence[Cluster], keys: int, restarts: int) -> None:
    """Write keys, and start a node again, in turns."""
    for cluster in all_clusters:
        write_keys(cluster, keys)
    took: list[list[tuple[float, float]]] = [[] for _ in all_clusters]
    for _ in range(restarts):
        for cluster, starts in zip(all_clusters, took, strict=True):
            starts.append(restart(cluster))
    print(f"\nseconds from a start with {keys:,} written keys to the first read\n")
    print("| cluster | starts | best | median | worst | CPU, median |")
    print("|---|---:|---:|---:|---:|---:|")
    for cluster, starts in zip(all_clusters, took, strict=True):
        seconds = [each for each, _ in starts]
        cpu = statistics.median(each for _, each in starts)
        print(
            f"| {cluster.title} | {len(seconds)} | {min(seconds):.2f}"
            f" | {statistics.median(seconds):.2f} | {max(seconds):.2f} | {cpu:.2f} |"
        )


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--kills", type=int, default=20, help="of each cluster (%(default)s; 0: none)"
    )
    parser.add_argument(
        "--idle-minutes",
        type=float,
        default=10.0,
        help="in which no term may pass (%(default)g; 0: none)",
    )
    parser.add_argument(
        "--keys",
        type=int,
        default=100_000,
        help="written before the restarts (%(default)s; 0: no restart)",
    )
    parser.add_argument(
        "--restarts", type=int, default=3, help="of a killed node (%(default)s)"
    )
    parser.add_argument("--directory", help="on the disk to use", default=None)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(dir=options.directory))
        )
        clusters.describe(folder)
        all_clusters = [stack.enter_context(raftwerk_cluster(folder))]
        if clusters.has_etcd():
            like_us = etcd_cluster(folder, *OUR_TIMEOUTS, title="etcd, our timeouts")
            all_clusters += [
                stack.enter_context(etcd_cluster(folder)),
                stack.enter_context(like_us),
            ]
        if options.kills:
            compare_kills(all_clusters, options.kills)
        if options.idle_minutes:
            stay_idle(all_clusters, options.idle_minutes)
        if options.keys:
            compare_restarts(all_clusters[:2], options.keys, options.restarts)


if __name__ == "__main__":
    main()
