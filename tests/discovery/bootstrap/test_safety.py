"""Whatever happens around a first start, one cluster comes of it at most."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raftwerk.host.draw import SplitMix64
from tests.discovery.bootstrap.world import World

WALKS = int(os.environ.get("RAFTWERK_TEST_WALKS", "150"))
STEPS = 400

choices = st.lists(st.integers(0, 2**16 - 1), max_size=600)


class Choices:
    """Choices from a list that hypothesis can shrink; none are left at its end."""

    def __init__(self, numbers: list[int]) -> None:
        self._numbers = iter(numbers)
        self.is_over = False

    def below(self, bound: int) -> int:
        number = next(self._numbers, None)
        self.is_over = number is None
        return (number or 0) % bound


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(choices, st.integers(1, 5), st.booleans())
def test_fewer_than_twice_as_many_replicas_never_found_two_clusters(
    numbers: list[int], replicas: int, has_room: bool
) -> None:
    drawn = Choices(numbers)
    started_max = 2 * replicas - 1 if has_room else replicas
    world = World(drawn.below, replicas=replicas, started_max=started_max)
    while not drawn.is_over:
        world.step()


@pytest.mark.parametrize("replicas", [2, 3, 4])
def test_long_walks_never_found_two_clusters(replicas: int) -> None:
    for seed in range(WALKS):
        draw = SplitMix64(seed)
        world = World(draw.below, replicas=replicas, started_max=2 * replicas - 1)
        try:
            for _ in range(STEPS):
                world.step()
        except AssertionError as error:
            raise AssertionError(f"{replicas} replicas, seed {seed}: {error}") from None


@pytest.mark.parametrize("replicas", [1, 2, 3, 4, 5])
def test_replicas_found_a_cluster_once_the_network_is_whole(replicas: int) -> None:
    founded = 0
    for seed in range(WALKS // 2):
        draw = SplitMix64(seed)
        world = World(draw.below, replicas=replicas, started_max=replicas)
        for _ in range(draw.below(STEPS)):
            world.step()
        if len(world.replicas) < replicas:
            continue  # one was wiped, and its promises went with it
        founded += 1
        world.heal()
        found = {world.cluster_of(replica) for replica in world.replicas}
        assert found == world.existing and len(found) == 1, f"seed {seed}"
    assert founded > WALKS // 8


def test_replicas_that_come_later_join_what_exists() -> None:
    for seed in range(20):
        draw = SplitMix64(seed)
        world = World(draw.below, replicas=3, started_max=3)
        while len(world.replicas) < 3:
            world.start_new()
        world.heal(10)
        assert len(world.existing) == 1
        world.started_max = 9  # three times as many, who see the cluster
        while len(world.replicas) < 9:
            world.start_new()
        world.heal(10)
        assert len(world.existing) == 1
        assert set(map(world.cluster_of, world.replicas)) == world.existing
