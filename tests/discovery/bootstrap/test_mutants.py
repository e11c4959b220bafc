"""Each rule of a first start is broken once, to see that the walks notice.

A rule that could be left out without a failure would be either superfluous or untested.
"""

import msgspec
import pytest

from raftwerk.discovery.bootstrap import Bootstrap, Proposal, Record, View
from raftwerk.host.draw import SplitMix64
from tests.discovery.bootstrap.world import World

WALKS_MAX = 4_000
STEPS = 300

# A mutant overrides one rule, and rules are private to their machine.
# pylint: disable=protected-access


class FreeByItsOwnWord(Bootstrap):
    """A promise ends when the one who gave it voids it."""

    def _is_void(self, promise: Proposal) -> bool:
        return bool(self._known_voiders(promise))


class StartsWithAMajority(Bootstrap):
    """The proposer starts before all have promised."""

    def _may_start(self, promise: Proposal) -> bool:
        promised = self._promisers | {self._id}
        return promise.proposer == self._id and len(promised) >= promise.quorum


class StartsAfterVoiding(Bootstrap):
    """Who voided a proposal starts it nevertheless."""

    def _keep(self, durable: Record, promise: Proposal) -> Record:
        if self._is_started_elsewhere and not self._is_void(promise):
            return msgspec.structs.replace(durable, has_started=True)
        return super()._keep(durable, promise)


class VoidsAfterStarting(Bootstrap):
    """Who has started still lets itself be talked out of it by a single one."""

    def _keep(self, durable: Record, promise: Proposal) -> Record:
        if durable.has_started and self._voiders:
            freed = durable.with_void(promise)
            return msgspec.structs.replace(freed, promise=None, has_started=False)
        return super()._keep(durable, promise)


class PromisesTwice(Bootstrap):
    """A newer offer takes the place of the promise."""

    def _keep(self, durable: Record, promise: Proposal) -> Record:
        chosen = self._choose(durable)
        if chosen.promise not in (None, promise) and not durable.has_started:
            return chosen
        return super()._keep(durable, promise)


class TellsWhatItIsAboutToWrite(Bootstrap):
    """A promise is told before it is durable."""

    def view(self) -> View:
        told = super().view()
        coming = self.next_record()
        return msgspec.structs.replace(told, promise=coming.promise, voids=coming.voids)


class ForgetsItsVoids(Bootstrap):
    """A void is forgotten with the promise."""

    def _keep(self, durable: Record, promise: Proposal) -> Record:
        kept = super()._keep(durable, promise)
        if kept.promise is None:
            return msgspec.structs.replace(kept, voids=())
        return kept


class CountsAttemptsAnew(Bootstrap):
    """The same set is proposed again under the same id."""

    def _choose(self, durable: Record) -> Record:
        chosen = super()._choose(durable)
        return msgspec.structs.replace(chosen, attempts=0)


UNSAFE: list[type[Bootstrap]] = [
    FreeByItsOwnWord,
    StartsWithAMajority,
    StartsAfterVoiding,
    PromisesTwice,
    TellsWhatItIsAboutToWrite,
    ForgetsItsVoids,
]

STUCK: list[type[Bootstrap]] = [CountsAttemptsAnew]


def failing_seed(mutant: type[Bootstrap], *, is_healed: bool) -> int | None:
    """Return the first seed whose walk fails, or stays without a cluster at its end."""
    for seed in range(WALKS_MAX):
        draw = SplitMix64(seed)
        started_max = (3, 5)[seed % 2]
        world = World(
            draw.below, replicas=3, started_max=started_max, make_machine=mutant
        )
        try:
            for _ in range(STEPS):
                world.step()
        except AssertionError:
            return seed
        if is_healed and started_max == 3:
            world.heal()
            if len(world.replicas) == 3 and not world.existing:
                return seed
    return None


@pytest.mark.parametrize(
    "mutant",
    [*UNSAFE, pytest.param(VoidsAfterStarting, marks=pytest.mark.long)],  # rare
)
def test_walks_notice_what_is_not_safe(mutant: type[Bootstrap]) -> None:
    assert failing_seed(mutant, is_healed=False) is not None, mutant.__doc__


@pytest.mark.parametrize("mutant", STUCK)
def test_walks_notice_what_gets_stuck(mutant: type[Bootstrap]) -> None:
    assert failing_seed(mutant, is_healed=True) is not None, mutant.__doc__
