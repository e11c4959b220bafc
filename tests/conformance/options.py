"""The options of ``add-nodes``: what a node is told, and what it starts from."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from raftwerk.core.config import NO_LIMIT, CoreConfig
from raftwerk.core.records import ConfState, Snapshot
from raftwerk.errors import ConfigError
from raftwerk.types import LogIndex, NodeId, Term

from .changes import CommandError
from .script import Argument, ScriptError

__all__ = ["ELECTION_TICKS", "HEARTBEAT_TICKS", "bootstrap_snapshot", "configuration"]

ELECTION_TICKS: Final = 3
HEARTBEAT_TICKS: Final = 1
OPTIONS: Final[dict[str, tuple[str, Callable[[Argument], Any]]]] = {
    # option: field of the configuration, and how its value is read
    "inflight": ("inflight_messages_max", Argument.number),
    "inflight-bytes": ("inflight_bytes_max", Argument.number),
    "max-size-per-msg": ("append_bytes_max", Argument.number),
    "max-uncommitted-size": ("uncommitted_bytes_max", Argument.number),
    "max-committed-size-per-ready": ("committed_bytes_max", Argument.number),
    "async-storage-writes": ("asynchronous_storage", Argument.truth),
    "prevote": ("pre_vote", Argument.truth),
    "checkquorum": ("check_quorum", Argument.truth),
    "step-down-on-removal": ("step_down_on_removal", Argument.truth),
    "disable-conf-change-validation": (
        "validate_changes",
        lambda argument: not argument.truth(),
    ),
    "disable-proposal-forwarding": (
        "forward_proposals",
        lambda argument: not argument.truth(),
    ),
}
BOOTSTRAP_OPTIONS: Final = ("voters", "learners", "index", "content")


def configuration(
    node_id: NodeId, options: Mapping[str, Argument], applied_index: LogIndex
) -> CoreConfig:
    """Return the configuration of a node: the scripts' defaults, then what is asked."""
    asked: dict[str, Any] = {}
    for key, argument in options.items():
        if key == "read-only":
            asked["lease_read"] = _is_lease_based(argument.value)
        elif key in OPTIONS:
            field, read = OPTIONS[key]
            asked[field] = read(argument)
        elif key not in BOOTSTRAP_OPTIONS:
            raise ScriptError(f"add-nodes has no option {key!r}")
    scripts: dict[str, Any] = {
        "node_id": node_id,
        "election_ticks_min": ELECTION_TICKS,
        "election_ticks_max": 2 * ELECTION_TICKS - 1,
        "heartbeat_ticks": HEARTBEAT_TICKS,
        "pre_vote": False,
        "check_quorum": False,
        "step_down_on_removal": False,
        "join_by_older_snapshot": False,
        "lead_before_own_vote": True,
        "append_bytes_max": NO_LIMIT,
        "inflight_messages_max": 2**31 - 1,
        "inflight_bytes_max": NO_LIMIT,
        "uncommitted_bytes_max": NO_LIMIT,
        "committed_bytes_max": NO_LIMIT,
        "applied_index": applied_index,
    }
    try:
        return CoreConfig(**(scripts | asked))
    except ConfigError as error:
        raise CommandError(str(error)) from None


def bootstrap_snapshot(options: Mapping[str, Argument]) -> Snapshot:
    """Return the snapshot that nodes start from; an empty one for blank nodes."""
    if options.keys().isdisjoint(BOOTSTRAP_OPTIONS):
        return Snapshot()

    def ids(key: str) -> tuple[NodeId, ...]:
        if key not in options:
            return ()
        return tuple(sorted(NodeId(number) for number in options[key].numbers()))

    index = options["index"].number() if "index" in options else 0
    if index <= 1:
        raise CommandError("index must be specified as > 1 due to bootstrap")
    return Snapshot(
        index=LogIndex(index),
        term=Term(1),
        conf_state=ConfState(voters=ids("voters"), learners=ids("learners")),
        data=options["content"].value.encode() if "content" in options else b"",
    )


def _is_lease_based(option: str) -> bool:
    """Return whether reads are answered by the clock."""
    if option not in ("safe", "lease-based"):
        raise CommandError(f'invalid read-only option "{option}"')
    return option == "lease-based"
