"""A store as it was at a revision or at a time, made of an archive.

The newest archived state that is not beyond the wish is the beginning; then the entries
of the log are applied as a member applies them, until the wish is fulfilled. What is
missing or damaged on the way is told, and nothing is made up for it.
"""

from collections.abc import Iterator

import msgspec

from raftwerk.errors import ConfigError, StorageError
from raftwerk.kv import Store
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.replay import Replay
from raftwerk.storage.archive import Archive, ArchivedState, Piece
from raftwerk.types import LogIndex

__all__ = ["ArchiveReport", "Reached", "Wish", "report_on_archive", "restore"]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go back to; without either, as far as the archive goes.

    Parameters
    ----------
    revision : int or None
        The newest that is to be there.
    at_millis : int or None
        Nothing that was applied later is to be there; milliseconds since 1970.
    """

    revision: int | None = None
    at_millis: int | None = None

    def allows(self, state: ArchivedState) -> bool:
        """Tell whether a state is not beyond the wish.

        Parameters
        ----------
        state : ArchivedState
            Where to begin, perhaps.

        Returns
        -------
        bool
            Whether it may be the beginning.
        """
        if self.at_millis is not None and state.at_millis > self.at_millis:
            return False
        revision = Manifest.decode(state.snapshot.data).revision
        return self.revision is None or revision <= self.revision


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How far a restore went.

    Parameters
    ----------
    index : LogIndex
        The last entry that was applied.
    revision : int
        The store's.
    at_millis : int
        When that entry had been applied at the latest; milliseconds since 1970.
    state_index : LogIndex
        Where it began.
    """

    index: LogIndex
    revision: int
    at_millis: int
    state_index: LogIndex


class ArchiveReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive has, as its file names say it.

    Parameters
    ----------
    states : tuple of LogIndex
        Where a restore can begin.
    segments : int
        How many there are.
    first_index, last_index : LogIndex
        Between these all that is not in a gap can be restored.
    gaps : tuple of (LogIndex, LogIndex)
        The first and the last entry that are missing of each.
    """

    states: tuple[LogIndex, ...]
    segments: int
    first_index: LogIndex
    last_index: LogIndex
    gaps: tuple[tuple[LogIndex, LogIndex], ...]


def report_on_archive(archive: Archive) -> ArchiveReport:
    """Return what an archive has.

    Parameters
    ----------
    archive : Archive
        Of one cluster.

    Returns
    -------
    ArchiveReport
        Nothing was read but names.

    Raises
    ------
    StorageError
        If there is no state to begin with, or the disk fails.
    """
    states = sorted({state.applied_index for state in archive.states()})
    if not states:
        raise StorageError("the archive has no state to begin with")
    index, gaps = states[0], []
    segments = archive.segments()
    for segment in segments:
        if segment.first_index > index + 1:
            gaps.append((LogIndex(index + 1), LogIndex(segment.first_index - 1)))
        index = max(index, segment.last_index)
    return ArchiveReport(
        states=tuple(states),
        segments=len(segments),
        first_index=states[0],
        last_index=max(index, states[-1]),
        gaps=tuple(gaps),
    )


def restore(archive: Archive, wish: Wish) -> tuple[Store, Reached]:
    """Return the store as it was.

    Parameters
    ----------
    archive : Archive
        Of one cluster.
    wish : Wish
        Where to go back to.

    Returns
    -------
    Store
        With all revisions that it had then.
    Reached
        Where that is.

    Raises
    ------
    ConfigError
        If the archive does not reach that far, back or on.
    StorageError
        If something on the way is missing or damaged; the message names it.
    """
    replay, store, state = _begin(archive, wish)
    at_millis = state.at_millis
    for piece in _pieces(archive, replay, wish):
        if wish.at_millis is not None and piece.at_millis > wish.at_millis:
            break
        _apply(replay, store, piece, wish.revision)
        at_millis = piece.at_millis
        if store.revision == wish.revision:
            break
    if wish.revision is not None and store.revision < wish.revision:
        raise ConfigError(
            f"revision is {wish.revision}; the archive goes up to revision"
            f" {store.revision}, at entry {replay.index}"
        )
    reached = Reached(
        index=replay.index,
        revision=store.revision,
        at_millis=at_millis,
        state_index=state.snapshot.index,
    )
    return store, reached


def _begin(archive: Archive, wish: Wish) -> tuple[Replay, Store, ArchivedState]:
    """Return the newest sound state that is not beyond the wish."""
    damages: list[str] = []
    is_any = False
    for name in reversed(archive.states()):
        try:
            state, chunks = archive.read_state(name)
            is_any = True
            if not wish.allows(state):
                continue
            store = Store()
            has_state = Manifest.decode(state.snapshot.data).chunks is not None
            replay = Replay(store, state.snapshot, chunks if has_state else None)
            return replay, store, state
        except StorageError as error:
            damages.append(str(error))
    if damages:
        raise StorageError("; ".join(damages))
    if not is_any:
        raise StorageError("the archive has no state to begin with")
    raise ConfigError("the archive begins later than that; its states are all newer")


def _pieces(archive: Archive, replay: Replay, wish: Wish) -> Iterator[Piece]:
    """Yield what follows; where something is missing, raise."""
    damages: list[str] = []
    for segment in archive.segments():
        if segment.last_index <= replay.index:
            continue
        if segment.first_index > replay.index + 1:
            missing = f"entries {replay.index + 1} to {segment.first_index - 1}"
            raise StorageError(
                f"the archive has a gap: {missing} are missing before {segment.path};"
                " a restore can't go beyond it from the state it began with"
                + "".join(f"; {each}" for each in damages)
            )
        try:
            yield from archive.read_segment(segment)
        except StorageError as error:
            damages.append(str(error))  # another member may have written it, too
    if damages and (wish.revision is not None or wish.at_millis is None):
        raise StorageError("; ".join(damages))


def _apply(replay: Replay, store: Store, piece: Piece, revision: int | None) -> None:
    """Apply what is new in a piece, up to a revision."""
    entries = [entry for entry in piece.entries if entry.index > replay.index]
    if revision is None:
        if entries:
            replay.apply(entries)
        return
    for entry in entries:
        if store.revision >= revision:
            return
        replay.apply([entry])
