"""Mistakes about reads (thesis §6.4)."""

from typing import Final

from ..mistake import Mistake, Patch

__all__ = ["READS"]

READ_INDEX: Final = "raftwerk.core.read_index"

READS: Final = (
    Mistake(
        name="a read is answered before the term's first commit",
        section="thesis §6.4",
        patches=(
            Patch(
                READ_INDEX,
                "_read",
                "    elif not knows_commit:\n",
                "    elif log.last_index < 0:\n",
            ),
        ),
    ),
    Mistake(
        name="a single voter answers from before its restart",
        section="thesis §6.4",
        patches=(
            Patch(
                READ_INDEX,
                "_read",
                "log.commit_index if knows_commit else log.last_index",
                "log.commit_index",
            ),
        ),
    ),
    Mistake(
        name="a leader answers without asking whether it still leads",
        section="thesis §6.4",
        patches=(
            Patch(
                READ_INDEX,
                "_begin",
                "    if state.config.lease_read and ",
                "    if not state.config.lease_read or ",
            ),
        ),
    ),
    Mistake(
        name="a lease begins when its answers come",
        section="thesis §6.4.1",
        patches=(
            Patch(
                "raftwerk.core.lease",
                "Lease._renew",
                "                self._began = moment\n",
                "                self._began = self._now\n",
            ),
        ),
        checks=("scripts",),
    ),
    Mistake(
        name="a lease outlives its configuration",
        section="thesis §6.4.1, §4.2.3",
        patches=(
            Patch(
                "raftwerk.core.conf_change",
                "switch_configuration",
                "    state.lease.begin_anew()\n",
                "",
            ),
        ),
        checks=("scripts",),
    ),
    Mistake(
        name="the lease is kept when another member is ordered to stand",
        section="thesis §6.4.1, §3.10",
        patches=(
            Patch(
                "raftwerk.core.transfer",
                "_order",
                "    state.lease.end()\n",
                "",
            ),
        ),
        checks=("leases", "scripts"),
    ),
    Mistake(
        name="who has just started again votes against a lease",
        section="thesis §6.4.1",
        patches=(
            Patch(
                "raftwerk.core.loading",
                "_load_hard_state",
                "    state.must_wait_out = state.config.lease_read\n",
                "",
            ),
        ),
        checks=("leases", "scripts"),
    ),
    Mistake(
        name="one answer confirms a round",
        section="thesis §6.4",
        patches=(
            Patch(
                READ_INDEX,
                "confirm_reads",
                "    if result is not VoteResult.WON:\n",
                "    if not votes:\n",
            ),
        ),
    ),
    Mistake(
        name="an answer to an older round confirms a newer one",
        section="thesis §6.4",
        patches=(
            Patch(
                "raftwerk.core.reads",
                "Reads.acknowledge",
                "            if newest >= number\n",
                "            if newest > 0\n",
            ),
        ),
    ),
    Mistake(
        name="a shared ReadIndex outlives a step-down",
        section="thesis §6.4",
        patches=(
            Patch(
                "raftwerk.core.become",
                "_reset",
                "    state.reads.drop()\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="a follower answers reads itself",
        section="thesis §6.4",
        patches=(
            Patch(
                READ_INDEX,
                "_take",
                "    if state.role is Role.LEADER:\n",
                "    if state.role is Role.FOLLOWER:\n"
                "        _answer(state, request, state.log.commit_index)\n"
                "    elif state.role is Role.LEADER:\n",
            ),
        ),
    ),
    Mistake(
        name="the read of a learner is not answered",
        section="thesis §6.4",
        patches=(
            Patch(
                READ_INDEX,
                "_answer",
                "    if request.requester == state.id:\n",
                "    if not state.tracker.is_voter(NodeId(request.requester)):\n"
                "        return\n"
                "    if request.requester == state.id:\n",
            ),
        ),
    ),
)
