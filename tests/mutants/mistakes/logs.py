"""Mistakes about entries, commits, flow and snapshots (Raft paper §5.3, §5.4, §7)."""

from typing import Final

from ..mistake import Mistake, Patch

__all__ = ["LOGS"]

APPEND: Final = "raftwerk.core.append"
LOG: Final = "raftwerk.core.log"
PROGRESS: Final = "raftwerk.core.progress"
SNAPSHOT: Final = "raftwerk.core.snapshot"

LOGS: Final = (
    Mistake(
        name="an entry of an older term is committed by counting",
        section="§5.4.2, Fig. 8",
        patches=(
            Patch(
                "raftwerk.core.commit",
                "advance_commit",
                "    if not log.matches(index, state.term):\n",
                "    if log.term_or_zero(index) > state.term:\n",
            ),
        ),
    ),
    Mistake(
        name="entries are appended without the log check",
        section="§5.3",
        patches=(
            Patch(
                LOG,
                "RaftLog.append_after",
                "        if not self.matches(prev_index, prev_term):\n",
                "        if prev_index > self.last_index:\n",
            ),
        ),
    ),
    Mistake(
        name="entries that agree are cut off by a late message",
        section="§5.3",
        patches=(
            Patch(
                LOG,
                "RaftLog._first_new",
                "        if entries[0].index > last_index:\n",
                "        if entries[0].index > self.commit_index:\n",
            ),
        ),
    ),
    Mistake(
        name="a conflicting entry is kept",
        section="§5.3",
        patches=(
            Patch(
                LOG,
                "RaftLog._first_new",
                "            if self.matches(entry.index, entry.term):\n",
                "            if entry.index <= last_index:\n",
            ),
        ),
    ),
    Mistake(
        name="a follower acknowledges its whole log",
        section="§5.3",
        patches=(
            Patch(
                LOG,
                "RaftLog.append_after",
                "        return LogIndex(prev_index + len(entries))\n",
                "        return self.last_index\n",
            ),
        ),
    ),
    Mistake(
        name="a follower commits beyond what the message vouches for",
        section="§5.3, Fig. 2",
        patches=(
            Patch(
                APPEND,
                "on_append_entries",
                "min(message.commit_index, match_index)",
                "min(message.commit_index, log.last_index)",
            ),
        ),
    ),
    Mistake(
        name="a heartbeat names a commit index beyond the match index",
        section="§5.3",
        patches=(
            Patch(
                "raftwerk.core.replication",
                "_send_heartbeat",
                "min(progress.match_index, state.log.commit_index)",
                "min(progress.next_index - 1, state.log.commit_index)",
            ),
        ),
    ),
    Mistake(
        name="the commit index of a majority is one place too high",
        section="§5.3",
        patches=(
            Patch(
                "raftwerk.core.quorum",
                "majority_index",
                "[(len(match_indexes) - 1) // 2]",
                "[len(match_indexes) // 2]",
            ),
        ),
    ),
    Mistake(
        name="the match index is moved back by a late answer",
        section="§5.3",
        patches=(
            Patch(
                PROGRESS,
                "Progress.maybe_update",
                "        if index <= self.match_index:\n",
                "        if index == self.match_index:\n",
            ),
        ),
    ),
    Mistake(
        name="acknowledgements outlive the leadership",
        section="§5.3, Fig. 2",
        patches=(
            Patch(
                PROGRESS,
                "Progress.reset",
                "        self.match_index = match_index\n",
                "        self.match_index = max(match_index, self.match_index)\n"
                "        next_index = max(next_index, self.match_index + 1)\n",
            ),
        ),
    ),
    Mistake(
        name="acknowledgements of an older term are counted",
        section="§5.1, §5.3",
        patches=(
            Patch(
                "raftwerk.core.terms",
                "settle",
                "    if message.term == state.term:\n",
                "    is_answer = type(message).__name__ == 'AppendEntriesReply'\n"
                "    if message.term == state.term or (\n"
                "        is_answer and message.term < state.term\n"
                "    ):\n",
            ),
        ),
    ),
    Mistake(
        name="an outdated leader's entries are appended",
        section="§5.1",
        patches=(
            Patch(
                "raftwerk.core.terms",
                "settle",
                "    if message.term == state.term:\n",
                "    is_entries = isinstance(message, AppendEntries)\n"
                "    if message.term == state.term or (\n"
                "        is_entries and state.leader != state.id\n"
                "    ):\n",
            ),
        ),
    ),
    Mistake(
        name="a refused probe is repeated at the same place",
        section="§5.3",
        patches=(
            Patch(
                PROGRESS,
                "Progress.maybe_decrease",
                "        lower = min(refused_index, hint_index + 1)\n",
                "        lower = self.next_index\n",
            ),
        ),
    ),
    Mistake(
        name="the hint skips a term too many",
        section="§5.3",
        patches=(
            Patch(
                LOG,
                "RaftLog.find_conflict_by_term",
                "            if own <= term:\n",
                "            if own < term:\n",
            ),
        ),
    ),
    Mistake(
        name="a new leader appends no entry of its own",
        section="§8",
        patches=(
            Patch(
                "raftwerk.core.become",
                "become_leader",
                '    append_to_own_log(state, (Proposal(b"", EntryKind.COMMAND),))\n',
                "",
            ),
        ),
    ),
    Mistake(
        name="the window of unanswered appends is never opened again",
        section="thesis §10.2.2",
        patches=(
            Patch(
                PROGRESS,
                "Inflights.free_up_to",
                "queue[0][0] <= index",
                "queue[0][0] < index - 1",
            ),
        ),
    ),
    Mistake(
        name="a lost probe is waited for, for ever",
        section="§5.3",
        patches=(
            Patch(
                "raftwerk.core.answers",
                "on_heartbeat_reply",
                "    progress.is_paused_by_probe = False\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="what is applied is never taken off what waits",
        section="thesis §10.2.2, etcd",
        patches=(
            Patch(
                "raftwerk.core.acknowledgements",
                "on_entries_applied",
                "max(state.uncommitted_bytes - event.payload_bytes, 0)",
                "max(state.uncommitted_bytes, event.payload_bytes)",
            ),
        ),
    ),
    Mistake(
        name="the bound on entries in application is never left",
        section="thesis §10.2.2, etcd",
        patches=(
            Patch(
                LOG,
                "RaftLog.applied_to",
                "max(self.applying_bytes - size_bytes, 0)",
                "max(self.applying_bytes, size_bytes)",
            ),
        ),
    ),
    Mistake(
        name="a message takes all entries, whatever its bound",
        section="thesis §10.2.2, etcd",
        patches=(
            Patch(
                "raftwerk.core.replication",
                "send_append",
                "state.config.append_bytes_max",
                "2**62",
            ),
        ),
    ),
    Mistake(
        name="a snapshot goes back",
        section="§7",
        patches=(
            Patch(
                SNAPSHOT,
                "_restore",
                "    if snapshot.index <= log.commit_index:\n",
                "    if snapshot.index < log.first_index - 1:\n",
            ),
        ),
    ),
    Mistake(
        name="a snapshot leaves the old end of the log behind it",
        section="§7",
        patches=(
            Patch(
                "raftwerk.core.unstable",
                "UnstableLog.restore",
                "        self.entries = []",
                "        first = snapshot.index + 1\n"
                "        self.entries = [e for e in self.entries if e.index >= first]",
            ),
        ),
    ),
    Mistake(
        name="entries are applied while a snapshot is being installed",
        section="§7",
        patches=(
            Patch(
                LOG,
                "RaftLog.has_next_committed",
                "self.is_applying_paused or self.has_pending_snapshot",
                "self.is_applying_paused",
            ),
        ),
    ),
    Mistake(
        name="a lost snapshot pauses its follower for ever",
        section="§7",
        patches=(
            Patch(
                "raftwerk.core.answers",
                "on_report_snapshot",
                "    progress.become_probe()\n",
                "",
            ),
        ),
    ),
)
