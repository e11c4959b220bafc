"""``raftwerk sim``: a whole cluster on virtual time, under faults, from a seed.

Standard output is a function of the options; progress, times and paths go to standard
error, where nobody compares them.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from shlex import quote
from time import monotonic, process_time
from typing import Final

import msgspec

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.output import write_json, write_lines
from raftwerk.cli.trial import NamedTrial
from raftwerk.sim.campaign import NOT_RUN, Told, not_run, simulate, smallest
from raftwerk.sim.engine import Engine
from raftwerk.sim.plan import Plan, encode_plan
from raftwerk.sim.report import LAST_LINES, story_of, summary_of
from raftwerk.sim.run import Outcome, record_plan
from raftwerk.sim.tried_run import record_trial
from raftwerk.storage.memory_disk import MemoryDisk

__all__ = ["sim"]

BAR_CHARACTERS: Final = 30


def sim(
    plans: Sequence[Plan],
    *,
    again: Callable[[Outcome], str],
    jobs: int,
    as_json: bool,
    evidence: Path | None,
    shrinks: bool,
    tried: NamedTrial = NamedTrial(),
    engine: Engine | None = None,
) -> ExitCode:
    """Run plans, and tell what became of them.

    Parameters
    ----------
    plans : sequence of Plan
        What is to happen.
    again : callable
        Returns the command that brings a run about again, but for what a user brought.
    jobs : int
        How many processes there are.
    as_json : bool
        Whether programs read it.
    evidence : Path or None
        Where the stories of runs that failed go; None: nowhere.
    shrinks : bool
        Whether a run that failed is made small.
    tried : NamedTrial
        What a user brought, if anything.
    engine : Engine or None
        Where the plans run; None: in processes of this machine.

    Returns
    -------
    ExitCode
        `FAILED` if a property did not hold in any of them.
    """
    run = partial(simulate, trial=tried.trial)
    map_all = engine or partial(map_in_processes, jobs=jobs)
    outcomes, failed = _run_and_watch(plans, map_all(run, plans), 0 if engine else jobs)
    small = _made_small(failed, run) if shrinks else failed
    if evidence is not None:
        _keep_all(small, evidence, tried)
    if as_json:
        write_json(
            {
                "runs": [msgspec.to_builtins(each) for each in outcomes],
                "smallest": [msgspec.to_builtins(plan) for plan, _ in small],
                "summary": summary_of(outcomes),
            }
        )
    else:
        _write_stories(failed, small, again, tried)
        write_lines([_line_of(outcomes)])
    return ExitCode.FAILED if failed else ExitCode.OK


def _write_stories(
    failed: Sequence[tuple[Plan, Told]],
    small: Sequence[tuple[Plan, Told]],
    again: Callable[[Outcome], str],
    tried: NamedTrial,
) -> None:
    """Tell of each run that failed, as small as it was made."""
    for (_, told), (plan, found) in zip(failed, small, strict=True):
        lines = found.lines[-LAST_LINES:]
        command = again(told.outcome) + tried.words
        write_lines([*story_of(found.outcome, plan, lines, command), ""])


def _line_of(outcomes: Sequence[Outcome]) -> str:
    """Return what became of all runs, in a line."""
    summary = summary_of(outcomes)
    held = sum(each.holds for each in outcomes)
    return (
        f"{held} of {len(outcomes)} runs held all properties:"
        f" {summary['virtual_seconds']} virtual seconds, {summary['commands']}"
        f" commands, {summary['faults']} faults, {summary['elections']} elections,"
        f" {summary['restarts']} restarts"
    )


def _run_and_watch(
    plans: Sequence[Plan], all_told: Iterator[Told], jobs: int
) -> tuple[list[Outcome], list[tuple[Plan, Told]]]:
    """Run plans, show how far that is, and return what became of them."""
    began, busy = monotonic(), process_time()
    outcomes: list[Outcome] = []
    failed: list[tuple[Plan, Told]] = []
    for plan, told in zip(plans, all_told, strict=True):
        outcomes.append(told.outcome)
        if not told.outcome.holds:
            failed.append((plan, told))
        _show_progress(len(outcomes), len(plans), len(failed))
    virtual = sum(each.virtual_seconds for each in outcomes)
    took = max(monotonic() - began, 1e-9)
    where = f"with {jobs} processes" if jobs else "on other machines"
    words = f"{virtual:.0f} virtual seconds in {took:.1f} s {where}"
    if jobs == 1:
        used = max(process_time() - busy, 1e-9)
        words += f", {used:.1f} s of CPU time: {virtual / used:.1f} to one"
    _tell(words)
    return outcomes, failed


def map_in_processes(
    function: Callable[[Plan], Told], plans: Sequence[Plan], jobs: int
) -> Iterator[Told]:
    """Run plans in so many processes; an `Engine` of this machine alone.

    Parameters
    ----------
    function : callable
        Runs one.
    plans : sequence of Plan
        To be run.
    jobs : int
        How many processes there are.

    Yields
    ------
    Told
        What became of each, in their order.
    """
    if jobs == 1:
        yield from map(function, plans)
        return
    waiting = deque(plans)
    while waiting:
        with _pool(jobs) as pool:
            running = [(plan, pool.submit(function, plan)) for plan in waiting]
            with suppress(BrokenProcessPool):
                for _, future in running:
                    yield future.result()
                    waiting.popleft()
        if waiting:  # Which of them it was that ended its process shows alone.
            yield _run_alone(function, waiting.popleft())


def _run_alone(function: Callable[[Plan], Told], plan: Plan) -> Told:
    """Run a plan in a process that runs nothing else."""
    with _pool(1) as pool:
        try:
            return pool.submit(function, plan).result()
        except BrokenProcessPool:
            return not_run(plan, "its process died each time, as if it was killed")


def _pool(jobs: int) -> ProcessPoolExecutor:
    """Return processes that are not forked: each begins clean."""
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))


def _made_small(
    failed: Sequence[tuple[Plan, Told]], run: Callable[[Plan], Told]
) -> list[tuple[Plan, Told]]:
    """Return for each plan the smallest that fails in the same way."""
    small = []
    for plan, told in failed:
        if told.outcome.violation == NOT_RUN:  # here it might end this process
            small.append((plan, told))
            continue
        _tell(f"seed {plan.seed}: {told.outcome.violation}; making it small")
        small.append(smallest(plan, told, run))
    return small


def _keep_all(
    small: Sequence[tuple[Plan, Told]], evidence: Path, tried: NamedTrial
) -> None:
    """Write down what happened in each; what can't be written is shown all the same."""
    try:
        for plan, told in small:
            if told.outcome.violation == NOT_RUN:
                continue
            evidence.mkdir(parents=True, exist_ok=True)
            _keep(plan, told, evidence, tried)
    except OSError as error:
        _tell(f"evidence is {evidence}, where nothing can be kept: {error.strerror}")


def _keep(plan: Plan, told: Told, evidence: Path, tried: NamedTrial) -> None:
    """Write down what happened, and how to have it again."""
    base = evidence / f"seed-{plan.seed}"
    scenario = base.with_suffix(".json")
    scenario.write_bytes(encode_plan(plan) + b"\n")
    command = f"raftwerk sim --scenario {quote(str(scenario))}{tried.words}"
    story = story_of(told.outcome, plan, told.lines, command)
    base.with_suffix(".txt").write_text("\n".join(story) + "\n", "utf-8")
    with suppress(Exception):  # an error that has no name has no recording
        flights = MemoryDisk()
        if tried.trial is None:
            _, lines = record_plan(plan, flights)
        else:
            _, lines = record_trial(tried.trial, plan, flights)
        base.with_suffix(".events").write_bytes(b"\n".join(lines) + b"\n")
        _keep_flights(flights, base.with_suffix(".flights"))
    _tell(
        f"story in {base}.txt, for the page in {base}.events, for raftwerk replay in"
        f" {base}.flights; again: {command}"
    )


def _keep_flights(disk: MemoryDisk, target: Path) -> None:
    """Write down what each member's core was told, a folder for each member."""
    for member in disk.list_directory("/"):
        folder = target / member
        folder.mkdir(parents=True, exist_ok=True)
        for name in disk.list_directory(f"/{member}"):
            (folder / name).write_bytes(disk.read_file(f"/{member}/{name}"))


def _show_progress(done: int, count: int, failed: int) -> None:
    """Draw a bar, where a person looks."""
    if not sys.stderr.isatty():
        return
    filled = BAR_CHARACTERS * done // count
    drawn = "#" * filled + "." * (BAR_CHARACTERS - filled)
    end = "\n" if done == count else ""
    print(f"\r[{drawn}] {done}/{count}, {failed} failed", end=end, file=sys.stderr)


def _tell(words: str) -> None:
    """Tell a person something that is none of the result."""
    print(f"raftwerk: {words}", file=sys.stderr)
