"""What grows with the cluster: keys, watchers, members, and memory over time.

    python benchmarks/bench_growth.py [--keys N] [--rounds R] [--seconds S]
        [--only keys watchers members overwriting] [--minutes M]

Sketch: a put looks at its own key, at no other, so its cost does not grow with the
keys; what grows is the snapshot, which is written when the log has grown by as much, so
its share of a put does not grow either. But the first one comes soon after the load
that it is about, so puts are measured while it is written, and after it. A watcher of
something else costs a look into a tree of ranges. Each further member costs the leader
an encoding, two system calls and an answer for each batch, and the machine one more
process that does what a follower does; on two processors that is what is felt. Memory
is the versions that can still be seen: with a compaction now and then, overwriting must
not grow it.

All puts are made at the leader, 64 at a time, values of 100 bytes. What is compared is
measured in turns in one run. `--only overwriting --minutes 10` is the long one.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import clusters
import load
import meters
import msgspec
from clusters import Cluster, RunFailed, encoded, etcd_cluster, raftwerk_cluster

CONNECTIONS = 64
VALUE_BYTES = 100
FEW_KEYS = 10_000
WATCHERS = 1_000
SIZES = (3, 5, 7)
RETENTION = "1m"
"""What is kept where compaction is automatic: by time, for what is kept by revisions is
looked at every five minutes only, here as in etcd."""
SETTLE_SECONDS = 0.3
SNAPSHOT_COUNT = 10_000
"""After so many entries the first snapshot is due: the default of our nodes."""
SNAPSHOT_SECONDS_MAX = 600.0


def bodies_of(count: int) -> list[bytes]:
    """Return puts of some of so many keys."""
    draw = random.Random(1)
    numbers = range(count) if count <= FEW_KEYS else draw.sample(range(count), FEW_KEYS)
    return [
        msgspec.json.encode(
            encoded({"key": name_of(number), "value": draw.randbytes(VALUE_BYTES)})
        )
        for number in numbers
    ]


def name_of(number: int) -> bytes:
    """Return a key."""
    return b"key-%012d" % number


def fill(cluster: Cluster, count: int) -> None:
    """Write so many keys."""
    began = time.monotonic()
    cluster.fill([(name_of(number), b"x" * VALUE_BYTES) for number in range(count)])
    print(
        f"{cluster.title} has {count:,} keys after {time.monotonic() - began:.0f} s",
        file=sys.stderr,
    )


class Loaded:
    """A cluster, and what each round of puts showed."""

    def __init__(self, cluster: Cluster, bodies: Sequence[bytes]) -> None:
        self.cluster = cluster
        self.rates: list[float] = []
        self.elections = 0
        self.writes = 0
        self.cpu_seconds = 0.0
        self._bodies = bodies

    def measure(self, seconds: float) -> None:
        """Make one round."""
        term, leader = self.cluster.leader()
        time.sleep(SETTLE_SECONDS)
        before = meters.cpu_seconds(self.cluster.pids)
        outcome = load.drive(
            leader.port, "/v3/kv/put", self._bodies, CONNECTIONS, seconds
        )
        self.cpu_seconds += meters.cpu_seconds(self.cluster.pids) - before
        if outcome.requests <= outcome.errors:
            raise RunFailed(f"{self.cluster.title} answered no put")
        self.rates.append(outcome.per_second)
        self.writes += outcome.requests - outcome.errors
        self.elections += self.cluster.leader()[0] - term

    @property
    def cpu_micros(self) -> float:
        """What a put took of processors in all members together."""
        return self.cpu_seconds / self.writes * 1e6

    @property
    def rate(self) -> float:
        """The median of all rounds, puts a second."""
        return statistics.median(self.rates)


def in_turns(all_loaded: Sequence[Loaded], rounds: int, seconds: float) -> None:
    """Measure all of them in each round, in an order that rotates."""
    for number in range(rounds):
        turn = number % len(all_loaded)
        for loaded in [*all_loaded[turn:], *all_loaded[:turn]]:
            loaded.measure(seconds)


def say_pair(title: str, few: Loaded, many: Loaded) -> None:
    """Print how one compares with the other."""
    ratios = [b / a for a, b in zip(few.rates, many.rates, strict=True)]
    print(
        f"{title}: {many.rate:,.0f} puts/s beside {few.rate:,.0f},"
        f" {statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f});"
        f" {many.cpu_micros:.0f} us of CPU a put beside {few.cpu_micros:.0f};"
        f" elections: {few.elections + many.elections}"
    )


# ---- keys -------------------------------------------------------------------------


def measure_keys(options: argparse.Namespace, folder: Path) -> None:
    """Compare a store of many keys with one of few."""
    with raftwerk_cluster(folder, title="few") as few:
        with raftwerk_cluster(folder, title="many") as many:
            fill(few, FEW_KEYS)
            empty = meters.resident_mebibytes(many.pids)
            fill(many, options.keys)
            grown = meters.resident_mebibytes(many.pids) - empty
            each = grown * 2**20 / len(many.pids) / options.keys
            print(f"memory: {each:.0f} bytes a key and member, the log included")
            bodies = bodies_of(FEW_KEYS), bodies_of(options.keys)
            await_due(many, bodies[1])
            for when in ("while the first snapshot is written", "after it"):
                pair = Loaded(few, bodies[0]), Loaded(many, bodies[1])
                in_turns(pair, options.rounds, options.seconds)
                say_pair(f"{options.keys:,} keys beside {FEW_KEYS:,}, {when}", *pair)
                if not has_snapshots(many):
                    began = time.monotonic()
                    await_snapshots(many)
                    waited = time.monotonic() - began
                    print(f"it is written {waited:.0f} s after the last of these puts")


def has_snapshots(cluster: Cluster) -> bool:
    """Tell whether each member's log begins with a snapshot that it has written."""
    answers = [member.get("/api/v1/raft/") for member in cluster.members]
    return all(answer and answer["data"]["first_index"] > 1 for answer in answers)


def await_snapshots(cluster: Cluster) -> None:
    """Return once they have."""
    end = time.monotonic() + SNAPSHOT_SECONDS_MAX
    while not has_snapshots(cluster):
        if time.monotonic() > end:
            raise RunFailed(f"{cluster.title} has written no snapshot")
        time.sleep(SETTLE_SECONDS)


def await_due(cluster: Cluster, bodies: Sequence[bytes]) -> None:
    """Put until a snapshot is due, if none was written while the keys were."""
    _, leader = cluster.leader()
    while not has_snapshots(cluster):
        answer = leader.get("/api/v1/raft/")
        if answer and answer["data"]["applied_index"] > SNAPSHOT_COUNT:
            return
        load.drive(leader.port, "/v3/kv/put", bodies, CONNECTIONS, 1)


# ---- watchers ---------------------------------------------------------------------


@contextlib.asynccontextmanager
async def watching(port: int, count: int) -> AsyncIterator[None]:
    """Hold so many watch streams open, of keys that nobody writes."""
    streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        for number in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            streams.append((reader, writer))
            create = {"create_request": encoded({"key": b"elsewhere-%d" % number})}
            body = msgspec.json.encode(create)
            writer.write(
                b"POST /v3/watch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n"
                b"\r\n%b" % (len(body), body)
            )
            await writer.drain()
        for reader, _ in streams:
            async with asyncio.timeout(30.0):
                await reader.readuntil(b'"created":true')
        yield
    finally:
        for _, writer in streams:
            writer.close()


def measure_watchers(options: argparse.Namespace, folder: Path) -> None:
    """Compare a cluster that many watch with one that nobody does."""
    with raftwerk_cluster(folder, title="watched") as watched:
        with raftwerk_cluster(folder, title="alone") as alone:
            bodies = bodies_of(FEW_KEYS)
            pair = Loaded(alone, bodies), Loaded(watched, bodies)

            async def measured() -> None:
                _, leader = watched.leader()
                async with watching(leader.port, WATCHERS):
                    # Nothing is written to them, so nobody need read meanwhile.
                    in_turns(pair, options.rounds, options.seconds)

            asyncio.run(measured())
            say_pair(f"{WATCHERS:,} watchers of other keys beside none", *pair)


# ---- members ----------------------------------------------------------------------


def measure_members(options: argparse.Namespace, folder: Path) -> None:
    """Compare three, five and seven members, beside etcd's."""
    if not clusters.has_etcd():
        return
    print("| members | raftwerk | etcd | raftwerk / etcd | elections |")
    print("|---:|---:|---:|---:|---:|")
    makers: tuple[Callable[..., Cluster], ...] = (raftwerk_cluster, etcd_cluster)
    for size in SIZES:
        names = (f"raftwerk-{size}", f"etcd-{size}")
        with contextlib.ExitStack() as stack:
            ours, etcd = (
                Loaded(
                    stack.enter_context(make(folder, title=name, count=size)),
                    bodies_of(FEW_KEYS),
                )
                for make, name in zip(makers, names, strict=True)
            )
            in_turns((ours, etcd), options.rounds, options.seconds)
            print(
                f"| {size} | {ours.rate:,.0f}/s | {etcd.rate:,.0f}/s"
                f" | {ours.rate / etcd.rate:.2f} x"
                f" | {ours.elections}, {etcd.elections} |",
                flush=True,
            )


# ---- time -------------------------------------------------------------------------


def measure_overwriting(options: argparse.Namespace, folder: Path) -> None:
    """Overwrite the same keys for long, and look at the memory."""
    flags = (
        "--auto-compaction-mode=periodic",
        f"--auto-compaction-retention={RETENTION}",
    )
    clusters_of = [raftwerk_cluster(folder, *flags)]
    if clusters.has_etcd():
        clusters_of.append(etcd_cluster(folder, *flags))
    period = max(options.minutes * 60 / 10, 1)
    with contextlib.ExitStack() as stack:
        all_loaded = [
            Loaded(stack.enter_context(cluster), bodies_of(FEW_KEYS))
            for cluster in clusters_of
        ]
        share = period / len(all_loaded)
        for number in range(10):
            said = []
            for loaded in all_loaded:
                loaded.measure(max(share, 1))
                held = meters.resident_mebibytes(loaded.cluster.pids)
                kept = meters.stored_mebibytes(folder / loaded.cluster.title)
                said.append(
                    f"{loaded.cluster.title} {loaded.writes:,} writes,"
                    f" {held:,.0f} MiB in memory, {kept:,.0f} on the disk"
                )
            print(
                f"after {(number + 1) * period / 60:.1f} minutes: {'; '.join(said)}",
                flush=True,
            )
        for loaded in all_loaded:
            print(
                f"{loaded.cluster.title}: {loaded.rate:,.0f} puts/s;"
                f" elections: {loaded.elections}"
            )


PARTS = {
    "keys": measure_keys,
    "watchers": measure_watchers,
    "members": measure_members,
    "overwriting": measure_overwriting,
}


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2, help="for each load")
    parser.add_argument("--minutes", type=float, default=1.0, help="of overwriting")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--directory", help="on the disk to use", default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        folder = Path(directory)
        clusters.describe(folder)
        print(f"{load.describe()}, {CONNECTIONS} connections at the leader")
        for name in options.only:
            print(f"\n{name}\n", flush=True)
            PARTS[name](options, folder)


if __name__ == "__main__":
    main()
