"""Mistakes about terms, votes and who leads (Raft paper §5.2, §5.4.1)."""

from typing import Final

from ..mistake import Mistake, Patch

__all__ = ["ELECTIONS"]

BECOME: Final = "raftwerk.core.become"
CLOCK: Final = "raftwerk.core.clock"
ELECTION: Final = "raftwerk.core.election"
TERMS: Final = "raftwerk.core.terms"
TRACKER: Final = "raftwerk.core.tracker"

ELECTIONS: Final = (
    Mistake(
        name="vote without the log check",
        section="§5.4.1",
        patches=(
            Patch(
                ELECTION,
                "_is_complete",
                "return state.log.is_up_to_date(request.last_log_index,"
                " request.last_log_term)",
                "return request.last_log_index >= 0",
            ),
        ),
    ),
    Mistake(
        name="the longer log wins, whatever its last term",
        section="§5.4.1",
        patches=(
            Patch(
                "raftwerk.core.log",
                "RaftLog.is_up_to_date",
                "(last_term, last_index) >= (self.last_term, self.last_index)",
                "last_index >= self.last_index",
            ),
        ),
    ),
    Mistake(
        name="a second vote in the same term",
        section="§5.2",
        patches=(
            Patch(
                ELECTION,
                "on_request_vote",
                "    is_free = state.vote == request.sender or (\n"
                "        state.vote is None and state.leader is None\n"
                "    )\n",
                "    is_free = state.leader is None\n",
            ),
        ),
    ),
    Mistake(
        name="the vote is forgotten with each change of role",
        section="§5.2",
        patches=(
            Patch(
                BECOME,
                "_reset",
                "    if term != state.term:\n"
                "        state.term = term\n"
                "        state.vote = None\n",
                "    state.term = term\n    state.vote = None\n",
            ),
        ),
    ),
    Mistake(
        name="duplicate vote counted twice",
        section="§5.2",
        patches=(
            Patch(
                TRACKER,
                "Tracker.record_vote",
                "        self.votes.setdefault(voter, granted)\n",
                "        if granted and self.votes.get(voter):\n"
                "            others = [\n"
                "                n for n in self.voter_ids if n not in self.votes\n"
                "            ]\n"
                "            voter = others[0] if others else voter\n"
                "        self.votes.setdefault(voter, granted)\n",
            ),
        ),
    ),
    Mistake(
        name="half of the voters are a majority",
        section="§5.2",
        patches=(
            Patch(
                "raftwerk.core.quorum",
                "majority",
                "return count // 2 + 1",
                "return (count + 1) // 2",
            ),
        ),
    ),
    Mistake(
        name="votes of an older term are counted",
        section="§5.1",
        patches=(
            Patch(
                TERMS,
                "settle",
                "    if message.term == state.term:\n",
                "    is_vote = type(message).__name__ == 'RequestVoteReply'\n"
                "    if message.term == state.term or (\n"
                "        is_vote and message.term < state.term\n"
                "    ):\n",
            ),
        ),
    ),
    Mistake(
        name="a request of an older term gets a vote",
        section="§5.1",
        patches=(
            Patch(
                TERMS,
                "settle",
                "    if message.term == state.term:\n",
                "    is_vote = isinstance(message, RequestVote)\n"
                "    if message.term == state.term or is_vote:\n",
            ),
        ),
    ),
    Mistake(
        name="a leader does not hear of newer terms",
        section="§5.1",
        patches=(
            Patch(
                TERMS,
                "_settle_newer",
                "    state.record(\n        HigherTermSeen(",
                "    if state.leader == state.id:\n"
                "        return False\n"
                "    state.record(\n        HigherTermSeen(",
            ),
        ),
    ),
    Mistake(
        name="timeout not redrawn",
        section="§5.2",
        patches=(
            Patch(
                BECOME,
                "_draw_election_timeout",
                "    config = state.config\n",
                "    config = state.config\n"
                "    if state.seen.term:\n"
                "        return\n",
            ),
        ),
    ),
    Mistake(
        name="the leader's messages do not start the clock again",
        section="§5.2",
        patches=(
            Patch(
                "raftwerk.core.append",
                "follow",
                "        state.election_elapsed = 0\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="a candidate waits for its election to end, for ever",
        section="§5.2",
        patches=(
            Patch(
                CLOCK,
                "_tick_others",
                " and state.is_promotable:\n",
                " and (\n"
                "        state.role is not Role.CANDIDATE and state.is_promotable\n"
                "    ):\n",
            ),
        ),
    ),
    Mistake(
        name="followers of a live leader are disturbed",
        section="thesis §4.2.3",
        patches=(
            Patch(
                TERMS,
                "_has_live_leader",
                "        state.config.check_quorum\n",
                "        not state.config.check_quorum\n",
            ),
        ),
    ),
    Mistake(
        name="a leader without a quorum leads on",
        section="thesis §6.2",
        patches=(
            Patch(
                CLOCK,
                "_has_quorum",
                "            progress.is_recently_active = False\n",
                "            progress.is_recently_active = True\n",
            ),
        ),
    ),
    Mistake(
        name="a pre-candidate raises its term",
        section="thesis §9.6",
        patches=(
            Patch(
                BECOME,
                "become_pre_candidate",
                "    state.leader = None\n",
                "    state.leader = None\n    state.term = Term(state.term + 1)\n",
            ),
        ),
    ),
    Mistake(
        name="who is asked for a pre-vote follows its term",
        section="thesis §9.6",
        patches=(
            Patch(
                TERMS,
                "_settle_newer",
                "    if isinstance(message, RequestPreVote):\n        return True\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="answers to a pre-vote are counted as votes",
        section="thesis §9.6",
        patches=(
            Patch(
                ELECTION,
                "on_request_pre_vote_reply",
                "    if state.role is not Role.PRE_CANDIDATE:\n",
                "    if state.role is Role.CANDIDATE and reply.granted:\n"
                "        vote = RequestVoteReply(\n"
                "            sender=reply.sender,\n"
                "            receiver=state.id,\n"
                "            term=state.term,\n"
                "            granted=True,\n"
                "        )\n"
                "        on_request_vote_reply(state, vote)\n"
                "    if state.role is not Role.PRE_CANDIDATE:\n",
            ),
        ),
    ),
    Mistake(
        name="a pre-vote is recorded as a vote",
        section="thesis §9.6",
        patches=(
            Patch(
                ELECTION,
                "on_request_pre_vote",
                "    _record_decision(state, request, granted)\n",
                "    _record_decision(state, request, granted)\n"
                "    state.vote = request.sender if granted else state.vote\n",
            ),
        ),
    ),
    Mistake(
        name="an older pre-vote is not answered",
        section="thesis §9.6",
        patches=(
            Patch(
                TERMS,
                "_answer_older",
                "        _refuse_older_pre_vote(state, message)\n",
                "        return\n",
            ),
        ),
    ),
    Mistake(
        name="leadership is handed over by way of a pre-vote",
        section="thesis §3.10",
        patches=(
            Patch(
                ELECTION,
                "on_timeout_now",
                "        _stand(state, Cause.TRANSFER_ORDERED)\n",
                "        campaign(state)\n",
            ),
        ),
    ),
    Mistake(
        name="a transfer that fails is never given up",
        section="thesis §3.10",
        patches=(
            Patch(CLOCK, "_tick_leader", "        give_up_transfer(state)\n", ""),
        ),
    ),
    Mistake(
        name="the election that a leader ordered is stopped by its own lease",
        section="thesis §3.10",
        patches=(
            Patch(
                ELECTION,
                "_stand",
                "is_transfer=cause is Cause.TRANSFER_ORDERED",
                "is_transfer=cause is Cause.VOTE_LOST",
            ),
        ),
    ),
)
