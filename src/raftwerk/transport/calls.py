"""What a member asks its leader in so many words, beside the core's own messages.

Some requests only a leader can judge (who may be added, say), and any member may be
asked them. They are handed on over the connections that peers have anyway: whoever sent
them was admitted there, and a simulated network carries them too.
"""

import enum

from raftwerk.core.messages import Message

__all__ = ["CallLeader", "CallMessage", "CallOutcome", "CallReply"]


class CallOutcome(enum.IntEnum):
    """What became of a call."""

    DONE = 0
    NOTHING = 1
    """Nothing happened and nothing will; the content says why."""
    UNKNOWN = 2
    """It may or may not happen; the content says why."""
    NOT_LEADING = 3
    """Nothing happened: ask whoever leads by now."""


class CallLeader(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """Do this and tell me what came of it, if you lead."""

    incarnation: int
    number: int
    topic: str
    content: bytes


class CallReply(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The answer to `CallLeader`, with its incarnation and number."""

    incarnation: int
    number: int
    outcome: CallOutcome
    content: bytes


CallMessage = CallLeader | CallReply
"""Every message of this kind."""
