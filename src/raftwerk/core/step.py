"""The whole of a member seen from outside: one input, one handler.

`step` settles the term, looks up and hands over; the handlers work. A test holds the
table against the union of all inputs.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from raftwerk.core import (
    acknowledgements,
    answers,
    append,
    clock,
    election,
    inputs,
    messages,
    proposals,
    read_index,
    snapshot,
    terms,
    transfer,
)
from raftwerk.core.inputs import Input
from raftwerk.core.invariants import check_invariants
from raftwerk.core.messages import Message
from raftwerk.core.state import State
from raftwerk.errors import MisuseError

__all__ = ["HANDLERS", "step"]

HANDLERS: Final[Mapping[type[Any], Callable[[State, Any], None]]] = {
    # What the driver says.
    inputs.Tick: clock.on_tick,
    inputs.Campaign: election.on_campaign,
    inputs.ForgetLeader: election.on_forget_leader,
    inputs.Propose: proposals.on_propose,
    inputs.ReadIndex: read_index.on_read_index,
    inputs.TransferLeadership: transfer.on_transfer_leadership,
    inputs.StepDown: transfer.on_step_down,
    inputs.ReportUnreachable: answers.on_report_unreachable,
    inputs.ReportSnapshot: answers.on_report_snapshot,
    inputs.StorageAppended: acknowledgements.on_storage_appended,
    inputs.EntriesApplied: acknowledgements.on_entries_applied,
    # What leaders say.
    messages.AppendEntries: append.on_append_entries,
    messages.Heartbeat: append.on_heartbeat,
    messages.InstallSnapshot: snapshot.on_install_snapshot,
    messages.TimeoutNow: election.on_timeout_now,
    messages.ReadIndexReply: read_index.on_read_index_reply,
    # What followers say.
    messages.AppendEntriesReply: answers.on_append_entries_reply,
    messages.AppendEntriesRefusal: answers.on_append_entries_refusal,
    messages.HeartbeatReply: answers.on_heartbeat_reply,
    messages.ForwardProposal: proposals.on_forward_proposal,
    messages.ForwardReadIndex: read_index.on_forward_read_index,
    messages.ForwardTransfer: transfer.on_forward_transfer,
    # What candidates and voters say.
    messages.RequestPreVote: election.on_request_pre_vote,
    messages.RequestPreVoteReply: election.on_request_pre_vote_reply,
    messages.RequestVote: election.on_request_vote,
    messages.RequestVoteReply: election.on_request_vote_reply,
}


def step(state: State, event: Input | Message) -> None:
    """Advance one member by one input; what it asks for waits for `ready`.

    Parameters
    ----------
    state : State
        This member.
    event : Input
        A message, or what the driver says.

    Raises
    ------
    MisuseError
        If it is no input at all, or one that can't be meant; nothing changed.
    NotProposed
        If the input was a proposal and was refused; nothing changed.
    InvariantViolation
        If raftwerk breaks a promise: the member must stop.
    """
    handler = HANDLERS.get(type(event))
    if handler is None:
        raise MisuseError(
            f"a member was given {event!r}; it takes the messages of core.messages and"
            " the inputs of core.inputs"
        )
    if (
        isinstance(event, Message)
        and event.term != state.term  # as it seldom is
        and not terms.settle(state, event)
    ):
        return  # Stale, or refused in silence: `core.terms` says when and why.
    handler(state, event)
    check_invariants(state)
