"""What a machine must not look at is its replica's own, while it is at work."""

import os
import pickle
import random
import secrets
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from time import monotonic

import pytest

from raftwerk.errors import MisuseError
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


class Moment(datetime):
    """What a user makes of a time."""


@pytest.mark.parametrize("ask", [datetime.now, datetime.today, date.today, Moment.now])
def test_datetime_is_not_asked_for_the_present(ask: Callable[[], date]) -> None:
    loop = VirtualLoop()
    with ambience_lent(__name__):
        with Ambience(VirtualClock(loop), 1).around():
            with pytest.raises(MisuseError, match=r"\(\) reads a clock"):
                ask()
        # A time that a command brought is anybody's.
        with Ambience(VirtualClock(loop), 1).around():
            assert pickle.loads(pickle.dumps(datetime(2026, 1, 2))).year == 2026
            assert datetime.fromtimestamp(0, UTC).year == 1970
        assert ask().year >= 2020
    loop.close()


def test_the_present_in_words_and_secrets_are_the_replicas_own() -> None:
    loop = VirtualLoop()
    with ambience_lent(__name__):
        with Ambience(VirtualClock(loop, ahead_seconds=90.0), 1).around():
            wall = time.time()
            assert time.gmtime() == time.gmtime(wall)
            assert time.ctime() == time.ctime(wall)
            assert time.localtime(0.0) == time.localtime(0.0)
            drawn = secrets.token_bytes(8), uuid.uuid4()
        with Ambience(VirtualClock(loop, ahead_seconds=90.0), 1).around():
            assert drawn == (secrets.token_bytes(8), uuid.uuid4())
        assert time.gmtime() != time.gmtime(wall)
    loop.close()


def test_who_measures_calls_goes_on_doing_so() -> None:
    loop = VirtualLoop()
    names: list[str] = []
    sys.setprofile(lambda frame, event, arg: names.append(frame.f_code.co_name))
    try:
        with Ambience(VirtualClock(loop), 1).around():
            looked()
            assert sys.getprofile() is not None
    finally:
        sys.setprofile(None)
    loop.close()
    assert "looked" in names
