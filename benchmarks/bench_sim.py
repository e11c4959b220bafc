"""The simulator: virtual seconds for each second of CPU, and seeds a minute.

    python benchmarks/bench_sim.py [--seconds S] [--rounds R] [--seeds N] [--profile W]

The whole cluster runs in one interpreter, so what a virtual second costs is what all
members' real code costs in it: a call of a client in a group of five is about twenty
messages and thirty turns of drivers, an idle group's second is twenty heartbeats of its
leader to four others and their answers.

CPU time is counted, for a busy machine changes that least; from the birth of the group
to the verdict, all checks included. The wires are messages in one half of the rounds
and byte streams in the other, with the real transport behind them.
"""

import argparse
import cProfile
import os
import platform
import pstats
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Final, Literal

import msgspec

from raftwerk.sim.faults import draw_plan
from raftwerk.sim.plan import Plan
from raftwerk.sim.run import Outcome, run_plan

NODES: Final = 5
OPERATIONS_A_SECOND: Final = 100
CLIENTS: Final = 10
CALL_SECONDS: Final = 0.004
"""What a call takes on average, by which a client's pause is shorter."""

CAMPAIGN_SECONDS: Final = 60.0
JOBS: Final = 2

Wires = Literal["messages", "streams"]


def quiet(seed: int, seconds: float, wires: Wires) -> Plan:
    """Return a group whom nobody asks for anything."""
    return Plan(
        seed=seed,
        nodes=NODES,
        seconds=seconds,
        writers=0,
        holders=0,
        watchers=0,
        bankers=0,
        leaseholders=0,
        readers=0,
        repeaters=0,
        snapshot_entries=1_000,
        wires=wires,
    )


def calm(seed: int, seconds: float, wires: Wires) -> Plan:
    """Return a group with so many operations a second, and no faults."""
    return msgspec.structs.replace(
        quiet(seed, seconds, wires),
        writers=CLIENTS,
        pace_seconds=CLIENTS / OPERATIONS_A_SECOND - CALL_SECONDS,
    )


def measured(plan: Plan) -> tuple[Outcome, float]:
    """Run a plan, and return what became of it and what it cost."""
    begin = time.process_time()
    outcome, story = run_plan(plan)
    cost = time.process_time() - begin
    if not outcome.holds:
        raise SystemExit("\n".join(story))
    return outcome, cost


def bench_calm(name: str, seconds: float, rounds: int) -> None:
    """Measure how much faster than time a group without faults runs."""
    make = PLANS[name]
    for wires in ("messages", "streams"):
        ratios, operations, commands = [], 0, 0
        for seed in range(rounds):
            outcome, cost = measured(make(seed, seconds, wires))
            ratios.append(outcome.virtual_seconds / cost)
            operations += sum(outcome.outcomes.values())
            commands += outcome.commands
        operations_a_second = operations / rounds / seconds
        print(
            f"{name:<6} {wires:<9} {statistics.median(ratios):>7.1f}x"
            f" ({min(ratios):.1f} to {max(ratios):.1f})"
            f" {operations_a_second:>6.1f} operations/s"
            f" {commands / rounds / seconds:>6.1f} entries/s",
            flush=True,
        )


def bench_campaign(seeds: int) -> None:
    """Measure how many seeds with all faults are run in a minute."""
    plans = [draw_plan(seed, seconds=CAMPAIGN_SECONDS) for seed in range(seeds)]
    begin = time.perf_counter()
    with ProcessPoolExecutor(JOBS) as pool:
        told = list(pool.map(measured, plans))
    seconds = time.perf_counter() - begin
    costs = [cost for _, cost in told]
    print(
        f"all faults, {CAMPAIGN_SECONDS:g} s each, {JOBS} processes:"
        f" {60 * seeds / seconds:.1f} seeds/minute;"
        f" {60 * JOBS / statistics.mean(costs):.1f} if the processors were theirs"
        f" ({statistics.mean(costs):.1f} s of CPU each, {min(costs):.1f} to"
        f" {max(costs):.1f})"
    )


PLANS: Final = {"calm": calm, "idle": quiet}


def main() -> None:
    """Measure all of it, or say where the time goes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="virtual ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=20, help="of the campaign")
    parser.add_argument("--profile", choices=[*PLANS, "all"])
    options = parser.parse_args()
    if options.profile is not None:
        if options.profile == "all":
            plan = draw_plan(0, seconds=options.seconds)
        else:
            plan = PLANS[options.profile](0, options.seconds, "messages")
        profile = cProfile.Profile()
        profile.runcall(run_plan, plan)
        pstats.Stats(profile).sort_stats("tottime").print_stats(60)
        return
    print(
        f"{platform.python_implementation()} {platform.python_version()},"
        f" {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )
    for name in PLANS:
        bench_calm(name, options.seconds, options.rounds)
    if options.seeds:
        bench_campaign(options.seeds)


if __name__ == "__main__":
    main()
