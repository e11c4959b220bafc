"""Mistakes about what must be stored before what (Fig. 2, thesis §3.8, §10.2.1)."""

from typing import Final

from ..mistake import Mistake, Patch

__all__ = ["DURABILITY"]

ELECTION: Final = "raftwerk.core.election"
REPLICA: Final = "raftwerk.core.replica"
LOG: Final = "raftwerk.core.log"

DURABILITY: Final = (
    Mistake(
        name="a vote is sent before it is durable",
        section="Fig. 2, thesis §3.8",
        patches=(
            Patch(
                ELECTION,
                "on_request_vote",
                "    state.send_after_sync(\n",
                "    state.send(\n",
            ),
        ),
    ),
    Mistake(
        name="a vote in a known term is not stored",
        section="Fig. 2, thesis §3.8",
        patches=(
            Patch(
                REPLICA,
                "Replica._changed_hard_state",
                "            and known.vote == state.vote\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="a vote in a known term is stored, but not synced",
        section="Fig. 2, thesis §3.8",
        patches=(
            Patch(
                REPLICA,
                "Replica.ready",
                "            and (hard_state.term, hard_state.vote)\n"
                "            != (self._hard_state.term, self._hard_state.vote)\n",
                "            and hard_state.term != self._hard_state.term\n",
            ),
        ),
    ),
    Mistake(
        name="the vote is forgotten at a restart",
        section="Fig. 2, thesis §3.8",
        patches=(
            Patch(
                "raftwerk.core.loading",
                "_load_hard_state",
                "    state.vote = hard_state.vote\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="a candidate's own vote counts before it is durable",
        section="§5.2, thesis §10.2.1",
        patches=(
            Patch(
                ELECTION,
                "_stand",
                "            state.send_after_sync(\n",
                "            state.tracker.record_vote(voter, True)\n"
                "            state.send_after_sync(\n",
            ),
        ),
    ),
    Mistake(
        name="a candidate leads before its own vote is durable",
        section="thesis §3.8",
        patches=(
            Patch(
                ELECTION,
                "on_request_vote_reply",
                "state.id in state.tracker.votes\n",
                "bool(state.tracker.votes)\n",
            ),
        ),
    ),
    Mistake(
        name="entries are acknowledged before they are durable",
        section="Fig. 2, thesis §3.8",
        patches=(
            Patch(
                "raftwerk.core.append",
                "_accept",
                "    state.send_after_sync(\n",
                "    state.send(\n",
            ),
        ),
    ),
    Mistake(
        name="a leader counts its entries before they are durable",
        section="thesis §10.2.1",
        patches=(
            Patch(
                "raftwerk.core.proposals",
                "append_to_own_log",
                "    state.send_after_sync(\n",
                "    own = state.tracker.progress[state.id]\n"
                "    own.match_index = entries[-1].index\n"
                "    own.next_index = LogIndex(own.match_index + 1)\n"
                "    state.send_after_sync(\n",
            ),
        ),
    ),
    Mistake(
        name="entries are applied before they are durable",
        section="thesis §10.2.1",
        patches=(
            Patch(
                LOG,
                "RaftLog._appliable_index",
                "        if allow_unstable:\n",
                "        if self.unstable.offset:\n",
            ),
        ),
    ),
    Mistake(
        name="rewritten entries are not handed to storage again",
        section="§5.3, thesis §10.2.1",
        patches=(
            Patch(
                "raftwerk.core.unstable",
                "UnstableLog.append",
                "        self.offset_in_progress = min(self.offset_in_progress, start)",
                "",
            ),
        ),
    ),
    Mistake(
        name="a write of an older term counts for the entries of now",
        section="thesis §10.2.1",
        patches=(
            Patch(
                "raftwerk.core.acknowledgements",
                "on_storage_appended",
                "        if event.term == state.term:\n",
                "        if event.term <= state.term:\n",
            ),
        ),
    ),
    Mistake(
        name="a write counts for whatever stands at its place now",
        section="thesis §10.2.1",
        patches=(
            Patch(
                LOG,
                "RaftLog.stable_to",
                "        elif present != term:\n",
                "        elif present < 0:\n",
            ),
            Patch(
                "raftwerk.core.acknowledgements",
                "on_storage_appended",
                "        if event.term == state.term:\n",
                "        if event.term <= state.term:\n",
            ),
        ),
    ),
    Mistake(
        name="a snapshot is acknowledged before it is durable",
        section="§7, Fig. 2",
        patches=(
            Patch(
                "raftwerk.core.snapshot",
                "on_install_snapshot",
                "    state.send_after_sync(\n",
                "    state.send(\n",
            ),
        ),
    ),
)
