"""What clients were told, held against what was agreed upon.

The agreed history is that of the ledger's store, which never forgets. Locks, leases,
watches and transactions each have a model of their own; single keys go to the checker
of linearizability (`check_history`), which knows nothing of this store.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from raftwerk.kv import KeyValue, Range
from raftwerk.sim.history import Action, Answer, Operation, VerdictKind
from raftwerk.sim.ledger import Ledger
from raftwerk.sim.linearizability import check_history
from raftwerk.sim.records import Looked, Records, Repeated, Sweep, Transfer, Watched
from raftwerk.sim.violation import Property, Violation

__all__ = ["judge", "judge_leases"]


def judge(ledger: Ledger, records: Records, now: float) -> None:
    """Check all that is remembered.

    Parameters
    ----------
    ledger : Ledger
        What was agreed upon.
    records : Records
        What clients were told.
    now : float
        The end of time.

    Raises
    ------
    Violation
        If they can't both be true.
    """
    changes = _changes(ledger)
    _judge_operations(changes, records.operations, now)
    _judge_transfers(ledger, changes, records.transfers)
    _judge_repeated(changes, records.repeated)
    _judge_sweeps(ledger, changes, records.sweeps)
    _judge_looks(changes, records.looks)
    _judge_holdings(ledger, changes, records)
    for watched in records.watches:
        _judge_watch(ledger, watched)


def _changes(ledger: Ledger) -> dict[int, list[KeyValue]]:
    """Return what each revision changed."""
    changes: dict[int, list[KeyValue]] = defaultdict(list)
    for event in ledger.store.events_since(1):
        changes[event.kv.mod_revision].append(event.kv)
    return changes


# ---- single keys ----------------------------------------------------------------


def _judge_operations(
    changes: dict[int, list[KeyValue]], operations: Sequence[Operation], now: float
) -> None:
    """Check single keys; revisions that others took are no business of theirs."""
    settled = _settled(changes, operations, now)
    writes = [1]
    writes += sorted(_revision(op) for op in settled if op.may_write)
    renumbered = [_renumber(op, writes) for op in settled]
    verdict = check_history(renumbered)
    if verdict.kind is not VerdictKind.LINEARIZABLE:
        raise Violation(Property.LINEARIZABLE, str(verdict))


def _settled(
    changes: dict[int, list[KeyValue]], operations: Sequence[Operation], now: float
) -> list[Operation]:
    """Return a history in which what nobody knew is answered, as far as it happened.

    Values are unique, so a write that took effect shows in the history of its key; a
    deletion without an answer is any that nobody else was told to have made.
    """
    by_value: dict[tuple[bytes, bytes], int] = {}
    deletions: dict[bytes, list[int]] = defaultdict(list)
    for number, kvs in changes.items():
        for kv in kvs:
            if kv.version:
                by_value[kv.key, kv.value] = number
            else:
                deletions[kv.key].append(number)
    told = {
        op.answer.revision
        for op in operations
        if op.answer is not None and op.action is Action.DELETE and op.answer.succeeded
    }
    free = {
        key: [number for number in numbers if number not in told]
        for key, numbers in deletions.items()
    }
    result = []
    for op in sorted(operations, key=lambda each: each.started):
        if op.answer is not None:
            result.append(op)
            continue
        if op.action is Action.DELETE:
            left = free.get(op.key)
            revision: int | None = left.pop(0) if left else None
        else:
            revision = by_value.get((op.key, op.value or b""))
        if revision is not None:
            result.append(
                msgspec.structs.replace(op, ended=now, answer=Answer(revision=revision))
            )
    return result


def _renumber(op: Operation, writes: Sequence[int]) -> Operation:
    """Return an operation with revisions that have no holes where others wrote.

    What changed nothing has the number of the last write before it: there it saw what
    it saw, as far as single keys go.
    """
    answer = op.answer or Answer()

    def number(revision: int) -> int:
        return bisect_right(writes, revision)

    mod = number(answer.mod_revision) if answer.mod_revision else 0
    expected = op.expected_mod_revision
    return msgspec.structs.replace(
        op,
        expected_mod_revision=number(expected) if expected else 0,
        answer=msgspec.structs.replace(
            answer, revision=number(_revision(op)), mod_revision=mod
        ),
    )


def _revision(op: Operation) -> int:
    """Return the revision of an answer."""
    return op.answer.revision or 0 if op.answer is not None else 0


# ---- transactions ---------------------------------------------------------------


def _judge_transfers(
    ledger: Ledger, changes: dict[int, list[KeyValue]], transfers: Sequence[Transfer]
) -> None:
    """Check that each transaction was one step, at the revision that it was told."""
    for transfer in transfers:
        revision = transfer.revision
        if revision is None:
            continue
        before = revision - 1 if transfer.puts and transfer.succeeded else revision
        stored = [_at(ledger, key, before) for key in transfer.keys]
        if transfer.found:
            values = tuple(None if kv is None else kv.value for kv in stored)
            _require(values == transfer.found, transfer, f"had {values}")
            continue
        mods = tuple(0 if kv is None else kv.mod_revision for kv in stored)
        _require(
            (mods == transfer.expected) == transfer.succeeded, transfer, f"had {mods}"
        )
        if transfer.succeeded:
            made = {kv.key: kv.value for kv in changes.get(revision, ())}
            wanted = dict(zip(transfer.keys, transfer.puts, strict=True))
            _require(made == wanted, transfer, f"made {made}")
    _judge_order(transfers)


def _judge_order(transfers: Sequence[Transfer]) -> None:
    """Check that revisions agree with real time (the witness is the order)."""
    told = [each for each in transfers if each.revision is not None]
    ends = sorted(told, key=lambda each: each.ended)
    place, highest = 0, 0
    for transfer in sorted(told, key=lambda each: each.started):
        while place < len(ends) and ends[place].ended < transfer.started:
            highest = max(highest, ends[place].revision or 0)
            place += 1
        _require(
            (transfer.revision or 0) >= highest,
            transfer,
            f"began when {highest} had been told",
        )


def _require(holds: bool, transfer: Transfer, seen: str) -> None:
    """Raise unless a transaction is explained."""
    if not holds:
        raise Violation(Property.TRANSACTIONS, f"{transfer}; the store {seen}")


def _at(ledger: Ledger, key: bytes, revision: int) -> KeyValue | None:
    """Return a key as of a revision."""
    kvs = ledger.store.range(Range(key, revision=max(revision, 1))).kvs
    return kvs[0] if kvs else None


# ---- many keys at once ----------------------------------------------------------


def _judge_sweeps(
    ledger: Ledger, changes: dict[int, list[KeyValue]], sweeps: Sequence[Sweep]
) -> None:
    """Check that each took all keys that were there, at one revision."""
    for each in sweeps:
        there = Range(each.prefix, each.range_end, revision=max(each.revision - 1, 1))
        before = ledger.store.range(there).count
        gone = sum(
            kv.version == 0 and each.prefix <= kv.key < each.range_end
            for kv in changes.get(each.revision, ())
        )
        # With nothing to delete it takes no revision, and says that of others.
        if each.deleted != before or (each.deleted and gone != before):
            raise Violation(
                Property.TRANSACTIONS,
                f"{each}; there were {before} keys, and {gone} were deleted then",
            )


# ---- several keys ---------------------------------------------------------------


def _judge_looks(changes: dict[int, list[KeyValue]], looks: Sequence[Looked]) -> None:
    """Check that each saw one revision whole, and said how much it left out.

    What a revision was like follows from the changes alone: the code that reads stores
    is not asked.
    """
    versions: dict[bytes, list[KeyValue]] = defaultdict(list)
    for revision in sorted(changes):
        for kv in changes[revision]:
            versions[kv.key].append(kv)
    for each in looks:
        request, result = each.request, each.result
        at = request.revision or result.revision
        there = []
        for key in sorted(versions):
            if request.key <= key < request.range_end or request.range_end == b"\0":
                past = bisect_right(versions[key], at, key=lambda kv: kv.mod_revision)
                if past and versions[key][past - 1].version:
                    there.append(versions[key][past - 1])
        wanted = there[: request.limit] if request.limit else there
        more = len(wanted) < len(there)
        if request.count_only:
            wanted, more = [], False
        told = (list(result.kvs), result.more, result.count)
        if told != (wanted, more, len(there)):
            raise Violation(
                Property.LINEARIZABLE,
                f"client {each.client} asked for {request} and was told {result}; at"
                f" revision {at} there were {there}",
            )


# ---- sessions and keys ----------------------------------------------------------


def _judge_repeated(
    changes: dict[int, list[KeyValue]], repeated: Sequence[Repeated]
) -> None:
    """Check that what was asked for again was done once, as each answer says."""
    written: dict[tuple[bytes, bytes], list[int]] = defaultdict(list)
    for revision in sorted(changes):
        for kv in changes[revision]:
            if kv.version:
                written[kv.key, kv.value].append(revision)
    for each in repeated:
        found = written[each.key, each.value]
        is_right = len(found) < 2 and set(each.revisions) <= set(found)
        if not is_right:
            raise Violation(
                Property.ONCE,
                f"client {each.client} asked for {each.key!r} = {each.value[:20]!r} to"
                f" be written once, and was told revisions {each.revisions}; it was"
                f" written at {found}",
            )


# ---- locks ----------------------------------------------------------------------


def _judge_holdings(
    ledger: Ledger, changes: dict[int, list[KeyValue]], records: Records
) -> None:
    """Check that each who was told to own a lock did, and that fencing grows."""
    newest: dict[bytes, tuple[int, int]] = {}
    for holding in sorted(records.holdings, key=lambda each: each.revision):
        prefix = holding.name + b"/"
        line = ledger.store.range(
            Range(prefix, prefix[:-1] + b"0", revision=holding.revision)
        ).kvs
        owner = min(line, key=lambda kv: kv.create_revision, default=None)
        if owner is None or owner.key != holding.key:
            raise Violation(
                Property.LOCKS,
                f"client {holding.client} was told to own {holding.name!r} by"
                f" {holding.key!r} at revision {holding.revision}; the owner was"
                f" {owner.key if owner else None!r}",
            )
        revision, fencing = newest.get(holding.name, (0, 0))
        if owner.create_revision < fencing:
            raise Violation(
                Property.LOCKS,
                f"the owner of {holding.name!r} at revision {holding.revision} has the"
                f" number {owner.create_revision}; at {revision} it was {fencing}",
            )
        newest[holding.name] = (holding.revision, owner.create_revision)
    last: dict[bytes, int] = {}
    for revision in sorted(changes):
        for kv in changes[revision]:
            if kv.version and kv.key.startswith(b"guarded "):
                number = int(kv.value.split()[0])
                if number < last.get(kv.key, 0):
                    raise Violation(
                        Property.LOCKS,
                        f"{kv.key!r} was written at revision {revision} by the owner"
                        f" {number}, after the owner {last[kv.key]}",
                    )
                last[kv.key] = number


# ---- leases ---------------------------------------------------------------------


def judge_leases(
    ledger: Ledger,
    records: Records,
    ended: dict[int, float],
    now: float,
    rate_max: float,
) -> None:
    """Check that no lease ended too early, and none lives too long.

    Parameters
    ----------
    ledger : Ledger
        Knows which were ended.
    records : Records
        Knows which were kept alive, and until when.
    ended : dict of int to float
        When each was ended.
    now : float
        The end of time.
    rate_max : float
        How much faster than time the fastest clock ran; infinite if one jumped.

    Raises
    ------
    Violation
        If one did.
    """
    for lease, (asked, ttl) in records.leases.items():
        end = ended.get(lease)
        least = asked + ttl / rate_max
        if end is not None and end < least - 1e-6:
            raise Violation(
                Property.LEASES,
                f"lease {lease} of {ttl} s was kept alive at {asked:.6f}, and was ended"
                f" at {end:.6f}",
            )
    for lease_id, (asked, ttl) in records.leases.items():
        if lease_id not in ended and now > asked + 4 * ttl + 10.0:
            if any(each.lease_id == lease_id for each in ledger.store.leases()):
                raise Violation(
                    Property.LEASES,
                    f"lease {lease_id} of {ttl} s was kept alive at {asked:.6f} for the"
                    f" last time, and lives at {now:.6f}",
                )


# ---- watches --------------------------------------------------------------------


def _judge_watch(ledger: Ledger, watched: Watched) -> None:
    """Check that each change was told once, in order."""
    expected = [
        event.kv
        for event in ledger.store.events_since(1)
        if _is_in(event.kv.key, watched)
        and event.kv.mod_revision < watched.next_revision
        and not any(a <= event.kv.mod_revision < b for a, b in watched.gaps)
    ]
    told = [event.kv for event in watched.events]
    if told == expected:
        return
    place = next(
        (
            number
            for number, (one, other) in enumerate(zip(told, expected, strict=False))
            if one != other
        ),
        min(len(told), len(expected)),
    )
    raise Violation(
        Property.WATCHES,
        f"client {watched.client} watches {watched.prefix!r}: change {place} was told"
        f" as {told[place : place + 2]}; it is {expected[place : place + 2]}",
    )


def _is_in(key: bytes, watched: Watched) -> bool:
    """Tell whether a key is watched."""
    return watched.prefix <= key and (
        watched.range_end == b"\0" or key < watched.range_end
    )
