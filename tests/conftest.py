"""What all tests share: how hypothesis draws, and what processes inherit."""

import signal
from pathlib import Path

from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

FAILED_EXAMPLES = Path(__file__).parents[1] / ".venv" / ".cache" / "hypothesis"

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
