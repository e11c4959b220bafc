"""What a machine must not look at, lent to it all the same: each replica has its own.

A machine that reads a clock or draws is another one on each replica. In one process all
replicas would read nearly the same clock, and a run would not be the same twice. So
while a machine of a user's is at work, the clock of `time` is that of its replica, and
what `random` and `os.urandom` draw is the replica's own, from the seed: the mistake
shows at once, and the same each time. Outside of that, and on all other threads,
everything is as ever.

`datetime` is written in C and keeps the real clock; a class that only looks like it
would be refused by whoever pickles or decodes times. So nobody is lent another one:
asking it for the present is refused.
"""

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from types import FrameType
from typing import Any, Final

from raftwerk.errors import MisuseError
from raftwerk.host.protocol import Clock

__all__ = ["Ambience", "ambience_lent"]


class Ambience:
    """Clock and draws of one replica.

    Parameters
    ----------
    clock : Clock
        What `time` shows.
    seed : int
        Decides what is drawn.
    """

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.draws = random.Random(seed)  # nosec B311: it is to be repeatable

    @contextmanager
    def around(self) -> Iterator[None]:
        """Be what is seen on this thread, for as long as this lasts."""
        before = getattr(_present, "ambience", None)
        _present.ambience = self
        profile = sys.getprofile()
        if profile is None:  # whoever measures calls already goes on doing so
            sys.setprofile(_refuse_datetime)
        try:
            yield
        finally:
            _present.ambience = before
            if profile is None:
                sys.setprofile(None)


def _refuse_datetime(_frame: FrameType, event: str, called: object) -> None:
    """Raise if `datetime` is asked for the present."""
    if event != "c_call":
        return
    if getattr(called, "__name__", "") in _PRESENT_OF_DATETIME:
        owner = getattr(called, "__self__", None)
        if isinstance(owner, type) and issubclass(owner, date):
            name = f"{owner.__name__}.{getattr(called, '__name__', '')}"
            raise MisuseError(
                f"{name}() reads a clock, which is another one on each replica; put"
                " the time into the command"
            )


_PRESENT_OF_DATETIME: Final = frozenset({"now", "today", "utcnow"})

_present: Final = threading.local()

_lock: Final = threading.Lock()

_lent: list[tuple[Any, str, Any]] = []
"""What was replaced: where, under which name, and the real thing."""

_holders: Final[list[object]] = []
"""Who wants them replaced."""


def _twin(
    real: Callable[..., Any], lent: Callable[[Ambience], Callable[..., Any]]
) -> Callable[..., Any]:
    """Return what does as the real thing does, but where an ambience is present."""

    def twin(*args: Any, **options: Any) -> Any:
        ambience = getattr(_present, "ambience", None)
        function = real if ambience is None else lent(ambience)
        return function(*args, **options)

    return twin


def _nanos(seconds: Callable[[], float]) -> Callable[[], int]:
    """Return a clock that counts nanoseconds."""
    return lambda: round(seconds() * 1e9)


def _twins() -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """Yield what is replaced: where, under which name, by what."""
    clocks: dict[str, Callable[[Ambience], Callable[..., Any]]] = {
        "time": lambda lent: lent.clock.wall,
        "time_ns": lambda lent: _nanos(lent.clock.wall),
        "monotonic": lambda lent: lent.clock.now,
        "monotonic_ns": lambda lent: _nanos(lent.clock.now),
        "perf_counter": lambda lent: lent.clock.now,
        "perf_counter_ns": lambda lent: _nanos(lent.clock.now),
    }
    for name, lent in clocks.items():
        yield time, name, _twin(getattr(time, name), lent)
    shared = random.random.__self__  # type: ignore[attr-defined]  # a bound method
    for name in random.__all__:
        real = getattr(random, name)
        if getattr(real, "__self__", None) is shared:
            yield random, name, _twin(real, _drawn_by(name))
    for name in ("ctime", "gmtime", "localtime"):
        real = getattr(time, name)
        yield time, name, _twin(real, _told_by(real))
    for module, name in ((os, "urandom"), (random, "_urandom")):
        yield module, name, _twin(os.urandom, lambda lent: lent.draws.randbytes)


def _drawn_by(name: str) -> Callable[[Ambience], Callable[..., Any]]:
    """Return where a replica has a function of `random`."""

    def lent(ambience: Ambience) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(ambience.draws, name)
        return function

    return lent


def _told_by(
    real: Callable[..., Any],
) -> Callable[[Ambience], Callable[..., Any]]:
    """Return where a replica has a function of `time` that means now by default."""

    def lent(ambience: Ambience) -> Callable[..., Any]:
        def told(seconds: float | None = None) -> Any:
            return real(ambience.clock.wall() if seconds is None else seconds)

        return told

    return lent


@contextmanager
def ambience_lent(module_name: str) -> Iterator[None]:
    """Have `Ambience.around` seen by whoever asks `time`, `random` or `os`.

    Parameters
    ----------
    module_name : str
        A module whose own names for these functions count as well.
    """
    holder = object()
    with _lock:
        _holders.append(holder)
        if len(_holders) == 1:
            module = sys.modules.get(module_name)
            for owner, name, twin in list(_twins()):
                real = getattr(owner, name)
                _replace(owner, name, twin)
                for alias, value in list(vars(module).items() if module else ()):
                    if value is real:
                        _replace(module, alias, twin)
    try:
        yield
    finally:
        with _lock:
            _holders.remove(holder)
            if not _holders:
                while _lent:
                    owner, name, real = _lent.pop()
                    setattr(owner, name, real)


def _replace(owner: Any, name: str, twin: Callable[..., Any]) -> None:
    """Put a twin in the place of the real thing, which is remembered."""
    _lent.append((owner, name, getattr(owner, name)))
    setattr(owner, name, twin)
