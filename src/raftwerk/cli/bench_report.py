"""What a benchmark found: percentiles by kind, as a table, in JSON, and as a plot."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from raftwerk.cli.bench_load import Tally
from raftwerk.cli.output import table

__all__ = ["Figures", "Report", "make_report", "plot_lines", "report_lines"]

PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)

PLOT_ROWS: Final = 20
PLOT_WIDTH: Final = 48
"""Characters of the longest bar, so that a line fits 80 columns."""

EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
"""A character cell, filled by so many eighths."""

TROUBLES_SHOWN: Final = 5


class Figures(msgspec.Struct, frozen=True):
    """How requests of one kind did.

    Parameters
    ----------
    kind : str
        One of `raftwerk.cli.bench_mix.KINDS`, or ``all``.
    answers : int
        How many were done.
    per_second : float
        Answers a second.
    mean_millis : float
        From request to answer.
    percentiles_millis : dict of str to float
        The same, by percentile: ``"99.9"``, say.
    max_millis : float
        The longest.
    """

    kind: str
    answers: int
    per_second: float
    mean_millis: float
    percentiles_millis: dict[str, float]
    max_millis: float


class Report(msgspec.Struct, frozen=True):
    """What a benchmark found.

    Parameters
    ----------
    seconds : float
        How long it measured.
    figures : list of Figures
        For each kind; ``all`` of them last, if there is more than one.
    failed : int
        Requests that were not done.
    troubles : dict of str to int
        Why not, and how often.
    """

    seconds: float
    figures: list[Figures]
    failed: int
    troubles: dict[str, int]


def make_report(tally: Tally, seconds: float) -> Report:
    """Return what a load came to.

    Parameters
    ----------
    tally : Tally
        What came of each request.
    seconds : float
        How long it went on.

    Returns
    -------
    Report
        The figures.
    """
    kinds = {kind: sorted(took) for kind, took in sorted(tally.seconds.items())}
    if len(kinds) > 1:
        kinds["all"] = sorted(one for took in kinds.values() for one in took)
    return Report(
        seconds=round(seconds, 3),
        figures=[_figures(kind, took, seconds) for kind, took in kinds.items()],
        failed=tally.troubles.total(),
        troubles=dict(tally.troubles.most_common()),
    )


def _figures(kind: str, took: Sequence[float], seconds: float) -> Figures:
    """Return the figures of sorted times."""
    return Figures(
        kind=kind,
        answers=len(took),
        per_second=round(len(took) / seconds, 1),
        mean_millis=_millis(math.fsum(took) / len(took)),
        percentiles_millis={
            f"{percentile:g}": _millis(percentile_of(took, percentile))
            for percentile in PERCENTILES
        },
        max_millis=_millis(took[-1]),
    )


def percentile_of(ordered: Sequence[float], percentile: float) -> float:
    """Return the least value that so many percent of all don't exceed.

    Parameters
    ----------
    ordered : sequence of float
        Ascending, at least one.
    percentile : float
        From 0 to 100.

    Returns
    -------
    float
        One of them.

    Examples
    --------
    >>> percentile_of([1.0, 2.0, 3.0, 4.0], 50), percentile_of([1.0, 2.0], 99)
    (2.0, 2.0)
    """
    place = math.ceil(len(ordered) * percentile / 100)
    return ordered[max(place, 1) - 1]


def report_lines(report: Report) -> list[str]:
    """Return the figures for people.

    Parameters
    ----------
    report : Report
        Of a benchmark.

    Returns
    -------
    list of str
        A table, and what went wrong.
    """
    names = [f"{percentile:g} %" for percentile in PERCENTILES]
    rows = [
        [
            figures.kind,
            f"{figures.answers:,}",
            f"{figures.per_second:,.0f}",
            f"{figures.mean_millis:.2f}",
            *[f"{value:.2f}" for value in figures.percentiles_millis.values()],
            f"{figures.max_millis:.2f}",
        ]
        for figures in report.figures
    ]
    headings = ["kind", ">answers", ">a second", ">mean ms"]
    lines = table([*headings, *[f">{name}" for name in names], ">max ms"], rows)
    if report.failed:
        lines += ["", f"{report.failed:,} requests failed:"]
        shown = list(report.troubles.items())[:TROUBLES_SHOWN]
        lines += [f"{count:>8,}  {words}" for words, count in shown]
    return lines


def plot_lines(tally: Tally) -> list[str]:
    """Return how long answers took, as bars.

    Parameters
    ----------
    tally : Tally
        With at least one answer.

    Returns
    -------
    list of str
        A bar for each interval; intervals grow by an equal factor.
    """
    took = sorted(one for times in tally.seconds.values() for one in times)
    low, high = max(took[0], 1e-6), max(took[-1], took[0] * 1.01, 1.01e-6)
    factor = (high / low) ** (1 / PLOT_ROWS)
    counts = [0] * PLOT_ROWS
    for one in took:
        row = math.log(max(one, low) / low, factor)
        counts[min(int(row), PLOT_ROWS - 1)] += 1
    most = max(counts)
    lines = ["answers by the time they took, up to so many ms"]
    for row, count in enumerate(counts):
        upper = _millis(low * factor ** (row + 1))
        lines.append(f"{upper:>10.2f} {_bar(count / most):<{PLOT_WIDTH}} {count:>9,}")
    return lines


def _bar(share: float) -> str:
    """Return a bar of a share of the width, to an eighth of a character."""
    eighths = math.ceil(share * PLOT_WIDTH * 8)
    whole, rest = divmod(eighths, 8)
    return EIGHTHS[8] * whole + (EIGHTHS[rest] if rest else "")


def _millis(seconds: float) -> float:
    """Return milliseconds, to the microsecond."""
    return round(seconds * 1000, 3)
