"""What all tests share: draws, what processes inherit, and a second wait."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

FAILED_EXAMPLES = Path(__file__).parents[1] / ".venv" / ".cache" / "hypothesis"

# How a wait in real time says that it ran out: Python's own way, processes', and those
# of `tests.e2e.waiting` and of the pages.
RAN_OUT = ("TimeoutError", "TimeoutExpired", "still not: ", "never true")

# No deadline: a slow machine is not a wrong answer. What failed is tried first the next
# time, and printed so that it can be replayed elsewhere.
settings.register_profile(
    "raftwerk",
    database=DirectoryBasedExampleDatabase(FAILED_EXAMPLES),
    deadline=None,
    print_blob=True,
)
settings.load_profile("raftwerk")

# A shell's background jobs ignore ctrl-c, and those of `nohup` hang-ups; processes that
# tests start are to be asked to end as from a terminal, whoever runs the tests.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Wait once more where a wait of real processes ran out; a wrong answer is wrong.

    A machine that others share may stand still for longer than any wait. The second
    attempt is counted in the summary, so that it is seen (decision 245).
    """
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=list(RAN_OUT)))
