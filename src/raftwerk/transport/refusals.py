"""What a member says about proposals that were handed on to it, and that it dropped.

The core's `ForwardProposal` has no answer: what is taken comes back as an entry. What
is not taken would never be heard of again in this term, so the driver says that.
"""

from raftwerk.core.messages import Message

__all__ = ["ProposalsRefused"]


class ProposalsRefused(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """I did not append these that you handed on in this term, and never will.

    Sent once for each message that was dropped, and never delivered twice: by then the
    same proposal may have been handed on once more, and taken.
    """

    tickets: tuple[bytes, ...]
    """What marks each as the receiver's; see `runtime.envelope`."""
