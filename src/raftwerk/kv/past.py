"""The changes that were made, as whoever watches is told of them."""

from collections.abc import Iterator

from raftwerk.kv.ranges import check_revision
from raftwerk.kv.records import Event, KeyValue
from raftwerk.kv.state import State

__all__ = ["events", "events_since"]


def events(state: State, revision: int, events_max: int | None = None) -> list[Event]:
    """Return changes in order.

    Parameters
    ----------
    state : State
        The store.
    revision : int
        The first revision that is wanted; 0 or below for the oldest there is.
    events_max : int, optional
        How many at most, from 1; but the last revision of them is always whole.

    Returns
    -------
    list of Event
        Empty if the revision is still to come.

    Raises
    ------
    CompactedRevision
        If the revision is forgotten.
    """
    found: list[Event] = []
    for event in events_since(state, revision):
        if (
            events_max is not None
            and len(found) >= events_max
            and event.kv.mod_revision > found[-1].kv.mod_revision
        ):
            break
        found.append(event)
    return found


def events_since(state: State, revision: int) -> Iterator[Event]:
    """Return the changes from a revision on, as they are now.

    Parameters
    ----------
    state : State
        The store.
    revision : int
        The first revision that is wanted; 0 or below for the oldest there is.

    Returns
    -------
    iterator of Event
        In order; drawn at any time, while the store may change, it gives the changes up
        to the revision that is the newest now.

    Raises
    ------
    CompactedRevision
        If the revision is forgotten.
    """
    if revision > 0:
        check_revision(state, min(revision, state.revision))
    changes = state.history.since(max(revision, state.compact_revision))
    return (
        Event(made, _previous(state, made, overtaken)) for made, overtaken in changes
    )


def _previous(
    state: State, made: KeyValue, overtaken: KeyValue | None
) -> KeyValue | None:
    """Return the version that a read at the revision before would have given."""
    if overtaken is None or made.mod_revision <= state.compact_revision:
        return None
    if overtaken.mod_revision == made.mod_revision:
        # A transaction may put a key and delete it: nobody saw it in between.
        return state.index.at(made.key, made.mod_revision - 1)
    return overtaken
