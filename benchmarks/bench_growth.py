"""What grows with the cluster: keys, watchers, members, and memory over time.

    python benchmarks/bench_growth.py [--keys N] [--rounds R] [--seconds S]
        [--only keys watchers members overwriting] [--minutes M]

Sketch: a put looks at its own key, at no other, so its cost does not grow with the
keys; what grows is the snapshot, which is written when the log has grown by as much, so
its share of a put does not grow either. A watcher of something else costs a look into a
tree of ranges. Each further member costs the leader an encoding, two system calls and
an answer for each batch, and the machine one more process that does what a follower
does; on two processors that is what is felt. Memory is the versions that can still be
seen: with a compaction now and then, overwriting must not grow it.

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
RETENTION = "10000"
"""Revisions that are kept where compaction is automatic."""
SETTLE_SECONDS = 0.3


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
        self._bodies = bodies

    def measure(self, seconds: float) -> None:
        """Make one round."""
        term, leader = self.cluster.leader()
        time.sleep(SETTLE_SECONDS)
        outcome = load.drive(
            leader.port, "/v3/kv/put", self._bodies, CONNECTIONS, seconds
        )
        if outcome.requests <= outcome.errors:
            raise RunFailed(f"{self.cluster.title} answered no put")
        self.rates.append(outcome.per_second)
        self.elections += self.cluster.leader()[0] - term

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
            pair = (
                Loaded(few, bodies_of(FEW_KEYS)),
                Loaded(many, bodies_of(options.keys)),
            )
            in_turns(pair, options.rounds, options.seconds)
            say_pair(f"{options.keys:,} keys beside {FEW_KEYS:,}", *pair)
            grown = meters.resident_mebibytes(many.pids) - empty
            each = grown * 2**20 / len(many.pids) / options.keys
            print(f"memory: {each:.0f} bytes a key and member, history included")


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
        "--auto-compaction-mode=revision",
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
                said.append(f"{loaded.cluster.title} {held:,.0f} MiB")
            print(
                f"after {(number + 1) * period / 60:.1f} minutes: {', '.join(said)}",
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
