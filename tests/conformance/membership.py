"""Harness 2: changes of a configuration alone, without a log or a node."""

from raftwerk.core.config import NO_LIMIT
from raftwerk.core.membership import enter_joint, leave_joint, simple
from raftwerk.core.records import Change
from raftwerk.core.tracker import Tracker
from raftwerk.errors import InvalidChange
from raftwerk.types import LogIndex

from .changes import CommandError, parse_changes
from .format import describe_configuration, describe_progress_map
from .script import Directive

__all__ = ["COMMANDS", "MembershipChanges"]

COMMANDS = frozenset({"simple", "enter-joint", "leave-joint"})


class MembershipChanges:
    """A group that is empty at first; it lives as long as one file is run."""

    def __init__(self) -> None:
        self._tracker = Tracker(inflight_messages_max=10, inflight_bytes_max=NO_LIMIT)
        self._last_index = 0

    def handle(self, directive: Directive) -> str:
        """Carry out one directive and return what it printed."""
        try:
            return self._change(directive, parse_changes(directive.input))
        except CommandError as refusal:
            return str(refusal)
        except InvalidChange as refusal:
            return f"{refusal}\n"
        finally:
            self._last_index += 1

    def _change(self, directive: Directive, changes: tuple[Change, ...]) -> str:
        """Change the group, or raise and leave it as it is."""
        tracker = self._tracker
        present = tracker.conf_state
        match directive.command:
            case "simple":
                result = simple(present, changes)
            case "enter-joint":
                option = directive.option("autoleave")
                auto_leave = option is not None and option.truth()
                result = enter_joint(present, changes, auto_leave)
            case "leave-joint":
                if changes:
                    raise InvalidChange("this command takes no input")
                result = leave_joint(present)
            case _:
                raise CommandError("unknown command")
        tracker.adopt(result, LogIndex(self._last_index))
        views = [(node_id, one.view()) for node_id, one in tracker.progress.items()]
        configuration = describe_configuration(tracker.conf_state)
        return f"{configuration}\n{describe_progress_map(views)}"
