"""The store again, as plainly as it can be said: a copy of everything at each revision.

It shares the values (commands, versions, results, refusals) with the real one and not a
line of how it works.
"""

from collections.abc import Iterable, Iterator
from operator import eq, gt, lt, ne

from raftwerk.kv import (
    CheckpointLeases,
    Command,
    Compact,
    CompactedRevision,
    CompactResult,
    Compare,
    DeleteRange,
    DeleteRangeResult,
    Event,
    ExpireLeases,
    FutureRevision,
    GrantLease,
    GrantResult,
    KeyNotFound,
    KeyValue,
    LeadLeases,
    LeaseExists,
    LeaseNotFound,
    LeasesResult,
    LeaseTooLong,
    Put,
    PutResult,
    Range,
    RangeResult,
    Result,
    RevokeLease,
    Txn,
    TxnResult,
)

__all__ = ["Model"]

RESULTS = (eq, gt, lt, ne)
Keys = dict[bytes, KeyValue]
Response = RangeResult | PutResult | DeleteRangeResult | TxnResult


class Model:
    """What the store must be like."""

    def __init__(self) -> None:
        self.revision = 1
        self.oldest = -1
        self.keys_at: dict[int, Keys] = {1: {}}
        self.changes: list[KeyValue] = []
        self.leases: dict[int, tuple[int, int]] = {}
        """The time and what is left of it, by lease."""
        self.term = 0

    # pylint: disable-next=too-many-return-statements,too-many-branches  # a table
    def apply(self, command: Command) -> Result:
        """Return what the store must return, or raise what it must refuse with."""
        match command:
            case Compact():
                if command.revision <= self.oldest:
                    raise CompactedRevision
                if command.revision > self.revision:
                    raise FutureRevision
                self.oldest = command.revision
                return CompactResult(self.revision)
            case Txn():
                return self._txn(command)
            case Put() | DeleteRange():
                if isinstance(command, Put):
                    self._check_lease(command)
                response = self._txn(Txn(success=(command,))).responses[0]
                assert isinstance(response, PutResult | DeleteRangeResult)
                return response
            case GrantLease(lease, seconds):
                return self._grant(lease, seconds)
            case RevokeLease(lease):
                if lease not in self.leases:
                    raise LeaseNotFound
                ended, revision = self._end([lease])
                return LeasesResult(revision, ended)
            case ExpireLeases(term, leases):
                ended, revision = self._end(leases if term == self.term else ())
                return LeasesResult(revision, ended)
            case CheckpointLeases(term, remaining):
                known = [each for each in remaining if each[0] in self.leases]
                for lease, seconds in known if term == self.term else []:
                    self.leases[lease] = (self.leases[lease][0], seconds)
                return LeasesResult(self.revision, (term == self.term) * len(known))
            case LeadLeases(term):
                self.term = term
                return LeasesResult(self.revision, len(self.leases))
        raise NotImplementedError(command)

    def _grant(self, lease: int, seconds: int) -> GrantResult:
        if lease == 0:
            raise LeaseNotFound
        if seconds > 9_000_000_000:
            raise LeaseTooLong
        if lease in self.leases:
            raise LeaseExists
        self.leases[lease] = (max(seconds, 2), 0)
        return GrantResult(self.revision, max(seconds, 2))

    def _end(self, leases: Iterable[int]) -> tuple[int, int]:
        """End leases; return how many there were, and the revision."""
        known = list(dict.fromkeys(each for each in leases if each in self.leases))
        for lease in known:
            del self.leases[lease]
            deletions = [DeleteRange(key) for key in self.lease_keys(lease)]
            self._txn(Txn(success=tuple(deletions)))
        return len(known), self.revision

    def lease_keys(self, lease: int) -> list[bytes]:
        """Return what is attached to a lease."""
        keys = self.keys_at[self.revision]
        return sorted(key for key, kv in keys.items() if kv.lease == lease)

    def range(self, request: Range) -> RangeResult:
        """Return what the store must read, or raise."""
        self._check_revision(request.revision)
        return self._range(self.keys_at, self.revision, request)

    def events(self, revision: int) -> list[Event]:
        """Return all changes that the store must tell of, or raise."""
        if 0 < revision < self.oldest:
            raise CompactedRevision
        return [
            Event(kv, self._previous(kv))
            for kv in self.changes
            if kv.mod_revision >= max(revision, self.oldest)
        ]

    def _previous(self, kv: KeyValue) -> KeyValue | None:
        before = kv.mod_revision - 1
        return self.keys_at[before].get(kv.key) if before >= self.oldest else None

    def _check_revision(self, revision: int) -> None:
        if revision > self.revision:
            raise FutureRevision
        if 0 < revision < self.oldest:
            raise CompactedRevision

    def _check_lease(self, put: Put) -> None:
        if put.lease and put.lease not in self.leases:
            raise LeaseNotFound

    def _txn(self, txn: Txn) -> TxnResult:
        keys = self.keys_at[self.revision]
        plan = self._plan(txn, keys)
        deleted: list[DeleteRange] = []
        for each in flat(plan):
            if isinstance(each, DeleteRange) and each.range_end == b"\0":
                deleted.append(each)
            if not isinstance(each, Put):
                continue
            is_there = each.key in keys and not any(
                named(gone.key, gone.range_end, each.key) for gone in deleted
            )
            if (each.ignore_value or each.ignore_lease) and not is_there:
                raise KeyNotFound
            self._check_lease(each)
        for read in (each for each in flat(plan) if isinstance(each, Range)):
            self._check_revision(read.revision)
            if read.revision < 0 and read.revision < self.oldest:
                raise CompactedRevision
        changes: list[KeyValue] = []
        after = dict(keys)
        result = self._run(plan, after, changes)
        if changes:
            self.revision += 1
            self.keys_at[self.revision] = after
            self.changes += changes
        return result

    def _plan(self, txn: Txn, keys: Keys) -> tuple[bool, list[object]]:
        holds = all(compare_holds(compare, keys) for compare in txn.compare)
        chosen = txn.success if holds else txn.failure
        return holds, [
            self._plan(each, keys) if isinstance(each, Txn) else each for each in chosen
        ]

    def _run(
        self, plan: tuple[bool, list[object]], keys: Keys, changes: list[KeyValue]
    ) -> TxnResult:
        responses: list[Response] = []
        for each in plan[1]:
            if isinstance(each, tuple):
                responses.append(self._run(each, keys, changes))
            elif isinstance(each, Put):
                responses.append(self._put(each, keys, changes))
            elif isinstance(each, DeleteRange):
                responses.append(self._delete(each, keys, changes))
            else:
                assert isinstance(each, Range)
                now = self.revision + bool(changes)
                responses.append(self._range(self.keys_at | {now: keys}, now, each))
        return TxnResult(self.revision + bool(changes), plan[0], responses)

    def _put(self, put: Put, keys: Keys, changes: list[KeyValue]) -> PutResult:
        now = self.revision + 1
        old = keys.get(put.key)
        new = KeyValue(
            put.key,
            now if old is None else old.create_revision,
            now,
            1 if old is None else old.version + 1,
            old.value if old is not None and put.ignore_value else put.value,
            old.lease if old is not None and put.ignore_lease else put.lease,
        )
        keys[put.key] = new
        changes.append(new)
        return PutResult(now, old if put.prev_kv else None)

    def _delete(
        self, delete: DeleteRange, keys: Keys, changes: list[KeyValue]
    ) -> DeleteRangeResult:
        found = sorted(k for k in keys if named(delete.key, delete.range_end, k))
        old = [keys.pop(key) for key in found]
        changes += [KeyValue(key, 0, self.revision + 1, 0) for key in found]
        now = self.revision + bool(changes)
        return DeleteRangeResult(now, len(old), old if delete.prev_kv else [])

    def _range(self, keys_at: dict[int, Keys], now: int, request: Range) -> RangeResult:
        keys = keys_at[request.revision if request.revision > 0 else now]
        kvs = [
            kv
            for key, kv in sorted(keys.items())
            if named(request.key, request.range_end, key)
        ]
        count = len(kvs)
        if request.count_only:
            return RangeResult(now, [], False, count)
        kvs = [
            kv
            for kv in kvs
            if kv.mod_revision >= request.min_mod_revision
            if kv.mod_revision <= (request.max_mod_revision or now)
            if kv.create_revision >= request.min_create_revision
            if kv.create_revision <= (request.max_create_revision or now)
        ]
        more = 0 < request.limit < len(kvs)
        bounds = (
            request.min_mod_revision,
            request.max_mod_revision,
            request.min_create_revision,
            request.max_create_revision,
        )
        if request.limit > 0 and not (request.sort_order or any(bounds)):
            kvs = kvs[: request.limit + 1]
        fields = ("key", "version", "create_revision", "mod_revision", "value")
        if request.sort_target or request.sort_order in (1, 2):
            if request.sort_order in (0, 1, 2):
                field = fields[request.sort_target]
                is_down = request.sort_order == 2
                kvs.sort(key=lambda kv: getattr(kv, field), reverse=is_down)
        if more:
            kvs = kvs[: request.limit]
        if request.keys_only:
            kvs = [
                KeyValue(
                    k.key, k.create_revision, k.mod_revision, k.version, b"", k.lease
                )
                for k in kvs
            ]
        return RangeResult(now, kvs, more, count)


def named(key: bytes, range_end: bytes, other: bytes) -> bool:
    """Tell whether a request names a key."""
    if range_end == b"":
        return other == key
    if range_end == b"\0":
        return other >= key
    return key <= other < range_end


def flat(plan: tuple[bool, list[object]]) -> Iterator[object]:
    """Yield the operations of a plan, in order."""
    for each in plan[1]:
        if isinstance(each, tuple):
            yield from flat(each)
        else:
            yield each


def compare_holds(compare: Compare, keys: Keys) -> bool:
    """Tell whether a compare is true of all keys that it names."""
    kvs = [kv for k, kv in keys.items() if named(compare.key, compare.range_end, k)]
    if not kvs and compare.target == 3:
        return False
    operand = compare.value if compare.target == 3 else compare.number
    for kv in kvs or [KeyValue(b"", 0, 0, 0)]:
        stored: tuple[bytes | int, ...] = (
            kv.version,
            kv.create_revision,
            kv.mod_revision,
            kv.value,
            kv.lease,
        )
        if not RESULTS[compare.result](stored[compare.target], operand):
            return False
    return True
