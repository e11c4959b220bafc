"""What a demo says when something can't be done to it."""

from raftwerk.errors import RaftwerkError

__all__ = ["DemoRefusal"]


class DemoRefusal(RaftwerkError):
    """What was asked for can't be done; the message says why."""
