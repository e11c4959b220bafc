"""A follower as its leader sees it: what it has, what to send next, what is in flight.

Three states (etcd's names, thesis §10.2.2 for the pipeline): *probe* sends one append
and waits, to find where the logs agree; *replicate* sends ahead and counts on success;
*snapshot* sends nothing until the follower has what the log no longer holds.
Source: Raft paper Fig. 2 (match and next index), §5.3; etcd-io/raft, package tracker.
"""

from collections import deque

from raftwerk.core.progress_view import ProgressState, ProgressView
from raftwerk.errors import require
from raftwerk.types import NO_INDEX, LogIndex

__all__ = ["Inflights", "Progress"]


class Inflights:
    """The appends with entries that one follower has not answered yet; bounded.

    Parameters
    ----------
    messages_max : int
        How many may be unanswered.
    bytes_max : int
        How many bytes of entries may be unanswered; the last message may exceed it.
    """

    __slots__ = ("_messages_max", "_bytes_max", "_bytes", "_queue")

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._queue: deque[tuple[LogIndex, int]] = deque()

    @property
    def count(self) -> int:
        """How many appends are unanswered."""
        return len(self._queue)

    @property
    def size_bytes(self) -> int:
        """How many bytes of entries are unanswered."""
        return self._bytes

    @property
    def sent(self) -> tuple[tuple[LogIndex, int], ...]:
        """The unanswered appends: last index and bytes of entries of each."""
        return tuple(self._queue)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be sent before an answer."""
        return len(self._queue) >= self._messages_max or self._bytes >= self._bytes_max

    def add(self, last_index: LogIndex, size_bytes: int) -> None:
        """Remember one append that was sent.

        Parameters
        ----------
        last_index : LogIndex
            The index of its last entry; it rises from call to call.
        size_bytes : int
            The bytes of its entries.

        Raises
        ------
        InvariantViolation
            If nothing more may be in flight.
        """
        require(not self.is_full, "an append is sent only where there is room for it")
        self._queue.append((last_index, size_bytes))
        self._bytes += size_bytes

    def free_up_to(self, index: LogIndex) -> None:
        """Forget the appends that this acknowledged index answers.

        Parameters
        ----------
        index : LogIndex
            Up to here the follower has all entries; appends end there or before.
        """
        queue = self._queue
        while queue and queue[0][0] <= index:
            self._bytes -= queue.popleft()[1]

    def reset(self) -> None:
        """Forget all of them."""
        self._queue.clear()
        self._bytes = 0


class Progress:
    """What the leader knows of one member, and how it sends to it.

    Every change of state ends the pause and forgets what is in flight: the answers
    that are still missing tell nothing about what the new state sends.

    Parameters
    ----------
    next_index : LogIndex
        The next entry to send; at least 1.
    inflights : Inflights
        The window of unanswered appends, empty.
    is_learner : bool
        Whether the member counts in no quorum.

    Attributes
    ----------
    match_index : LogIndex
        Up to here the member's log is known to equal ours; it never goes back.
    next_index : LogIndex
        The next entry to send; always above `match_index`.
    state : ProgressState
        How entries are sent.
    pending_snapshot_index : LogIndex
        The index of the snapshot that is on its way; 0 outside the snapshot state.
    snapshot_elapsed : int
        Ticks since that snapshot was sent, in whole election timeouts.
    sent_commit_index : LogIndex
        The highest commit index that the member was told, as far as it can use it.
    is_recently_active : bool
        Whether the member answered since check-quorum asked last (thesis §6.2).
    is_paused_by_probe : bool
        Whether the flow of appends waits for an answer to the last one sent.
    is_learner : bool
        Whether the member counts in no quorum.
    inflights : Inflights
        The unanswered appends; used in the replicate state alone.
    """

    __slots__ = (
        "match_index",
        "next_index",
        "state",
        "pending_snapshot_index",
        "snapshot_elapsed",
        "sent_commit_index",
        "is_recently_active",
        "is_paused_by_probe",
        "is_learner",
        "inflights",
    )

    def __init__(
        self, next_index: LogIndex, inflights: Inflights, is_learner: bool = False
    ) -> None:
        self.match_index = NO_INDEX
        self.next_index = next_index
        self.state = ProgressState.PROBE
        self.pending_snapshot_index = NO_INDEX
        self.snapshot_elapsed = 0
        self.sent_commit_index = NO_INDEX
        # A new member has had no chance to answer: check-quorum must not miss it.
        self.is_recently_active = True
        self.is_paused_by_probe = False
        self.is_learner = is_learner
        self.inflights = inflights

    # ---- states -------------------------------------------------------------

    def reset(self, match_index: LogIndex, next_index: LogIndex) -> None:
        """Start anew, as in every new term: nothing is known of the member.

        Parameters
        ----------
        match_index : LogIndex
            0, or our own last index where this is our own progress.
        next_index : LogIndex
            One behind our last index (Raft paper Fig. 2).
        """
        self._enter(ProgressState.PROBE)
        self.match_index = match_index
        self.next_index = next_index
        self.sent_commit_index = NO_INDEX
        self.is_recently_active = False

    def become_probe(self) -> None:
        """Send one append at a time from now on."""
        if self.state is ProgressState.SNAPSHOT:
            # The snapshot may have arrived: probe behind it, lower if that is refused.
            least = max(self.match_index, self.pending_snapshot_index)
        else:
            least = self.match_index
        self._enter(ProgressState.PROBE)
        self._go_back_to(LogIndex(least + 1))

    def become_replicate(self) -> None:
        """Send ahead from now on: the logs agree up to `match_index`."""
        self._enter(ProgressState.REPLICATE)
        self.next_index = LogIndex(self.match_index + 1)

    def become_snapshot(self, index: LogIndex) -> None:
        """Send nothing from now on: a snapshot up to `index` is on its way.

        Parameters
        ----------
        index : LogIndex
            The last index that the snapshot covers.
        """
        self._enter(ProgressState.SNAPSHOT)
        self.pending_snapshot_index = index
        self.next_index = LogIndex(index + 1)
        # All that a snapshot covers is committed, and its receiver knows that.
        self.sent_commit_index = index

    def _enter(self, state: ProgressState) -> None:
        """Change the state, with an open flow and nothing in flight."""
        self.state = state
        self.is_paused_by_probe = False
        self.pending_snapshot_index = NO_INDEX
        self.snapshot_elapsed = 0
        self.inflights.reset()

    def _go_back_to(self, next_index: LogIndex) -> None:
        """Set the next index; what was said of the commit behind it may be lost."""
        self.next_index = next_index
        if self.sent_commit_index >= next_index:
            self.sent_commit_index = LogIndex(next_index - 1)

    # ---- answers ------------------------------------------------------------

    def maybe_update(self, index: LogIndex) -> bool:
        """Take in an acknowledgement; late ones never move the match index back.

        Parameters
        ----------
        index : LogIndex
            The member's log equals ours up to here.

        Returns
        -------
        bool
            Whether that was news.
        """
        if index <= self.match_index:
            return False
        self.match_index = index
        if self.next_index <= index:
            self.next_index = LogIndex(index + 1)
        self.is_paused_by_probe = False
        return True

    def maybe_decrease(self, refused_index: LogIndex, hint_index: LogIndex) -> bool:
        """Take in a refusal, unless it is late or repeated.

        Parameters
        ----------
        refused_index : LogIndex
            The index before the entries that were refused.
        hint_index : LogIndex
            Where the logs may agree.

        Returns
        -------
        bool
            Whether the next index was set back. In the replicate state the caller
            lets `become_probe` follow.
        """
        if self.state is ProgressState.REPLICATE:
            if refused_index <= self.match_index:
                return False
            # Several may be in flight: which one was refused tells little here.
            self._go_back_to(LogIndex(self.match_index + 1))
            return True
        if refused_index != self.next_index - 1:
            return False
        lower = min(refused_index, hint_index + 1)
        self._go_back_to(LogIndex(max(lower, self.match_index + 1)))
        self.is_paused_by_probe = False
        return True

    def acknowledge_inflights(self, index: LogIndex) -> None:
        """Make room in the window for what is acknowledged up to `index`.

        Parameters
        ----------
        index : LogIndex
            The acknowledged index.
        """
        self.inflights.free_up_to(index)

    # ---- sending ------------------------------------------------------------

    @property
    def is_paused(self) -> bool:
        """Whether no append may be sent now."""
        return self.is_paused_by_probe or self.state is ProgressState.SNAPSHOT

    def sent_entries(self, count: int, size_bytes: int) -> None:
        """Remember an append that was sent.

        Parameters
        ----------
        count : int
            How many entries it carries; an empty one only tells the commit index.
        size_bytes : int
            The bytes of these entries.

        Raises
        ------
        InvariantViolation
            If a snapshot is on its way: then nothing is sent.
        """
        if self.state is ProgressState.REPLICATE:
            if count > 0:
                last_index = LogIndex(self.next_index + count - 1)
                self.next_index = LogIndex(last_index + 1)
                self.inflights.add(last_index, size_bytes)
            # With a full window an empty append is a probe: it asks for an answer that
            # makes room, and no second one follows before that.
            self.is_paused_by_probe = self.inflights.is_full
            return
        require(
            self.state is ProgressState.PROBE,
            "no entries are sent to a member that waits for a snapshot",
        )
        if count > 0:
            self.is_paused_by_probe = True

    def sent_commit(self, commit_index: LogIndex) -> None:
        """Remember the commit index that the member was told.

        Parameters
        ----------
        commit_index : LogIndex
            The commit index in the message that was sent.
        """
        self.sent_commit_index = commit_index

    def can_bump_commit(self, commit_index: LogIndex) -> bool:
        """Return whether an empty append could tell the member of a newer commit.

        Parameters
        ----------
        commit_index : LogIndex
            Our commit index.

        Returns
        -------
        bool
            False also where the member already knows that all it was sent is
            committed: a higher index is of no use to it.
        """
        return self.sent_commit_index < min(commit_index, self.next_index - 1)

    def view(self) -> ProgressView:
        """Return a copy for events and status.

        Returns
        -------
        ProgressView
            The progress at this moment.
        """
        return ProgressView(
            state=self.state,
            match_index=self.match_index,
            next_index=self.next_index,
            is_learner=self.is_learner,
            is_paused=self.is_paused,
            pending_snapshot_index=self.pending_snapshot_index,
            is_recently_active=self.is_recently_active,
            inflight_count=self.inflights.count,
            is_inflight_full=self.inflights.is_full,
        )
