"""A benchmark's course: write all keys, warm up, measure, and show how far it is."""

import asyncio
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from raftwerk.cli.bench_load import Load, Tally
from raftwerk.cli.bench_mix import Mix, Shot
from raftwerk.errors import RaftwerkError

__all__ = ["NothingDone", "measure"]

LOOK_SECONDS: Final = 0.1


class NothingDone(RaftwerkError):
    """Not one request of a benchmark was answered."""


async def measure(
    load: Load, mix: Mix, warm_up: float, seconds: float
) -> tuple[Tally, float]:
    """Write all keys, warm up, and measure.

    Parameters
    ----------
    load : Load
        The connections.
    mix : Mix
        What is sent.
    warm_up : float
        Seconds of load that count for nothing.
    seconds : float
        How long to measure.

    Returns
    -------
    tuple of Tally and float
        What came, and in how many seconds.

    Raises
    ------
    NothingDone
        If not one key could be written, or nothing was answered later.
    """
    with _progress() as progress:
        filled = await _fill(load, mix, progress)
        if not filled.answers:
            raise _nothing_done(filled)
        if warm_up:
            await _run_for(load, mix, warm_up, progress, "warm-up")
        tally, took = await _run_for(load, mix, seconds, progress, "measuring")
    if not tally.answers:
        raise _nothing_done(tally)
    return tally, took


async def _fill(load: Load, mix: Mix, progress: Progress) -> Tally:
    """Put each key once; what can't be reached at all is given up soon."""
    shots = mix.all_keys()
    tally = Tally()
    task = progress.add_task("writing keys", total=len(shots))
    left: Iterator[Shot] = iter(shots)

    def _next() -> Shot | None:
        """Return the next put, unless all fails."""
        progress.update(task, completed=tally.answers)
        if not tally.answers and tally.troubles:
            return None
        return next(left, None)

    await load.run(_next, tally)
    progress.update(task, completed=len(shots))
    return tally


async def _run_for(
    load: Load, mix: Mix, seconds: float, progress: Progress, words: str
) -> tuple[Tally, float]:
    """Send what is drawn for so long."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    task = progress.add_task(words, total=seconds)
    tally = Tally()

    def _next() -> Shot | None:
        """Return the next request, until the time is over."""
        return mix.draw() if loop.time() < began + seconds else None

    async def _show() -> None:
        """Show how far it is."""
        while True:
            progress.update(task, completed=loop.time() - began)
            await asyncio.sleep(LOOK_SECONDS)

    showing = asyncio.ensure_future(_show())
    try:
        await load.run(_next, tally)
    finally:
        showing.cancel()
    progress.update(task, completed=seconds)
    return tally, loop.time() - began


def _progress() -> Progress:
    """Return bars on standard error, if that is a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=40),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def _nothing_done(tally: Tally) -> NothingDone:
    """Return that nothing was answered, with the trouble that came most often."""
    ((words, _),) = tally.troubles.most_common(1) or [("nothing was sent", 0)]
    return NothingDone(f"no request was answered; {words}")
