"""Fixtures for pytest: a simulated cluster, and a real one in the test's process.

Imported by each run of pytest wherever raftwerk is installed, so it imports nothing of
raftwerk itself until a test asks for a fixture.
"""

# pylint: disable=import-outside-toplevel  # see above

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from raftwerk.sim import SimulationResult

__all__ = [
    "provide_cluster",
    "provide_seed",
    "provide_simulation",
    "pytest_addoption",
    "pytest_generate_tests",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Give pytest two options.

    Parameters
    ----------
    parser : pytest.Parser
        Of its command line.
    """
    group = parser.getgroup("raftwerk", "simulated clusters")
    group.addoption(
        "--raftwerk-seed", type=int, metavar="N", help="The seed of simulated clusters."
    )
    group.addoption(
        "--raftwerk-seeds", metavar="A..B", help="Many seeds: each test for each."
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have each test that simulates run once for each seed that was asked for.

    Parameters
    ----------
    metafunc : pytest.Metafunc
        A test.
    """
    if "raftwerk_seed" in metafunc.fixturenames:
        seeds = _wanted_seeds(metafunc.config)
        if seeds is not None:
            metafunc.parametrize("raftwerk_seed", seeds)


def _wanted_seeds(config: pytest.Config) -> range | None:
    """Return the seeds that the command line asks for, if it does."""
    one: int | None = config.getoption("--raftwerk-seed")
    many: str | None = config.getoption("--raftwerk-seeds")
    if many is None:
        return None if one is None else range(one, one + 1)
    if one is not None:
        raise pytest.UsageError("--raftwerk-seed and --raftwerk-seeds are both given")
    match = re.fullmatch(r"(\d+)\.\.(\d+)", many)
    if match is None or int(match[1]) > int(match[2]):
        allowed = "it must be A..B, with A at most B"
        raise pytest.UsageError(f"--raftwerk-seeds is {many}; {allowed}")
    return range(int(match[1]), int(match[2]) + 1)


@pytest.fixture(name="raftwerk_seed")
def provide_seed() -> int:
    """Return the seed of simulated clusters; the command line may choose others.

    Returns
    -------
    int
        0, if nobody asked for another one.
    """
    return 0


@pytest.fixture(name="raftwerk_sim")
def provide_simulation(
    request: pytest.FixtureRequest, raftwerk_seed: int
) -> Callable[..., "SimulationResult"]:
    """Return `raftwerk.sim.simulate`, which fails the test if something did not hold.

    Parameters
    ----------
    request : pytest.FixtureRequest
        The test.
    raftwerk_seed : int
        The seed, if the test does not name another.

    Returns
    -------
    callable
        Takes what `simulate` takes, and returns what it returns.
    """

    def _simulate(machine: Callable[[], Any], **options: Any) -> "SimulationResult":
        """Try a machine, and tell how to repeat that if it fails."""
        from raftwerk.sim import simulate

        options.setdefault("seed", raftwerk_seed)
        result = simulate(machine, **options)
        if not result.holds:
            place, _, name = request.node.nodeid.rpartition("::")
            command = f"pytest {place}::{name.partition('[')[0]}"
            command += f" --raftwerk-seed {options['seed']}"
            pytest.fail(f"{result}\n\nagain: {command}", pytrace=False)
        return result

    return _simulate


@pytest.fixture(name="raftwerk_cluster")
def provide_cluster(tmp_path: Path) -> Callable[..., Any]:
    """Return what runs a story with a real cluster, on an event loop of its own.

    Parameters
    ----------
    tmp_path : Path
        Where members keep their data.

    Returns
    -------
    callable
        Takes what makes a state machine, a coroutine function that is given a
        `raftwerk.testing.cluster.LocalCluster`, and options for that; returns what the
        story returned.
    """

    def _run(
        machine: Callable[[], Any], story: Callable[..., Any], **options: Any
    ) -> Any:
        """Start a cluster, have the story told, and stop it."""
        from raftwerk.testing.cluster import LocalCluster

        async def _told() -> Any:
            """Be the whole of it."""
            async with LocalCluster(machine, tmp_path, **options) as cluster:
                return await story(cluster)

        return asyncio.run(_told())

    return _run
