"""Ports for a test run: free ones, and none that the system hands out by itself."""

import itertools
import os
import socket
from collections.abc import Iterator

FIRST, LAST = 20_000, 32_000
"""Below the ephemeral ports of Linux, so that no outgoing connection takes one."""


def _candidates() -> Iterator[int]:
    """Return the ports of the range, each run beginning somewhere else."""
    ports = range(FIRST, LAST)
    start = os.getpid() * 16 % len(ports)
    return itertools.cycle(itertools.chain(ports[start:], ports[:start]))


CANDIDATES = _candidates()


def is_free(port: int) -> bool:
    """Tell whether a port of the loopback interface can be bound now."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
            trial.listen()
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return so many free ports, none of which was given out before."""
    found: list[int] = []
    if not count:
        return found
    for port in itertools.islice(CANDIDATES, LAST - FIRST):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"there are no {count} free ports from {FIRST} to {LAST}")


def free_block(count: int) -> int:
    """Return the first of so many free ports in a row."""
    for _ in range(100):
        ports = free_ports(1)
        while len(ports) < count:
            ports += free_ports(1)
            if ports[-1] != ports[-2] + 1:
                break
        else:
            return ports[0]
    raise AssertionError(f"there are no {count} free ports in a row")
