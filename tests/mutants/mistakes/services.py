"""Mistakes of store and services: reads, transactions, watches, leases, locks."""

from typing import Final

from ..mistake import Mistake, Patch

__all__ = ["SERVICES"]

COUNTDOWN: Final = "raftwerk.service.countdown"
KV: Final = "raftwerk.service.kv"
LESSOR: Final = "raftwerk.service.lessor"
QUEUE: Final = "raftwerk.service.queue"
SNAPSHOT: Final = "raftwerk.kv.snapshot"
WATCH: Final = "raftwerk.kv.watch"
CLIENTS: Final = ("clients",)
WORLD: Final = ("world",)

SERVICES: Final = (
    Mistake(
        name="a read is answered by whoever is asked, as it is",
        section="thesis §6.4",
        checks=WORLD,
        patches=(
            Patch(
                KV,
                "KvService.range",
                "        await self._may_read(request.serializable)\n",
                "        await self._may_read(True)\n",
            ),
        ),
    ),
    Mistake(
        name="a transaction that only reads is answered as it is",
        section="thesis §6.4",
        checks=WORLD,
        patches=(
            Patch(
                KV,
                "KvService.read_here",
                "        await self._may_read(is_serializable(request))\n",
                "        await self._may_read(True)\n",
            ),
        ),
    ),
    Mistake(
        name="each put of a transaction takes a revision",
        section="etcd, api guarantees",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.kv.txn",
                "_run",
                "write.put(state, operation, revision)",
                "write.put(state, operation, state.revision + 1)",
            ),
        ),
    ),
    Mistake(
        name="a watch that begins in the past is told of the present only",
        section="etcd, watch",
        checks=WORLD,
        patches=(
            Patch(
                WATCH,
                "Watchers.open",
                "        if watcher.next_revision > newest:\n",
                "        if newest:\n",
            ),
        ),
    ),
    Mistake(
        name="a watch is told of the last change twice",
        section="etcd, watch",
        checks=WORLD,
        patches=(
            Patch(
                WATCH,
                "_read",
                "    watcher.next_revision = newest + 1\n",
                "    watcher.next_revision = max(newest, watcher.next_revision + 1)\n",
            ),
        ),
    ),
    Mistake(
        name="a watch goes on behind a compaction without a word",
        section="etcd, watch",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.service.watch",
                "WatchStream._take",
                "                self._end(watch)\n"
                "                self._answer(\n"
                "                    watch.watch_id,\n"
                "                    revision=0,\n"
                "                    canceled=True,\n"
                "                    compact_revision="
                "self._service.store.compact_revision,\n"
                "                )\n",
                "                store = self._service.store\n"
                "                watch.watcher.next_revision = store.compact_revision\n"
                "                steps = self._service.watchers.take(watch.watcher)\n",
            ),
        ),
    ),
    Mistake(
        name="a lease is ended by the clock of whoever follows",
        section="decision 110",
        checks=WORLD,
        patches=(
            Patch(
                LESSOR,
                "Lessor._leading_term",
                "        return status.term if status.role is Role.LEADER else None\n",
                "        return status.term\n",
            ),
            Patch(
                LESSOR,
                "Lessor._expire",
                "await self._say(ExpireLeases(term, tuple(expired)), term)",
                "await self._node.propose(encode(ExpireLeases(term, tuple(expired))))",
            ),
        ),
    ),
    Mistake(
        name="a lease is kept alive without being counted anew",
        section="etcd, lease",
        checks=WORLD,
        patches=(
            Patch(
                COUNTDOWN,
                "Countdown.renew",
                "max(deadline, counted.deadline)",
                "min(deadline, counted.deadline)",
            ),
        ),
    ),
    Mistake(
        name="a lease is promised by a leader that asks nobody",
        section="thesis §6.4, decision 110",
        checks=CLIENTS,
        patches=(
            Patch(
                LESSOR,
                "Lessor.renew",
                "            await self._confirm()\n",
                "            await self._timers.sleep(0.0)\n",
            ),
        ),
    ),
    Mistake(
        name="a lease whose time is up stays",
        section="etcd, lease",
        checks=WORLD,
        patches=(
            Patch(
                COUNTDOWN,
                "Countdown.take_due",
                "                due.expired.append(counted.lease_id)\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="leases are not in the snapshot",
        section="§7, etcd's lessor",
        checks=WORLD,
        patches=(
            Patch(
                SNAPSHOT,
                "take",
                "_Leases(state.leases.term, state.leases.all())",
                "_Leases(state.leases.term, [])",
            ),
        ),
    ),
    Mistake(
        name="the term in which leases are counted is not in the snapshot",
        section="§7, decision 110",
        checks=WORLD,
        patches=(
            Patch(
                SNAPSHOT,
                "take",
                "_Leases(state.leases.term, state.leases.all())",
                "_Leases(0, state.leases.all())",
            ),
        ),
    ),
    Mistake(
        name="the lock is the first by name, not by time",
        section="etcd, v3lock",
        checks=WORLD,
        patches=(
            Patch(
                QUEUE,
                "_first_of",
                "sort_target=SortTarget.CREATE",
                "sort_target=SortTarget.KEY",
            ),
        ),
    ),
    Mistake(
        name="who waits for a lock does not look whether its own key is there still",
        section="etcd, concurrency",
        checks=WORLD,
        patches=(
            Patch(
                QUEUE,
                "Queue.until_first",
                "            if not ours.kvs or"
                " ours.kvs[0].create_revision != place.created:\n"
                "                return None\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="an older revision is read, and nobody is told that there is more",
        section="etcd, range",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.kv.ranges",
                "_sorted_and_cut",
                "    more = result.more or wanted < total\n",
                "    more = result.more or (not request.revision and wanted < total)\n",
            ),
        ),
    ),
    Mistake(
        name="a compaction forgets what its own revision still shows",
        section="etcd, compaction",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.kv.index",
                "KeyIndex.forget",
                "        if place and older[place - 1].version:\n"
                "            place -= 1\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="a compare of the last change looks at the first",
        section="etcd, txn",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.kv.txn",
                "is_true_of",
                "is_result(kv.mod_revision, compare.number)",
                "is_result(kv.create_revision, compare.number)",
            ),
        ),
    ),
    Mistake(
        name="a lease ends, and its keys stay",
        section="etcd, lease",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.kv.lease",
                "_end",
                "    state.delete(found, state.revision + 1)\n",
                "    state.delete([], state.revision + 1)\n",
            ),
            Patch(
                "raftwerk.kv.writing",
                "_end",
                "        state.delete(found, state.revision + 1)\n",
                "        state.delete([], state.revision + 1)\n",
            ),
        ),
    ),
)
