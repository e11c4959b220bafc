"""An even number of voters is warned of, whoever names it."""

import msgspec
import pytest
import structlog

from raftwerk.cli.even_size import warn_of_even_size
from raftwerk.config import InitialMember, ServeConfig, Url

USUAL = ServeConfig()


def warned(config: ServeConfig) -> list[tuple[str, str, int, int]]:
    """Return what the log says."""
    with structlog.testing.capture_logs() as logged:
        warn_of_even_size(config)
    return [
        (line["log_level"], line["setting"], line["members"], line["failures"])
        for line in logged
    ]


@pytest.mark.parametrize(
    ("count", "failures"), [(1, None), (2, 0), (3, None), (4, 1), (5, None)]
)
def test_an_even_number_is_warned_of_once(count: int, failures: int | None) -> None:
    replicas = msgspec.structs.replace(
        USUAL,
        discovery=msgspec.structs.replace(USUAL.discovery, num_replicas=count),
    )
    names = [USUAL.name, *(f"n{number}" for number in range(1, count))]
    listed = msgspec.structs.replace(
        USUAL,
        initial_cluster=tuple(
            InitialMember(
                name,
                (
                    USUAL.initial_advertise_peer_urls
                    if name == USUAL.name
                    else (Url("10.0.0.1", 2000 + place),)
                ),
            )
            for place, name in enumerate(names)
        ),
    )
    joins = msgspec.structs.replace(listed, initial_cluster_state="existing")
    assert not warned(joins), "its list may be that of a moment"
    for config, setting in ((replicas, "num-replicas"), (listed, "initial-cluster")):
        assert warned(config) == (
            [] if failures is None else [("warning", setting, count, failures)]
        )
