"""What watchers cost a put: in the store alone, and on a real node.

    python benchmarks/bench_watch.py [--watchers N] [--puts N]

Sketch: a put looks its key up in one dictionary and one tree of ranges, about 3 µs,
however many watch something else. Each who watches this very key costs a place in a
list, half a microsecond; and on a node a line of some 200 bytes on a socket, about
30 µs, which is written a few at a time when the put has been answered.

The nodes are three; the leader's watchers are streams over HTTP, and one client puts
one key after the other. In turns without watchers and with them, for the machine is not
always as quick; the medians count.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import meters
from clusters import Member, encoded, raftwerk_cluster

from raftwerk.kv import Put, Store, encode
from raftwerk.kv.spans import Span, span_of
from raftwerk.kv.watch import Watchers

BATCH = 16
ROUNDS = 5
MATCHED = b"matched"

Spans = Callable[[int], Span]

KINDS: list[tuple[str, Spans | None]] = [
    ("nobody watches", None),
    ("each watches another key", lambda number: span_of(b"other %d" % number, b"")),
    ("each watches another range", lambda n: (b"other %d" % n, b"other %d0" % n)),
    (
        "ranges in each other, ten around it",
        lambda n: (b"a%06d" % n, (b"z" if n < 10 else b"b") + b"%06d" % (10**6 - n)),
    ),
    ("ranges around it, one in the other", lambda n: (b"m%d" % n, b"n%d" % n)),
    ("all watch this key", lambda _: span_of(MATCHED, b"")),
    ("all watch all keys", lambda _: (b"\0", None)),
]


def apply_micros(watchers: int, puts: int, spans: Spans | None) -> float:
    """Return how long one put of the store takes, best of some rounds."""
    store = Store()
    hub = Watchers(store)
    store.observe_changes(hub.advance)
    opened = []
    if spans is not None:
        opened = [
            hub.open(spans(number), 0, on_ready=lambda: None)
            for number in range(watchers)
        ]
    command = encode(Put(MATCHED, b"x" * 100))
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for index in range(0, puts, BATCH):
            store.apply(index, [command] * BATCH)
            if index % (4 * BATCH) == 0:
                for watcher in opened:
                    while watcher.take_pending() is not None:
                        pass
        took.append(time.perf_counter() - start)
    return min(took) / puts * 1e6


async def put_millis(port: int, puts: int, keys: int) -> list[float]:
    """Return how long each put took, one after the other over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for number in range(puts):
        fields = {"key": b"key %d" % (number % keys), "value": b"x" * 100}
        body = json.dumps(encoded(fields)).encode()
        head = b"POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
        start = time.perf_counter()
        writer.write(head % len(body) + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        took.append((time.perf_counter() - start) * 1e3)
    writer.close()
    return took


class Crowd:
    """Streams that watch keys of a node, in this process."""

    def __init__(self) -> None:
        self.events = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self, port: int, keys: list[bytes]) -> None:
        """Open a stream for each of these keys."""
        for key in keys:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            body = json.dumps({"create_request": encoded({"key": key})}).encode()
            head = b"POST /v3/watch HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % len(body) + body)
            await reader.readuntil(b'"created":true}}\n')
            self._writers.append(writer)
            self._tasks.append(asyncio.create_task(self._read(reader)))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Count what comes."""
        while piece := await reader.read(1 << 16):
            self.events += piece.count(b'"events"')

    async def go(self) -> None:
        """Close all streams."""
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._tasks)


async def on_a_node(member: Member, watchers: int, puts: int) -> None:
    """Print what a put takes on a node, without watchers and with them, in turns."""
    kinds: list[tuple[str, Callable[[int], bytes] | None, int]] = [
        ("nobody watches", None, 1),
        ("each watches another key", lambda n: b"other %d" % n, 1),
        ("each watches one of the keys", lambda n: b"key %d" % n, watchers),
        ("all watch the one key", lambda _: b"key 0", 1),
    ]
    medians: dict[str, list[float]] = {what: [] for what, _, _ in kinds}
    for _ in range(ROUNDS):
        for what, key_of, keys in kinds:
            crowd = Crowd()
            if key_of is not None:
                await crowd.come(member.port, [key_of(n) for n in range(watchers)])
            some = puts // 10 if what.startswith("all") else puts
            took = await put_millis(member.port, some, keys)
            medians[what].append(statistics.median(took))
            await crowd.go()
    alone = statistics.median(medians["nobody watches"])
    for what, found in medians.items():
        took_millis = statistics.median(found)
        print(f"{what:<40}{took_millis:>10.2f} ms{took_millis / alone:>9.2f}x")


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--watchers", type=int, default=1_000)
    parser.add_argument("--puts", type=int, default=300)
    parser.add_argument("--directory", default=".")
    options = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d')}; {meters.machine()}")
    print(f"\nthe store alone, {options.watchers:,} watchers; a put:")
    alone = 0.0
    for what, spans in KINDS:
        # Where all are told of each put, there is a thousand times as much to do.
        puts = (
            4 * BATCH if "all" in what or "ranges around" in what else 16 * options.puts
        )
        micros = apply_micros(options.watchers, puts, spans)
        alone = alone or micros
        print(f"{what:<40}{micros:>10.2f} µs{micros / alone:>9.1f}x")
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        with raftwerk_cluster(Path(folder)) as cluster:
            streams = f"{options.watchers:,} streams on the leader"
            print(f"\nthree nodes, {streams}, one client; a put:")
            _, leader = cluster.leader()
            asyncio.run(on_a_node(leader, options.watchers, options.puts))


if __name__ == "__main__":
    main()
