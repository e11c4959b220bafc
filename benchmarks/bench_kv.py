"""The store and the JSON in front of it: microseconds an operation, bytes a key.

    python benchmarks/bench_kv.py [--keys N] [--rounds R]

Sketch: a put in a batch is one decoding, one version made, one place in a dictionary
and one in the history: about 3 µs. A range of one key is a look-up. A put over JSON
is, in front of the log, one JSON object, two base64 texts, one command encoded, and
one answer put together: about 4 µs; HTTP itself and the log are not in it. Each figure
is the best of several rounds, for what disturbs a round only makes it slower.

Memory is what the process grows by, so it counts all: values, index and history. The
longest step is what a large read, snapshot or compaction keeps others waiting for.
"""

import argparse
import gc
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from raftwerk.api import kv_calls, kv_json
from raftwerk.api.gateway import BODY_BYTES_MAX
from raftwerk.api.proto_json import parse
from raftwerk.kv import Compact, Put, PutResult, Range, Store, encode
from raftwerk.service import Header
from raftwerk.types import NodeId, Term

VALUE = b"x" * 100
BATCH = 64
OPERATIONS = 20_000
EVERYTHING = Range(b"\0", b"\0")


def key_of(number: int) -> bytes:
    """Return one of the keys."""
    return b"key-%012d" % number


def report(what: str, amount: float, unit: str) -> None:
    """Print one figure."""
    print(f"{what:<52}{amount:>10.2f} {unit}")


def best(rounds: int, operations: int, work: Callable[[], object]) -> float:
    """Return the microseconds that one operation takes in the best round."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds) / operations * 1e6


def resident_bytes() -> int:
    """Return how much memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def puts(keys: int, draw: random.Random) -> list[bytes]:
    """Return encoded puts of keys in a random order."""
    return [encode(Put(key_of(draw.randrange(keys)), VALUE)) for _ in range(OPERATIONS)]


def apply(store: Store, commands: list[bytes]) -> None:
    """Apply commands in batches, as the runtime does."""
    for start in range(0, len(commands), BATCH):
        store.apply(start, commands[start : start + BATCH])


def filled(keys: int) -> Store:
    """Return a store with each key put once, in a random order."""
    store = Store()
    numbers = list(range(keys))
    random.Random(1).shuffle(numbers)
    for start in range(0, keys, BATCH):
        batch = numbers[start : start + BATCH]
        store.apply(start, [encode(Put(key_of(number), VALUE)) for number in batch])
    return store


def bench_store(keys: int, rounds: int) -> None:
    """Measure single operations."""
    store = filled(keys)
    draw = random.Random(2)
    commands = puts(keys, draw)
    report(
        f"apply of a 100-byte put, {keys:,} keys",
        best(rounds, OPERATIONS, lambda: apply(store, commands)),
        "µs",
    )
    ranges = [Range(key_of(draw.randrange(keys))) for _ in range(OPERATIONS)]

    def read() -> None:
        for request in ranges:
            store.range(request)

    report("range of one key", best(rounds, OPERATIONS, read), "µs")
    everything = best(rounds, keys, lambda: store.range(EVERYTHING))
    report("range of all keys, each", everything, "µs")
    new = [encode(Put(b"new-" + key_of(number), VALUE)) for number in range(OPERATIONS)]
    random.Random(3).shuffle(new)
    report(
        "apply of a put of a new key",
        best(1, OPERATIONS, lambda: apply(store, new)),
        "µs",
    )


def bench_json(rounds: int) -> None:
    """Measure what stands between HTTP and the log, both ways, for a put."""
    body = b'{"key":"a2V5LTAwMDAwMDAwMDAwMQ==","value":"%b"}' % (b"eHh4" * 33)
    header = Header(2**63, NodeId(2**63 + 1), 1_000_000, Term(3))
    result = PutResult(1_000_000, None)
    assert len(body) < BODY_BYTES_MAX

    def put() -> None:
        for _ in range(OPERATIONS):
            encode(kv_calls.PUT.request.read(parse(body)))
            kv_json.write_put(kv_json.write_header(header), result)

    report("JSON of a put, in and out", best(rounds, OPERATIONS, put), "µs")
    store = filled(1)
    request = b'{"key":"a2V5LTAwMDAwMDAwMDAwMA=="}'

    def read() -> None:
        for _ in range(OPERATIONS):
            answer = store.range(kv_calls.RANGE.request.read(parse(request)))
            kvs = kv_json.write_kvs(answer.kvs)
            kv_json.write_range(kv_json.write_header(header), answer, kvs)

    report(
        "JSON of a range of one key, in, read and out",
        best(rounds, OPERATIONS, read),
        "µs",
    )


def longest_step(steps: Iterator[object]) -> tuple[float, float]:
    """Return how long the longest step takes and how long all do, in milliseconds."""
    longest, begin = 0.0, time.perf_counter()
    before = begin
    for _ in steps:
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    return longest * 1e3, (time.perf_counter() - begin) * 1e3


def bench_many_keys(keys: int) -> None:
    """Measure memory, and how long others wait while much is done."""
    gc.collect()
    empty = resident_bytes()
    store = filled(keys)
    gc.collect()
    report(
        f"memory a key, {keys:,} keys put once",
        (resident_bytes() - empty) / keys,
        "bytes",
    )
    gc.freeze()
    commands = (
        [encode(Put(key_of(number), VALUE)) for number in range(start, start + BATCH)]
        for start in range(0, keys, BATCH)
    )
    for batch in commands:
        store.apply(0, batch)
    report(
        "the same with one older version of each",
        (resident_bytes() - empty) / keys,
        "bytes",
    )

    start = time.perf_counter()
    chunks = store.snapshot()
    report("snapshot: fixing the view", (time.perf_counter() - start) * 1e3, "ms")
    longest, total = longest_step(iter(chunks))
    report("snapshot: longest chunk", longest, "ms")
    report("snapshot: all chunks", total, "ms")
    longest, total = longest_step(store.range_in_steps(EVERYTHING))
    report("range of all keys: longest step", longest, "ms")
    report("range of all keys: all steps", total, "ms")
    store.apply(0, [encode(Compact(store.revision))])
    longest, total = longest_step(iter(lambda: store.scavenge(500), True))
    report("compaction: longest step", longest, "ms")
    report("compaction: all steps", total, "ms")
    start = time.perf_counter()
    store.snapshot()
    report(
        "snapshot after it: fixing the view", (time.perf_counter() - start) * 1e3, "ms"
    )


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--many-keys", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    bench_store(options.keys, options.rounds)
    bench_json(options.rounds)
    bench_many_keys(options.many_keys)


if __name__ == "__main__":
    main()
