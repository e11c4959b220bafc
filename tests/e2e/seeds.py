"""One seed for each test: drawn, printed, and taken again when it is given."""

import os
import random

from raftwerk.host.draw import SplitMix64

SEED_VARIABLE = "RAFTWERK_SEED"


def seeded_draw() -> SplitMix64:
    """Return a draw by the seed that was asked for, else by a new one; print it."""
    seed = os.environ.get(SEED_VARIABLE) or random.SystemRandom().getrandbits(32)
    print(f"{SEED_VARIABLE}={seed}")
    return SplitMix64(int(seed))
