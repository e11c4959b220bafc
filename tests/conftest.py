"""What all tests share: how hypothesis draws, and where it keeps what failed."""

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
