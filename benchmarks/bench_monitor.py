"""What it costs a cluster to be watched: processor time of its nodes, by open pages.

    python benchmarks/bench_monitor.py [--rounds N] [--seconds S] [--rate R]

Sketch: with a page open, each node makes ten frames a second (about 50 µs each), shows
the monitor a sample of what it sends (about 1 µs a message that is looked at, some µs
for each of at most some hundred a second that is shown), and writes some ten chunks to
one connection. That should be about 3 ms of each second, by node; a put costs all three
nodes together some hundred microseconds. Ten pages cost the nodes what one does: the
monitor alone gives it to each of them.

Three nodes, and `raftwerk monitor` beside them, take puts at a fixed rate well below
what they could take; with no page, with one and with ten, in turns whose order changes
from round to round. Only the nodes' own processor time counts, by put.

That is not yet what the nodes do more: on a processor that somebody else uses too, or
whose other thread is busy, the same work takes more processor time. So there is a
fourth slot, in which ten pages are open on a second monitor, which follows a recording
of these nodes and not the nodes. What it costs the nodes is the machine's; what ten
pages cost beyond that is theirs.
"""

import argparse
import asyncio
import itertools
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path

import clusters
import httpx
import meters
import msgspec
from clusters import Cluster, encoded, raftwerk_cluster

NONE, ONE, TEN, ELSEWHERE = "none", "one", "ten", "ten elsewhere"

PAGES = {NONE: 0, ONE: 1, TEN: 10, ELSEWHERE: 10}

COMPARED = (
    # slot  against  what is shown
    (ONE, NONE, "one page", 0.05),
    (TEN, NONE, "ten pages", 0.10),
    (ELSEWHERE, NONE, "ten pages that don't concern the nodes", None),
    (TEN, ELSEWHERE, "ten pages, against those", None),
)

CONNECTIONS = 4
"""To each node."""

LET_GO_SECONDS = 6.0
"""The monitor stays subscribed for five seconds after the last page."""

SETTLE_SECONDS = 1.0

RECORDED_SECONDS = 5.0

FLUSH_SECONDS = 0.1

VALUE_BYTES = 100

ROUNDS_MIN = 4
"""Of fewer there is no half in the middle."""


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


class Recorded:
    """Answers as the nodes do, with what they said in some seconds, again and again."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self._servers: list[asyncio.Server] = []
        self._talks: set[asyncio.Task[None]] = set()

    async def record(self, cluster: Cluster) -> None:
        """Listen to each node for a while, and then be in its place."""
        said = await asyncio.gather(*(_said_by(each.port) for each in cluster.members))
        for chunks in said:
            take = partial(self._take, chunks)
            server = await asyncio.start_server(take, "127.0.0.1")
            self._servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])

    def _take(
        self,
        chunks: Sequence[bytes],
        _reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Begin to say it."""
        self._talks.add(asyncio.create_task(_say(chunks, writer)))

    async def close(self) -> None:
        """Answer no more."""
        for server in self._servers:
            server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)


async def _said_by(port: int) -> list[bytes]:
    """Return what a node said, a chunk for each tenth of a second."""
    chunks: list[bytes] = []
    url = f"http://127.0.0.1:{port}/api/v1/events"
    loop = asyncio.get_running_loop()
    end = loop.time() + RECORDED_SECONDS
    async with httpx.AsyncClient(trust_env=False) as http:
        async with http.stream("GET", url, timeout=None) as answer:
            rest = b""
            async for chunk in answer.aiter_raw():
                whole, _, rest = (rest + chunk).rpartition(b"\n\n")
                chunks.append(whole + b"\n\n" if whole else b"")
                if loop.time() > end:
                    return chunks
    raise clusters.RunFailed(f"the node at {port} ended its stream")


async def _say(chunks: Sequence[bytes], writer: asyncio.StreamWriter) -> None:
    """Say all of it at the pace at which it was said, until nobody listens."""
    try:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Connection: close\r\n\r\n"
        )
        pause = RECORDED_SECONDS / len(chunks)
        for chunk in itertools.cycle(chunks):
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(pause)
    except ConnectionError:
        pass
    finally:
        writer.close()


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
        # Whoever looked in the slot before must have been let go of.
        await asyncio.sleep(LET_GO_SECONDS + SETTLE_SECONDS)
        before, puts = node_seconds(cluster.pids), done[0]
        await asyncio.sleep(seconds)
        spent, puts = node_seconds(cluster.pids) - before, done[0] - puts
        for page in opened:
            if page.done():
                page.result()
                raise clusters.RunFailed("a page was closed from the other side")
            page.cancel()
        await asyncio.gather(*opened, return_exceptions=True)
    if not puts:
        raise clusters.RunFailed("there were no puts: the rate is too high")
    return spent / puts, puts


async def measure(cluster: Cluster, options: argparse.Namespace) -> None:
    """Measure all rounds, and print what came out."""
    done = [0]
    each = options.rate / CONNECTIONS / len(cluster.members)
    putting = [
        asyncio.create_task(put_steadily(member.port, each, done))
        for member in cluster.members
        for _ in range(CONNECTIONS)
    ]
    recorded = Recorded()
    await recorded.record(cluster)
    real_ports = [member.port for member in cluster.members]
    with monitor_of(real_ports) as real, monitor_of(recorded.ports) as elsewhere:
        urls = {name: elsewhere if name == ELSEWHERE else real for name in PAGES}
        costs, rate = await run_rounds(cluster, urls, options, done)
    await recorded.close()
    for put in putting:
        put.cancel()
    await asyncio.gather(*putting, return_exceptions=True)
    print_table(costs, is_judged=rate > 0.95 * options.rate)
    print(
        f"\n{options.rounds} rounds at {rate:.0f} puts a second (median);"
        f" {options.rate:.0f} were asked for."
    )


async def run_rounds(
    cluster: Cluster, urls: dict[str, str], options: argparse.Namespace, done: list[int]
) -> tuple[dict[str, list[float]], float]:
    """Return what a put cost in each slot of each round, and the rate of the puts."""
    costs: dict[str, list[float]] = {name: [] for name in PAGES}
    rates = []
    for number in range(options.rounds):
        first = number % len(PAGES)
        for name in [*PAGES][first:] + [*PAGES][:first]:
            cost, puts = await slot(
                cluster, urls[name], PAGES[name], options.seconds, done
            )
            costs[name].append(cost)
            rates.append(puts / options.seconds)
        shown = ", ".join(f"{name} {costs[name][-1] * 1e6:.0f}" for name in PAGES)
        print(f"round {number + 1}: µs a put: {shown}", file=sys.stderr, flush=True)
    return costs, statistics.median(rates)


def print_table(costs: dict[str, list[float]], *, is_judged: bool) -> None:
    """Print what came out, as Markdown; judge it if it was at the rate asked for."""
    is_judged = is_judged and len(costs[NONE]) >= ROUNDS_MIN
    head = ("pages", "nodes' seconds for 1,000 puts", "rise", "from", "to", "limit", "")
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    print(f"| none | {statistics.median(costs[NONE]) * 1e3:.3f} | | | | | |")
    for name, against, words, limit in COMPARED:
        rises = sorted(
            cost / other - 1
            for cost, other in zip(costs[name], costs[against], strict=True)
        )
        quarter = len(rises) // 4
        cells = [
            words,
            f"{statistics.median(costs[name]) * 1e3:.3f}",
            f"{statistics.median(rises):+.1%}",
            f"{rises[quarter]:+.1%}",
            f"{rises[-1 - quarter]:+.1%}",
            "" if limit is None else f"{limit:+.0%}",
            _judged(rises, limit) if is_judged and limit is not None else "",
        ]
        print(f"| {' | '.join(cells)} |")
    print(
        "\nSeconds: of the nodes' processor time, median. Rise: median of paired"
        " rounds;"
    )
    print(_spread(len(costs[NONE])))


def _judged(rises: Sequence[float], limit: float) -> str:
    """Say whether the half in the middle is within its limit."""
    quarter = len(rises) // 4
    if rises[-1 - quarter] < limit:
        return "held"
    return "broken" if rises[quarter] > limit else "open"


def _spread(rounds: int) -> str:
    """Say what stands between from and to."""
    if rounds < ROUNDS_MIN:
        return (
            f"from, to: the least and the most. {rounds} rounds are too few to judge."
        )
    return "from, to: the half in the middle."


@contextmanager
def monitor_of(ports: Sequence[int]) -> Iterator[str]:
    """Run a monitor of nodes at these ports; yield where its pages get their stream."""
    port = clusters.free_ports(1)[0]
    endpoints = ",".join(f"http://127.0.0.1:{each}" for each in ports)
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
            yield f"http://127.0.0.1:{port}/events"
        finally:
            monitor.terminate()


def main() -> None:
    """Run a cluster and monitors, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each slot")
    parser.add_argument("--rate", type=float, default=300.0, help="puts a second")
    parser.add_argument("--directory", type=Path, help="for data, on a disk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        folder = Path(name)
        clusters.describe(folder)
        with raftwerk_cluster(folder) as cluster:
            cluster.leader()
            for member in cluster.members:
                # Made beside the loop after the start: that is nobody's cost here.
                member.get("/api/v1/members")
            asyncio.run(measure(cluster, options))


if __name__ == "__main__":
    main()
