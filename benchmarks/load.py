"""Load over HTTP: by wrk, or by a small generator of our own where wrk is missing.

Each of so many connections sends its next request when it has the answer to the last.
"""

import asyncio
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import httptools

SCRIPT = Path(__file__).with_name("load.lua")
SECONDS_MAX = 300.0
"""When load of our own is given up, whatever it was to be."""


class Outcome(NamedTuple):
    """What came of some load: answers, and milliseconds from request to answer."""

    requests: int
    seconds: float
    errors: int
    p50_millis: float
    p99_millis: float

    @property
    def per_second(self) -> float:
        """Answers that were no errors."""
        return (self.requests - self.errors) / self.seconds


def has_wrk() -> bool:
    """Tell whether wrk is installed."""
    return shutil.which("wrk") is not None


def describe() -> str:
    """Say what makes the load."""
    if has_wrk():
        return "load by wrk, one thread"
    return (
        "wrk is missing (Debian and Ubuntu: the package `wrk`): load by our own"
        " generator, which takes more of the processors; its figures do not compare"
        " with those of wrk"
    )


def drive(
    port: int, path: str, bodies: Sequence[bytes], connections: int, seconds: float
) -> Outcome:
    """Send one of the bodies each time, drawn at random, for so long."""
    if has_wrk():
        return _drive_by_wrk(port, path, bodies, connections, seconds)
    draw = random.Random(1)
    end = time.perf_counter() + seconds

    def drawn() -> Iterator[bytes]:
        while time.perf_counter() < end:
            yield bodies[draw.randrange(len(bodies))]

    return asyncio.run(_drive_ourselves(port, path, drawn(), connections))


def drive_all(
    ports: Sequence[int],
    path: str,
    bodies: Sequence[bytes],
    connections: int,
    seconds: float,
) -> Outcome:
    """Do as `drive` says at several ports at a time, with a share of the connections.

    The median is the mean of theirs, weighed by answers; the other percentile is that
    of the slowest.
    """
    shares = [
        connections // len(ports) + (number < connections % len(ports))
        for number in range(len(ports))
    ]
    with ThreadPoolExecutor(len(ports)) as pool:
        outcomes = list(
            pool.map(
                lambda port, share: drive(port, path, bodies, share, seconds),
                ports,
                shares,
            )
        )
    requests = sum([each.requests for each in outcomes])
    return Outcome(
        requests,
        max(each.seconds for each in outcomes),
        sum([each.errors for each in outcomes]),
        sum([each.p50_millis * each.requests for each in outcomes]) / max(requests, 1),
        max(each.p99_millis for each in outcomes),
    )


def send_each(
    port: int, path: str, bodies: Sequence[bytes], connections: int
) -> Outcome:
    """Send each of the bodies once."""
    return asyncio.run(_drive_ourselves(port, path, iter(bodies), connections))


def _drive_by_wrk(
    port: int, path: str, bodies: Sequence[bytes], connections: int, seconds: float
) -> Outcome:
    """Have wrk do it."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(bodies) + b"\n")
        file.flush()
        # wrk knows whole seconds only.
        command = ["wrk", "--threads=1", f"--connections={connections}"]
        command += [f"--duration={max(round(seconds), 1)}s", f"--script={SCRIPT}"]
        command += ["--timeout=10s", f"http://127.0.0.1:{port}", "--", path, file.name]
        said = subprocess.run(command, capture_output=True, check=True, text=True)
    line = next(
        line for line in said.stdout.splitlines() if line.startswith("figures ")
    )
    requests, micros, errors, p50, p99 = map(float, line.split()[1:])
    return Outcome(int(requests), micros / 1e6, int(errors), p50 / 1e3, p99 / 1e3)


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request, until there is none."""

    def __init__(
        self, head: bytes, bodies: Iterator[bytes], ended: "asyncio.Future[None]"
    ) -> None:
        self._head = head
        self._bodies = bodies
        self._ended = ended
        self._transport: asyncio.WriteTransport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._sent = 0.0
        self.took: list[float] = []
        self.errors = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._send_next()

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Go on after an answer."""
        self.took.append(time.perf_counter() - self._sent)
        if self._parser.get_status_code() != 200:
            self.errors += 1
        self._send_next()

    def connection_lost(self, _error: Exception | None) -> None:
        """End; what was under way is an error."""
        if not self._ended.done():
            self.errors += 1
            self._ended.set_result(None)

    def _send_next(self) -> None:
        """Send a request if there is one more."""
        assert self._transport is not None
        body = next(self._bodies, None)
        if body is None:
            self._ended.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(self._head % len(body) + body)


async def _drive_ourselves(
    port: int, path: str, bodies: Iterator[bytes], connections: int
) -> Outcome:
    """Send the bodies over so many connections."""
    loop = asyncio.get_running_loop()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    ).encode()
    ends = [loop.create_future() for _ in range(connections)]
    made = [_Connection(head, bodies, end) for end in ends]
    began = time.perf_counter()
    async with asyncio.timeout(SECONDS_MAX):
        for connection in made:
            await loop.create_connection(lambda it=connection: it, "127.0.0.1", port)
        await asyncio.gather(*ends)
    seconds = time.perf_counter() - began
    took = sorted(each for connection in made for each in connection.took)
    errors = sum([connection.errors for connection in made])
    if not took:
        return Outcome(0, seconds, errors, 0.0, 0.0)
    p50, p99 = took[len(took) // 2] * 1e3, took[len(took) * 99 // 100] * 1e3
    return Outcome(len(took), seconds, errors, p50, p99)
