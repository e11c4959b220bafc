"""How many, and how long: counts and percentiles of what a node does, while asked for.

A window holds what happened since it was taken last. Durations beyond its bound are
counted and forgotten one in two, evenly, so that percentiles stay true.
"""

from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

from raftwerk.host.protocol import Clock

__all__ = ["Durations", "Meter", "percentiles"]

SAMPLES_MAX: Final = 2048

RANKS: Final = (0.5, 0.9, 0.99)

Result = TypeVar("Result")


def percentiles(samples: Sequence[float]) -> list[float] | None:
    """Return the median, the 90th and the 99th percentile, by nearest rank.

    Parameters
    ----------
    samples : sequence of float
        In any order.

    Returns
    -------
    list of float or None
        Three of the samples; None if there is none.
    """
    if not samples:
        return None
    ordered = sorted(samples)
    last = len(ordered) - 1
    return [ordered[min(int(rank * len(ordered)), last)] for rank in RANKS]


class Durations:
    """How long things took since this was asked last."""

    def __init__(self) -> None:
        self.count = 0
        self._samples: list[float] = []
        self._stride = 1

    def add(self, seconds: float) -> None:
        """Count one.

        Parameters
        ----------
        seconds : float
            How long it took.
        """
        self.count += 1
        if self.count % self._stride:
            return
        self._samples.append(seconds)
        if len(self._samples) >= SAMPLES_MAX:
            del self._samples[::2]
            self._stride *= 2

    def take(self) -> tuple[int, list[float] | None]:
        """Return how many there were, and their percentiles; begin anew.

        Returns
        -------
        tuple of int and list of float or None
            Percentiles in seconds, see `percentiles`.
        """
        taken = self.count, percentiles(self._samples)
        self.count, self._samples, self._stride = 0, [], 1
        return taken


class Meter:
    """What a node does with requests, and what its disk does.

    Parameters
    ----------
    clock : Clock
        Measures.

    Attributes
    ----------
    is_on : bool
        Whether anybody wants to know: nothing is measured otherwise.
    writes, reads, syncs : Durations
        Proposals until they are applied here, reads until they are linearizable, and
        calls for the disk to make things durable.
    """

    __slots__ = ("_clock", "is_on", "reads", "syncs", "writes")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.is_on = False
        self.writes = Durations()
        self.reads = Durations()
        self.syncs = Durations()

    def reset(self) -> None:
        """Forget all that was measured."""
        self.writes = Durations()
        self.reads = Durations()
        self.syncs = Durations()

    def synced(self, seconds: float) -> None:
        """Note how long a sync took, while anybody wants to know.

        Parameters
        ----------
        seconds : float
            How long.
        """
        if self.is_on:
            self.syncs.add(seconds)

    async def timed(self, durations: Durations, outcome: Awaitable[Result]) -> Result:
        """Wait for something, and count how long it took if it went well.

        Parameters
        ----------
        durations : Durations
            One of ours.
        outcome : awaitable
            What is waited for.

        Returns
        -------
        object
            Its result.
        """
        began = self._clock.now()
        result = await outcome
        durations.add(self._clock.now() - began)
        return result
