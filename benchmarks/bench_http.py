"""Puts, transactions and reads over HTTP, beside etcd's JSON gateway.

    python benchmarks/bench_http.py [--rounds R] [--seconds S] [--connections C ...]

Sketch: with one connection a put costs two messages between members and one sync, and
the rest is ours: HTTP in and out, the loop, and a thread's turn for the sync. With many
connections it is CPU alone that counts, for all that came meanwhile shares a sync;
and of the CPU, most is HTTP's, on the leader.

Three members each, on loopback, data on one disk, synced before any answer; 10,000
keys, values of 100 bytes, all load at the leader unless it is said to be spread over
all members. A transaction compares the version of a key and puts it. Each round
measures etcd, raftwerk, and etcd again: what the two of etcd differ by (A/A) is noise,
and no smaller difference is claimed between the two that are compared. CPU is that of
the three server processes; what others took is printed too, the idle cluster among
them. Without options this is a quick look; figures worth quoting want ``--rounds 5
--seconds 5`` on a quiet machine.
"""

import argparse
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import clusters
import load
import meters
import msgspec
from clusters import Cluster, RunFailed, encoded, etcd_cluster, raftwerk_cluster

KEYS = 10_000
VALUE_BYTES = 100
SPREAD_CONNECTIONS = 64
"""Of the cases that are measured at one number of connections."""
SETTLE_SECONDS = 0.3
"""Between two loads, so that what the last one left behind is done."""


class Case(NamedTuple):
    """One line of the tables."""

    title: str
    path: str
    bodies: Sequence[bytes]
    connections: int
    is_spread: bool = False
    """Whether all members are asked, and not the leader alone."""


class Measured(NamedTuple):
    """What one load of one cluster showed."""

    per_second: float
    p50_millis: float
    p99_millis: float
    cpu_per_thousand: float
    errors: int
    elsewhere: float
    elections: int


class Compared(NamedTuple):
    """All rounds of a case; the three lists are of equal length."""

    case: Case
    etcd: Sequence[Measured]
    ours: Sequence[Measured]
    etcd_again: Sequence[Measured]


def cases(connections: Sequence[int]) -> list[Case]:
    """Return all that is measured."""
    draw = random.Random(1)
    keys = [b"key-%012d" % number for number in range(KEYS)]
    puts = [encoded({"key": key, "value": draw.randbytes(VALUE_BYTES)}) for key in keys]
    ranges = [encoded({"key": key}) for key in keys]
    txns = [
        {
            "compare": [
                {"key": put["key"], "target": "VERSION", "result": "GREATER"}
                | {"version": "0"}
            ],
            "success": [{"request_put": put}],
        }
        for put in puts
    ]
    serializable = [each | {"serializable": True} for each in ranges]
    encode = msgspec.json.encode
    some = SPREAD_CONNECTIONS
    all_bodies = {
        "put": ("/v3/kv/put", list(map(encode, puts))),
        "range": ("/v3/kv/range", list(map(encode, ranges))),
        "serializable range": ("/v3/kv/range", list(map(encode, serializable))),
        "transaction": ("/v3/kv/txn", list(map(encode, txns))),
    }
    return [
        *(Case("put", *all_bodies["put"], count) for count in connections),
        Case("put, spread", *all_bodies["put"], some, is_spread=True),
        Case("transaction", *all_bodies["transaction"], some),
        *(Case("range", *all_bodies["range"], count) for count in connections),
        Case("serializable range", *all_bodies["serializable range"], some),
    ]


def measure(cluster: Cluster, case: Case, seconds: float) -> Measured:
    """Load the leader of a cluster, or all of its members."""
    term, leader = cluster.leader()
    members = cluster.members if case.is_spread else [leader]
    ports = [member.port for member in members]
    time.sleep(SETTLE_SECONDS)
    with meters.Span(cluster.pids) as used:
        outcome = load.drive_all(
            ports, case.path, case.bodies, case.connections, seconds
        )
    answers = outcome.requests - outcome.errors
    if answers <= 0:
        raise RunFailed(f"{cluster.title} answered no {case.title}")
    return Measured(
        outcome.per_second,
        outcome.p50_millis,
        outcome.p99_millis,
        used.servers / answers * 1000,
        outcome.errors,
        used.elsewhere,
        cluster.leader()[0] - term,
    )


def median(rounds: Sequence[Measured], figure: Callable[[Measured], float]) -> float:
    """Return the median of a figure over all rounds."""
    return statistics.median(map(figure, rounds))


def ratio_of(
    compared: Compared, figure: Callable[[Measured], float]
) -> tuple[float, float]:
    """Return ours over etcd's, and the factor that is noise: the worst of all A/A."""
    ratios, noise = [], []
    for one, ours, other in zip(
        compared.etcd, compared.ours, compared.etcd_again, strict=True
    ):
        # Of CPU, a short round may have used less than the system counts.
        a, b, c = (max(figure(each), 1e-6) for each in (one, ours, other))
        ratios.append(b / math.sqrt(a * c))
        noise.append(max(a / c, c / a))
    return statistics.median(ratios), max(noise)


def say(ratio: float, noise: float) -> str:
    """Write a ratio, or that there is no more than noise."""
    if 1 / noise <= ratio <= noise:
        return f"= ({ratio:.2f} within {noise:.2f})"
    return f"{ratio:.2f} x (noise {noise:.2f})"


FIGURES: tuple[tuple[str, str, Callable[[Measured], float]], ...] = (
    ("answers a second", ",.0f", lambda each: each.per_second),
    ("p50, ms", ".2f", lambda each: each.p50_millis),
    ("p99, ms", ".2f", lambda each: each.p99_millis),
    (
        "CPU seconds of three servers per 1,000 answers",
        ".3f",
        lambda each: each.cpu_per_thousand,
    ),
)


def report(all_compared: Sequence[Compared]) -> None:
    """Print the tables."""
    for title, form, figure in FIGURES:
        print(f"\n{title}\n")
        print("| load | connections | raftwerk | etcd | raftwerk / etcd | elsewhere |")
        print("|---|---:|---:|---:|---|---:|")
        for compared in all_compared:
            etcd = [*compared.etcd, *compared.etcd_again]
            everybody = [*etcd, *compared.ours]
            print(
                f"| {compared.case.title} | {compared.case.connections}"
                f" | {median(compared.ours, figure):{form}}"
                f" | {median(etcd, figure):{form}}"
                f" | {say(*ratio_of(compared, figure))}"
                f" | {median(everybody, lambda each: each.elsewhere):.0%} |"
            )
    print()
    for compared in all_compared:
        for title, rounds in (
            ("raftwerk", compared.ours),
            ("etcd", [*compared.etcd, *compared.etcd_again]),
        ):
            errors = sum([each.errors for each in rounds])
            elections = sum([each.elections for each in rounds])
            if errors or elections:
                print(
                    f"{title}, {compared.case.title} at {compared.case.connections}:"
                    f" {errors} errors, {elections} terms passed"
                )


def revision(cluster: Cluster) -> int:
    """Return how many writes a cluster has seen."""
    _, leader = cluster.leader()
    answer = leader.call("/v3/kv/range", encoded({"key": b"any"}))
    return int(answer["header"]["revision"]) if answer else 0


def tell_memory(cluster: Cluster) -> None:
    """Print what the three processes hold."""
    print(
        f"{cluster.title}: {meters.resident_mebibytes(cluster.pids):.0f} MiB in three"
        f" processes, {KEYS:,} keys, revision {revision(cluster):,}"
    )


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Start both clusters, load them in turns, and print what came of it."""
    everything = [
        case
        for case in cases(options.connections)
        if not options.only or case.title in options.only
    ]
    rounds: list[list[tuple[Measured, Measured, Measured]]] = [[] for _ in everything]
    pairs = [(b"key-%012d" % number, b"x" * VALUE_BYTES) for number in range(KEYS)]
    with etcd_cluster(folder) as etcd, raftwerk_cluster(folder) as ours:
        for cluster in (etcd, ours):
            cluster.fill(pairs)
            tell_memory(cluster)
        for number in range(options.rounds):
            for case, found in zip(everything, rounds, strict=True):
                found.append(
                    (
                        measure(etcd, case, options.seconds),
                        measure(ours, case, options.seconds),
                        measure(etcd, case, options.seconds),
                    )
                )
            print(f"round {number + 1} of {options.rounds} is done", file=sys.stderr)
        report(
            [
                Compared(case, *zip(*found, strict=True))
                for case, found in zip(everything, rounds, strict=True)
            ]
        )
        for cluster in (etcd, ours):
            tell_memory(cluster)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=1, help="for each load")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--only", nargs="+", metavar="LOAD", help="as in the tables")
    parser.add_argument("--directory", help="on the disk to use", default=None)
    options = parser.parse_args()
    if not clusters.has_etcd():
        raise SystemExit(
            "there is nothing to compare with: all that is told are ratios"
        )
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        folder = Path(directory)
        clusters.describe(folder)
        print(f"{options.rounds} rounds of {options.seconds} s; {load.describe()}\n")
        compare(options, folder)


if __name__ == "__main__":
    main()
