"""What it costs a cluster to be watched: processor time of its nodes, by open pages.

    python benchmarks/bench_monitor.py [--rounds N] [--seconds S] [--rate R]

Sketch: with a page open, each node makes ten frames a second (about 50 µs each), shows
the monitor a sample of what it sends (about 1 µs a message that is looked at, some µs
for each of at most some hundred a second that is shown), and writes some ten chunks to
one connection. That should be about 3 ms of each second, by node; a put costs all three
nodes together some hundred microseconds. Ten pages cost the nodes what one does: the
monitor alone gives it to each of them.

Three nodes, and `raftwerk monitor` beside them, take puts at a fixed rate well below
what they could take; with no page, with one and with ten, in turns. A page is whoever
reads the monitor's stream. Before each slot without a page the monitor is given the
time to let go of its subscriptions.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import clusters
import httpx
import meters
import msgspec
from clusters import Cluster, encoded, raftwerk_cluster

PAGES = (0, 1, 10)

CONNECTIONS = 4
"""To each node."""

LET_GO_SECONDS = 6.0
"""The monitor stays subscribed for five seconds after the last page."""

SETTLE_SECONDS = 1.0

VALUE_BYTES = 100


def node_seconds(pids: Sequence[int]) -> float:
    """Return the processor time of processes, all threads, to the nanosecond."""
    nanos = 0
    for pid in pids:
        for thread in (meters.PROC / str(pid) / "task").iterdir():
            nanos += int((thread / "schedstat").read_text().split()[0])
    return nanos / 1e9


async def put_steadily(port: int, rate: float, done: list[int]) -> None:
    """Put keys over one connection, at a rate, until cancelled."""
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due = loop.time()
    number = 0
    try:
        while True:
            due = max(due + 1 / rate, loop.time() - 0.5)
            await asyncio.sleep(max(due - loop.time(), 0))
            number += 1
            body = msgspec.json.encode(
                encoded({"key": b"%d" % (number % 1000), "value": b"x" * VALUE_BYTES})
            )
            writer.write(
                b"POST /v3/kv/put HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            done[0] += 1
    finally:
        writer.close()


async def read_page(http: httpx.AsyncClient, url: str) -> None:
    """Be an open page, until cancelled."""
    async with http.stream("GET", url, timeout=None) as answer:
        async for _ in answer.aiter_raw():
            pass


async def slot(
    cluster: Cluster, url: str, pages: int, seconds: float, done: list[int]
) -> tuple[float, int]:
    """Return processor seconds of the nodes for each put of a slot, and the puts."""
    async with AsyncExitStack() as stack:
        limits = httpx.Limits(max_connections=None)
        http = await stack.enter_async_context(
            httpx.AsyncClient(trust_env=False, limits=limits)
        )
        opened = [asyncio.create_task(read_page(http, url)) for _ in range(pages)]
        await asyncio.sleep(SETTLE_SECONDS if pages else LET_GO_SECONDS)
        before, puts = node_seconds(cluster.pids), done[0]
        await asyncio.sleep(seconds)
        spent, puts = node_seconds(cluster.pids) - before, done[0] - puts
        for page in opened:
            page.cancel()
        await asyncio.gather(*opened, return_exceptions=True)
    return spent / max(puts, 1), puts


async def measure(cluster: Cluster, url: str, options: argparse.Namespace) -> None:
    """Measure all rounds, and print what came out."""
    done = [0]
    each = options.rate / CONNECTIONS / len(cluster.members)
    putting = [
        asyncio.create_task(put_steadily(member.port, each, done))
        for member in cluster.members
        for _ in range(CONNECTIONS)
    ]
    await asyncio.sleep(2 * SETTLE_SECONDS)
    costs: dict[int, list[float]] = {pages: [] for pages in PAGES}
    print(f"{'round':>5}" + "".join(f"{pages:>9} pages" for pages in PAGES))
    for number in range(options.rounds):
        line = f"{number + 1:>5}"
        for pages in PAGES:
            cost, puts = await slot(cluster, url, pages, options.seconds, done)
            costs[pages].append(cost)
            line += f"{cost * 1e6:>9.0f} µs/put" if puts else "  no puts"
        print(line, flush=True)
    for put in putting:
        put.cancel()
    await asyncio.gather(*putting, return_exceptions=True)
    for pages in PAGES[1:]:
        ratios = [
            with_pages / without
            for with_pages, without in zip(costs[pages], costs[0], strict=True)
        ]
        rise = statistics.median(ratios) - 1
        print(
            f"{pages:>3} pages: {rise:+.1%} in the median of paired rounds"
            f" (from {min(ratios) - 1:+.1%} to {max(ratios) - 1:+.1%})"
        )


def main() -> None:
    """Run a cluster and a monitor, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each slot")
    parser.add_argument("--rate", type=float, default=600.0, help="puts a second")
    parser.add_argument("--directory", type=Path, help="for data, on a disk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        folder = Path(name)
        clusters.describe(folder)
        with raftwerk_cluster(folder) as cluster:
            cluster.leader()
            port = clusters.free_ports(1)[0]
            endpoints = ",".join(
                f"http://127.0.0.1:{member.port}" for member in cluster.members
            )
            with subprocess.Popen(
                [
                    *(sys.executable, "-m", "raftwerk", "monitor"),
                    f"--endpoints={endpoints}",
                    f"--port={port}",
                ],
                stdout=subprocess.PIPE,
            ) as monitor:
                try:
                    assert monitor.stdout is not None
                    monitor.stdout.readline()  # it is there
                    url = f"http://127.0.0.1:{port}/events"
                    asyncio.run(measure(cluster, url, options))
                finally:
                    monitor.terminate()


if __name__ == "__main__":
    main()
