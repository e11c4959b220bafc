"""Elections: standing, pre-vote, votes asked, given and counted.

Source: Raft paper §5.2, §5.4.1; thesis §9.6 (pre-vote), §3.10 (the ordered election of
a leadership transfer), §4.2.3 (why a live leader's followers don't vote). When an
election begins by itself is `clock.py`; which requests are not even looked at is
`terms.py`.
"""

from raftwerk.core.become import (
    become_candidate,
    become_follower,
    become_leader,
    become_pre_candidate,
)
from raftwerk.core.events import (
    CampaignNotPromotable,
    CampaignOfLeader,
    CampaignWithPendingChange,
    ElectionStarted,
    ForgetLeaderRefused,
    LeaderForgotten,
    TimeoutNowReceived,
    VoteCast,
    VoteReceived,
    VoteRefused,
    VoteRequested,
    VotesCounted,
)
from raftwerk.core.inputs import Campaign, ForgetLeader
from raftwerk.core.messages import (
    RequestPreVote,
    RequestPreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftwerk.core.quorum import VoteResult
from raftwerk.core.records import EntryKind
from raftwerk.core.replication import broadcast_append
from raftwerk.core.roles import Cause, Role
from raftwerk.core.state import State
from raftwerk.types import LogIndex, NodeId, Term

__all__ = [
    "campaign",
    "on_campaign",
    "on_forget_leader",
    "on_request_pre_vote",
    "on_request_pre_vote_reply",
    "on_request_vote",
    "on_request_vote_reply",
    "on_timeout_now",
]

_SCAN_BYTES = 1024 * 1024
"""How much of the log is looked at in one go for changes that are not applied."""


# ---- standing ---------------------------------------------------------------


def on_campaign(state: State, _event: Campaign) -> None:
    """Begin an election now, as if the timeout had passed.

    Parameters
    ----------
    state : State
        This member.
    _event : Campaign
        It says no more than its kind.
    """
    config = state.config
    if config.lease_read and state.leader is not None:
        if state.election_elapsed < config.election_ticks_min:
            # The order comes from outside, and our promise to the leader whose lease
            # may rest on it still holds, whether or not we win (thesis §6.4.1).
            state.must_wait_out = True
    campaign(state)


def campaign(state: State) -> None:
    """Begin an election, with a pre-election first where that is configured.

    Parameters
    ----------
    state : State
        This member; nothing changes if it leads or may not stand.
    """
    if not _may_stand(state):
        return
    if state.config.pre_vote:
        _ask_before_standing(state)
    else:
        _stand(state, Cause.ELECTION_TIMEOUT)


def on_timeout_now(state: State, message: TimeoutNow) -> None:
    """Stand at once, for the leader wants us to lead (thesis §3.10).

    No pre-vote: it would fail, for all others still hear of the leader.

    Parameters
    ----------
    state : State
        This member; only a follower obeys.
    message : TimeoutNow
        Of the present term.
    """
    if state.role is not Role.FOLLOWER:
        return
    state.record(
        TimeoutNowReceived(node=state.id, term=state.term, sender=message.sender)
    )
    if _may_stand(state):
        _stand(state, Cause.TRANSFER_ORDERED)


def _may_stand(state: State) -> bool:
    """Return whether an election may begin, and record that it does or why not."""
    if state.role is Role.LEADER:
        state.record(CampaignOfLeader(node=state.id))
        return False
    if not state.is_promotable:
        state.record(CampaignNotPromotable(node=state.id))
        return False
    if _has_unapplied_change(state):
        # We might count votes of a configuration that is no longer the agreed one.
        state.record(CampaignWithPendingChange(node=state.id, term=state.term))
        return False
    state.record(ElectionStarted(node=state.id, term=state.term))
    return True


def _has_unapplied_change(state: State) -> bool:
    """Return whether a committed configuration change is not applied yet."""
    log = state.log
    start = LogIndex(log.applied_index + 1)
    while start <= log.commit_index:
        page = log.read(start, LogIndex(log.commit_index + 1), _SCAN_BYTES)
        if any(entry.kind is not EntryKind.COMMAND for entry in page):
            return True
        start = LogIndex(start + len(page))
    return False


def _ask_before_standing(state: State) -> None:
    """Ask all voters whether they would vote for us (thesis §9.6)."""
    become_pre_candidate(state)
    term = Term(state.term + 1)
    log = state.log
    for voter in state.tracker.voter_ids:
        if voter == state.id:
            state.send_after_sync(
                RequestPreVoteReply(
                    sender=voter, receiver=voter, term=term, granted=True
                )
            )
            continue
        _record_request(state, "RequestPreVote", voter)
        state.send(
            RequestPreVote(
                sender=state.id,
                receiver=voter,
                term=term,
                last_log_index=log.last_index,
                last_log_term=log.last_term,
            )
        )


def _stand(state: State, cause: Cause) -> None:
    """Ask all voters for their vote in a new term (§5.2)."""
    become_candidate(state, cause)
    log = state.log
    for voter in state.tracker.voter_ids:
        if voter == state.id:
            # Our own vote counts when it is durable: else a crash could let us vote
            # for another in the same term, after this one helped us to win.
            state.send_after_sync(
                RequestVoteReply(
                    sender=voter, receiver=voter, term=state.term, granted=True
                )
            )
            continue
        _record_request(state, "RequestVote", voter)
        state.send(
            RequestVote(
                sender=state.id,
                receiver=voter,
                term=state.term,
                last_log_index=log.last_index,
                last_log_term=log.last_term,
                is_transfer=cause is Cause.TRANSFER_ORDERED,
            )
        )


def _record_request(state: State, kind: str, voter: NodeId) -> None:
    """Record that a vote is asked for."""
    state.record(
        VoteRequested(
            node=state.id,
            kind=kind,
            voter=voter,
            term=state.term,
            last_log_term=state.log.last_term,
            last_log_index=state.log.last_index,
        )
    )


# ---- giving votes -----------------------------------------------------------


def on_request_vote(state: State, request: RequestVote) -> None:
    """Grant or refuse a vote (§5.2, §5.4.1); a grant is durable before it leaves.

    Parameters
    ----------
    state : State
        This member, perhaps a learner: it may have been promoted without knowing yet.
    request : RequestVote
        Of the present term: `terms` has settled all others.
    """
    # A repeated request is granted again, for the first answer may have been lost.
    # Who knows a leader of this term knows that the election is decided.
    is_free = state.vote == request.sender or (
        state.vote is None and state.leader is None
    )
    granted = is_free and _is_complete(state, request)
    _record_decision(state, request, granted)
    if granted:
        state.election_elapsed = 0
        state.vote = request.sender
    state.send_after_sync(
        RequestVoteReply(
            sender=state.id,
            receiver=request.sender,
            term=request.term if granted else state.term,
            granted=granted,
        )
    )


def on_request_pre_vote(state: State, request: RequestPreVote) -> None:
    """Say whether we would vote for the asker; nothing is recorded (thesis §9.6).

    Parameters
    ----------
    state : State
        This member.
    request : RequestPreVote
        Of any term: its term is the one that the asker would stand in.
    """
    is_current = request.term >= state.term
    is_free = (
        request.term > state.term
        or state.vote == request.sender
        or (state.vote is None and state.leader is None)
    )
    granted = is_current and is_free and _is_complete(state, request)
    _record_decision(state, request, granted)
    state.send_after_sync(
        RequestPreVoteReply(
            sender=state.id,
            receiver=request.sender,
            term=request.term if granted else state.term,
            granted=granted,
        )
    )


def _is_complete(state: State, request: RequestVote | RequestPreVote) -> bool:
    """Return whether the asker's log has all that may be committed (§5.4.1)."""
    return state.log.is_up_to_date(request.last_log_index, request.last_log_term)


def _record_decision(
    state: State, request: RequestVote | RequestPreVote, granted: bool
) -> None:
    """Record what was known when the vote was decided on."""
    kind = VoteCast if granted else VoteRefused
    state.record(
        kind(
            node=state.id,
            kind=type(request).__name__,
            candidate=request.sender,
            candidate_log_term=request.last_log_term,
            candidate_log_index=request.last_log_index,
            term=state.term,
            vote=state.vote,
            last_log_term=state.log.last_term,
            last_log_index=state.log.last_index,
        )
    )


# ---- counting votes ---------------------------------------------------------


def on_request_pre_vote_reply(state: State, reply: RequestPreVoteReply) -> None:
    """Count an opinion; with a quorum of them, stand.

    Parameters
    ----------
    state : State
        This member; only a pre-candidate counts these.
    reply : RequestPreVoteReply
        Granted in the asked term, refused in the present one.
    """
    if state.role is not Role.PRE_CANDIDATE:
        return
    result = _count(state, reply)
    if result is VoteResult.WON:
        _stand(state, Cause.PRE_VOTE_WON)
    elif result is VoteResult.LOST:
        become_follower(state, Cause.VOTE_LOST, state.term, None)


def on_request_vote_reply(state: State, reply: RequestVoteReply) -> None:
    """Count a vote; with a quorum of them, lead.

    Parameters
    ----------
    state : State
        This member; only a candidate counts these.
    reply : RequestVoteReply
        Of the present term.
    """
    if state.role is not Role.CANDIDATE:
        return
    result = _count(state, reply)
    if result is VoteResult.WON:
        has_own_vote = state.id in state.tracker.votes
        if not has_own_vote and not state.config.lead_before_own_vote:
            # The others are enough to win, but our own vote is not durable yet. Were
            # we to lead and crash now, we would forget the term; those who voted for us
            # in it would do so again, and a second leadership of the same term would
            # give the places of the first one's entries to others (§5.3).
            return
        become_leader(state)
        broadcast_append(state)
    elif result is VoteResult.LOST:
        become_follower(state, Cause.VOTE_LOST, state.term, None)


def _count(state: State, reply: RequestVoteReply | RequestPreVoteReply) -> VoteResult:
    """Count an answer, the first of each voter only, and say how it stands."""
    kind = type(reply).__name__
    state.record(
        VoteReceived(
            node=state.id,
            kind=kind,
            voter=reply.sender,
            granted=reply.granted,
            term=state.term,
        )
    )
    state.tracker.record_vote(reply.sender, reply.granted)
    tally = state.tracker.tally()
    state.record(
        VotesCounted(
            node=state.id, kind=kind, granted=tally.granted, refused=tally.refused
        )
    )
    return tally.result


# ---- forgetting -------------------------------------------------------------


def on_forget_leader(state: State, _event: ForgetLeader) -> None:
    """Know no leader any more, so that a vote may be given at once.

    Parameters
    ----------
    state : State
        This member; only a follower forgets, and not while leases serve reads.
    _event : ForgetLeader
        It says no more than its kind.
    """
    if state.role is not Role.FOLLOWER:
        return
    if state.config.lease_read:
        # The leader counts on us to refuse votes for as long as its lease runs.
        state.record(ForgetLeaderRefused(node=state.id))
    elif state.leader is not None:
        state.record(
            LeaderForgotten(node=state.id, leader=state.leader, term=state.term)
        )
        state.leader = None
