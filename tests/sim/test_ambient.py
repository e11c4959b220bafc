"""What a machine must not look at is its replica's own, while it is at work."""

import os
import random
import threading
import time
from time import monotonic

from raftwerk.host.virtual import VirtualClock, VirtualLoop
from raftwerk.sim.ambient import Ambience, ambience_lent


def looked() -> tuple[float, float, int, float, bytes]:
    """Return all that a machine might look at."""
    return time.time(), monotonic(), time.time_ns(), random.random(), os.urandom(4)


def test_each_replica_has_a_clock_and_draws_of_its_own() -> None:
    loop = VirtualLoop()
    clocks = [VirtualClock(loop, ahead_seconds=ahead) for ahead in (5.0, 5.0, 7.0)]
    seen = []
    with ambience_lent(__name__):
        for clock, seed in zip(clocks, (1, 1, 2), strict=True):
            with Ambience(clock, seed).around():
                seen.append(looked())
    loop.close()
    assert seen[0] == seen[1]
    assert seen[0][1] == 5.0 and seen[2][1] == 7.0
    assert seen[0][2] == round(seen[0][0] * 1e9)
    assert all(one != other for one, other in zip(seen[0], seen[2], strict=True))


def test_outside_and_on_other_threads_all_is_real() -> None:
    real = time.time, monotonic, random.random, os.urandom
    loop = VirtualLoop()
    elsewhere: list[float] = []
    with ambience_lent(__name__), ambience_lent("nobody"):
        with Ambience(VirtualClock(loop), 1).around():
            thread = threading.Thread(target=lambda: elsewhere.append(time.time()))
            thread.start()
            thread.join()
            assert time.time() < 1.6e9 < elsewhere[0]
        assert time.time() > 1.6e9
    loop.close()
    assert (time.time, monotonic, random.random, os.urandom) == real
