"""Mistakes about who belongs to the group and who decides (§6, thesis §4)."""

from typing import Final

from ..mistake import Mistake, Patch

__all__ = ["MEMBERSHIP"]

CONF_CHANGE: Final = "raftwerk.core.conf_change"
PROPOSALS: Final = "raftwerk.core.proposals"
TRACKER: Final = "raftwerk.core.tracker"

MEMBERSHIP: Final = (
    Mistake(
        name="a joint configuration commits by one half",
        section="§6",
        patches=(
            Patch(
                TRACKER,
                "Tracker.committed_index",
                "            return min(index, majority_index(outgoing))\n",
                "            return max(index, majority_index(outgoing))\n",
            ),
        ),
    ),
    Mistake(
        name="a joint configuration commits by its new half alone",
        section="§6",
        patches=(
            Patch(
                TRACKER,
                "Tracker.committed_index",
                "        if self._outgoing:\n",
                "        if self._outgoing and index < 0:\n",
            ),
        ),
    ),
    Mistake(
        name="a joint configuration elects by its new half alone",
        section="§6",
        patches=(
            Patch(
                "raftwerk.core.quorum",
                "joint_vote_result",
                "{vote_result(voters, votes), vote_result(voters_outgoing, votes)}",
                "{vote_result(voters, votes)}",
            ),
        ),
    ),
    Mistake(
        name="a learner counts for the commit index",
        section="thesis §4.2.1",
        patches=(
            Patch(
                TRACKER,
                "Tracker._adopt",
                "tuple(progress[voter] for voter in conf_state.voters)",
                "tuple(\n"
                "            progress[voter]\n"
                "            for voter in (*conf_state.voters, *conf_state.learners)\n"
                "        )",
            ),
        ),
    ),
    Mistake(
        name="a learner stands for election",
        section="thesis §4.2.1",
        patches=(
            Patch(
                "raftwerk.core.state",
                "State.is_promotable",
                "own is not None and not own.is_learner and not",
                "own is not None and not",
            ),
        ),
    ),
    Mistake(
        name="a demoted voter leaves the old half at once",
        section="§6",
        patches=(
            Patch(
                "raftwerk.core.membership",
                "_Draft._add_learner",
                "            self.learners_next.add(node_id)\n",
                "            self.learners.add(node_id)\n"
                "            self.voters_outgoing.discard(node_id)\n",
            ),
        ),
    ),
    Mistake(
        name="a second change is proposed while one is pending",
        section="thesis §4.1",
        patches=(
            Patch(
                PROPOSALS,
                "_refusal",
                "    if pending_conf_index > applied_index:\n",
                "    if pending_conf_index < 0:\n",
            ),
        ),
    ),
    Mistake(
        name="a new leader proposes changes before it knows of pending ones",
        section="thesis §4.1",
        patches=(
            Patch(
                "raftwerk.core.become",
                "become_leader",
                "    state.pending_conf_index = state.log.last_index\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="a member stands with a committed change not applied",
        section="thesis §4.1",
        patches=(
            Patch(
                "raftwerk.core.election",
                "_has_unapplied_change",
                "            return True\n",
                "            return False\n",
            ),
        ),
    ),
    Mistake(
        name="several voters change in one step",
        section="thesis §4.1, §4.3",
        patches=(
            Patch(
                "raftwerk.core.membership",
                "reconfigure",
                "Transition.AUTO and len(change.changes) == 1:\n",
                "Transition.AUTO:\n",
            ),
            Patch(
                "raftwerk.core.membership",
                "simple",
                "symmetric_difference(conf_state.voters)) > 1:\n",
                "symmetric_difference(conf_state.voters)) > 9:\n",
            ),
        ),
    ),
    Mistake(
        name="a joint configuration is not left by itself",
        section="§6",
        patches=(
            Patch(
                "raftwerk.core.acknowledgements",
                "_applied_to",
                "    leave_joint_if_due(state)\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="a removed leader leads on",
        section="§6, thesis §4.2.2",
        patches=(
            Patch(
                CONF_CHANGE,
                "switch_configuration",
                "        if state.config.step_down_on_removal:\n",
                "        if not state.config.step_down_on_removal:\n",
            ),
        ),
    ),
    Mistake(
        name="a leader that is to be removed steps down while still joint",
        section="§6",
        patches=(
            Patch(
                CONF_CHANGE,
                "switch_configuration",
                "    if own is None or own.is_learner:\n",
                "    if own is None or state.id not in tracker.conf_state.voters:\n",
            ),
        ),
    ),
    Mistake(
        name="a change is applied on top of a snapshot that has it",
        section="§6, §7",
        patches=(
            Patch(
                CONF_CHANGE,
                "apply_conf_change",
                "    if state.log.has_pending_snapshot:\n",
                "    if state.log.last_index < 0:\n",
            ),
        ),
    ),
    Mistake(
        name="a snapshot brings no configuration",
        section="§7",
        patches=(
            Patch(
                "raftwerk.core.snapshot",
                "_restore",
                "    state.tracker.restore(snapshot.conf_state, log.last_index)\n",
                "",
            ),
        ),
    ),
)
