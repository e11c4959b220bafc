"""A random history of a log, and all that it may be after a crash."""

from raftwerk.core.records import Entry, EntryKind
from raftwerk.host.draw import SplitMix64
from raftwerk.storage.protocol import LogStore
from raftwerk.types import LogIndex, Term
from tests.storage.values import Content, content, hard_state, snapshot


class History:
    """Writes what Raft may write, and keeps what each call made of the log.

    The strongest claim there is, and the only one checked: what a crash leaves is the
    log after one of the calls, not before the last that a returned sync covered.
    """

    def __init__(self, store: LogStore, draw: SplitMix64) -> None:
        self._draw = draw
        self._begin(store)

    def _begin(self, store: LogStore) -> None:
        self._store = store
        self._states = [content(store)]
        self._synced = 0

    def step(self) -> None:
        """Do one call; the state that it makes counts even if it does not return."""
        choice = self._draw.below(20)
        if choice < 9:
            self._append()
        elif choice < 11:
            self._append_hard_state()
        elif choice < 12:
            self._compact()
        elif choice < 13:
            self._install()
        else:
            covered = len(self._states) - 1
            self._store.sync()
            self._synced = covered

    def check_recovered(self, store: LogStore) -> None:
        """Check what a crash left, and go on from there."""
        found = content(store)
        possible = self._states[self._synced :]
        assert found in possible, (
            f"{len(self._states)} states, {self._synced} synced;\nfound {found},"
            f"\n  not {possible[0]}\n   to {possible[-1]}"
        )
        terms = [found.previous_term, *(entry.term for entry in found.entries)]
        assert terms == sorted(terms)
        first, last = found.first_index, store.last_index()
        assert [e.index for e in found.entries] == list(range(first, last + 1))
        self._begin(store)

    @property
    def _state(self) -> Content:
        return self._states[-1]

    def _append(self) -> None:
        held, last = self._state.hard_state, self._store.last_index()
        term = held.term + (self._draw.below(4) == 0)
        # Nothing that is committed is ever overwritten.
        lowest = max(held.commit_index, self._state.first_index - 1) + 1
        start = last + 1
        if self._draw.below(4) == 0 and lowest < start:
            start = lowest + self._draw.below(start - lowest + 1)
            term = held.term + 1
        count = 1 + self._draw.below(6)
        new = [
            Entry(
                Term(max(term, 1)),
                LogIndex(start + place),
                bytes([self._draw.below(256)]) * self._draw.below(120),
                EntryKind(self._draw.below(3)),
            )
            for place in range(count)
        ]
        commit = held.commit_index + self._draw.below(start + count - held.commit_index)
        state = hard_state(max(term, 1), commit, 1 + self._draw.below(3))
        self._store.append(state, new)
        self._states.append(content(self._store))

    def _append_hard_state(self) -> None:
        held = self._state.hard_state
        self._store.append(hard_state(held.term + 1, held.commit_index), ())
        self._states.append(content(self._store))

    def _compact(self) -> None:
        held, taken = self._state.hard_state, self._state.snapshot
        if held.commit_index <= taken.index:
            return
        index = taken.index + 1 + self._draw.below(held.commit_index - taken.index)
        term = self._store.term(LogIndex(index))
        data = bytes(self._draw.below(60))
        self._store.compact(snapshot(index, term, data), self._draw.below(8))
        self._states.append(content(self._store))

    def _install(self) -> None:
        held, last = self._state.hard_state, self._store.last_index()
        index = last + 1 + self._draw.below(20)
        term = held.term + self._draw.below(2)
        self._store.install(snapshot(index, max(term, 1)))
        self._states.append(content(self._store))
