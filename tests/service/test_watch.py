"""Streams of watches: what each request is answered, in which order, how promptly."""

import asyncio

import pytest

from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Host
from raftwerk.host.real import real_host
from raftwerk.host.virtual import VirtualLoop, run, virtual_host
from raftwerk.kv import Command, Compact, DeleteRange, Put, Store, Txn, encode
from raftwerk.kv import watch as kv_watch
from raftwerk.service import watch as service_watch
from raftwerk.service.fragments import split
from raftwerk.service.watch import ANSWERS_WAITING_MAX, WatchService, WatchStream
from raftwerk.service.watch_messages import NO_WATCH, CreateWatch, WatchAnswer


def _host() -> Host:
    """Return a host on the running loop, if that is virtual."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        return virtual_host(loop, SplitMix64(1))
    return real_host()


class World:
    """A store that changes, and who watches it."""

    def __init__(self, *past: Command) -> None:
        self.host: Host = _host()
        self.store = Store()
        self.service = WatchService(self.store, self.host.timers, progress_seconds=10.0)
        self.apply(*past)

    def apply(self, *batch: Command) -> None:
        """Apply commands in one batch."""
        if batch:
            index = self.store.applied_index + 1
            self.store.apply(index, [encode(command) for command in batch])

    async def watch(self, *requests: CreateWatch) -> WatchStream:
        """Return a stream with watches."""
        stream = self.service.open()
        for request in requests:
            await stream.create(request)
        return stream


async def draw(stream: WatchStream, count: int) -> list[WatchAnswer]:
    """Return the next answers."""
    return [await anext(stream) for _ in range(count)]


async def is_silent(stream: WatchStream) -> bool:
    """Tell whether there is no answer now."""
    task = asyncio.ensure_future(anext(stream))
    for _ in range(100):
        await asyncio.sleep(0)
    if task.done():
        return False
    task.cancel()
    return True


def told(answer: WatchAnswer) -> tuple[int, int, list[bytes]]:
    """Return the revision of an answer, its watch, and the keys of its events."""
    return answer.revision, answer.watch_id, [e.kv.key for e in answer.events]


def test_a_watch_is_created_and_told_of_each_revision_by_itself() -> None:
    async def story() -> None:
        world = World(Put(b"past"))
        stream = await world.watch(CreateWatch(key=b"a", range_end=b"c"))
        (created,) = await draw(stream, 1)
        assert created == WatchAnswer(revision=2, watch_id=0, created=True)
        assert await is_silent(stream)
        world.apply(Put(b"a"), Put(b"x"), Txn(success=(Put(b"b"), Put(b"a"))))
        answers = await draw(stream, 2)
        assert [told(each) for each in answers] == [
            (3, 0, [b"a"]),
            (5, 0, [b"b", b"a"]),
        ]
        assert await is_silent(stream)

    run(story())


def test_history_is_told_first_and_nothing_twice() -> None:
    async def story() -> None:
        world = World(Put(b"a"), Put(b"a"), DeleteRange(b"a"))
        stream = await world.watch(CreateWatch(key=b"a", start_revision=3))
        world.apply(Put(b"a"))
        answers = await draw(stream, 2)
        assert answers[0].created
        assert told(answers[1]) == (5, 0, [b"a"] * 3)
        world.apply(Put(b"a"))
        assert told(await anext(stream)) == (6, 0, [b"a"])
        assert await is_silent(stream)

    run(story())


def test_ids_are_counted_or_given_and_never_used_twice() -> None:
    async def story() -> None:
        world = World()
        stream = await world.watch(
            CreateWatch(key=b"a", watch_id=1),
            CreateWatch(key=b"a"),
            CreateWatch(key=b"a"),
            CreateWatch(key=b"a", watch_id=2),
        )
        answers = await draw(stream, 4)
        assert [each.watch_id for each in answers] == [1, 0, 2, NO_WATCH]
        assert answers[3].created and answers[3].canceled
        assert answers[3].cancel_reason.startswith("mvcc: duplicate watch ID")

    run(story())


def test_an_empty_range_is_refused_and_an_empty_key_is_the_first_of_all() -> None:
    async def story() -> None:
        world = World()
        stream = await world.watch(
            CreateWatch(key=b"b", range_end=b"b"), CreateWatch(range_end=b"\0")
        )
        refused, created = await draw(stream, 2)
        assert (refused.watch_id, refused.canceled) == (NO_WATCH, True)
        assert refused.cancel_reason == "mvcc: watcher range is empty"
        assert (created.watch_id, created.canceled) == (0, False)
        world.apply(Put(b"\0"))
        assert told(await anext(stream)) == (2, 0, [b"\0"])

    run(story())


def test_a_cancelled_watch_is_told_nothing_more() -> None:
    async def story() -> None:
        world = World()
        stream = await world.watch(CreateWatch(key=b"a"), CreateWatch(key=b"a"))
        await draw(stream, 2)
        world.apply(Put(b"a"))
        await stream.cancel(0)
        await stream.cancel(7)
        canceled, other = await draw(stream, 2)
        assert canceled == WatchAnswer(revision=2, watch_id=0, canceled=True)
        assert told(other) == (2, 1, [b"a"])
        assert await is_silent(stream)

    run(story())


def test_what_is_forgotten_ends_a_watch_with_the_oldest_that_is_not() -> None:
    async def story() -> None:
        world = World(Put(b"a"), Put(b"a"), Put(b"a"), Compact(3))
        stream = await world.watch(
            CreateWatch(key=b"a", start_revision=2),
            CreateWatch(key=b"a", start_revision=-5),
        )
        answers = await draw(stream, 4)
        assert [each.created for each in answers] == [True, True, False, False]
        for number, answer in enumerate(answers[2:]):
            assert answer == WatchAnswer(
                revision=0, watch_id=number, canceled=True, compact_revision=3
            )
        assert await is_silent(stream)

    run(story())


def test_progress_is_told_only_behind_all_that_happened() -> None:
    async def story() -> None:
        world = World(Put(b"a"))
        stream = await world.watch(CreateWatch(key=b"a", start_revision=1))
        await stream.request_progress()
        world.apply(Put(b"x"), Put(b"a"))
        answers = await draw(stream, 3)
        assert answers[0].created
        assert told(answers[1]) == (4, 0, [b"a", b"a"])
        assert answers[2] == WatchAnswer(revision=4, watch_id=NO_WATCH)

    run(story())


def test_the_first_watch_is_told_of_what_happened_before_it() -> None:
    async def story() -> None:
        world = World(Put(b"a"), Put(b"b"))
        stream = await world.watch(CreateWatch(key=b"a"))
        await stream.request_progress()
        answers = await draw(stream, 2)
        assert [each.revision for each in answers] == [3, 3]
        stream.close()

    run(story())


def test_idle_watches_are_told_of_progress_if_they_want_it() -> None:
    async def story() -> None:
        world = World()
        stream = await world.watch(
            CreateWatch(key=b"a", progress_notify=True),
            CreateWatch(key=b"a"),
            CreateWatch(key=b"b", progress_notify=True),
        )
        await draw(stream, 3)
        world.apply(Put(b"a"))
        await draw(stream, 2)
        # The first one was told of something else in its first ten seconds.
        assert told(await anext(stream)) == (2, 2, [])
        assert world.host.clock.now() == pytest.approx(10.0)
        answers = await draw(stream, 2)
        assert [told(each) for each in answers] == [(2, 0, []), (2, 2, [])]
        assert world.host.clock.now() == pytest.approx(20.0)
        stream.close()

    run(story())


def test_no_more_answers_wait_than_there_is_room_for() -> None:
    async def story() -> None:
        world = World()
        stream = world.service.open()

        async def ask() -> None:
            for number in range(1, 3 * ANSWERS_WAITING_MAX):
                await stream.create(CreateWatch(key=b"a", watch_id=number))

        asking = asyncio.ensure_future(ask())
        for _ in range(1_000):
            await asyncio.sleep(0)
        assert not asking.done()
        answers = await draw(stream, 3 * ANSWERS_WAITING_MAX - 1)
        assert [a.watch_id for a in answers] == list(range(1, 3 * ANSWERS_WAITING_MAX))
        await asking
        stream.close()

    run(story())


def test_watches_of_one_stream_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kv_watch, "BATCH_REVISIONS_MAX", 1)

    async def story() -> None:
        world = World(*[Put(b"a")] * 2)
        request = CreateWatch(key=b"a", start_revision=1)
        stream = await world.watch(request, request)
        answers = await draw(stream, 6)
        assert [each.watch_id for each in answers[2:]] == [0, 1, 0, 1]

    run(story())


def test_streams_are_woken_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_watch, "STREAMS_WOKEN_PER_TURN", 2)

    async def story() -> None:
        world = World()
        turn, woken = 0, []

        async def read(stream: WatchStream) -> None:
            await draw(stream, 2)
            woken.append(turn)

        streams = [await world.watch(CreateWatch(key=b"a")) for _ in range(5)]
        tasks = [asyncio.ensure_future(read(stream)) for stream in streams]
        await asyncio.sleep(0)
        world.apply(Put(b"a"))
        for turn in range(1, 9):
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        assert [woken.count(turn) for turn in sorted(set(woken))] == [2, 2, 1]

    run(story())


def test_a_restored_store_tells_what_it_jumped_over_and_serves_the_past() -> None:
    async def story() -> None:
        ahead = Store()
        puts = [encode(Put(b"a", b"%d" % number)) for number in range(5)]
        ahead.apply(5, puts)
        world = World()
        world.store.apply(1, puts[:1])
        stream = await world.watch(CreateWatch(key=b"a"))
        await draw(stream, 1)
        # As a node does it: in a thread of its own.
        chunks = list(ahead.snapshot())
        await asyncio.get_running_loop().run_in_executor(
            None, world.store.restore, chunks
        )
        answers = await draw(stream, 4)
        assert [each.revision for each in answers] == [3, 4, 5, 6]
        late = await world.watch(CreateWatch(key=b"a", start_revision=2))
        assert told((await draw(late, 2))[1]) == (6, 0, [b"a"] * 5)

    asyncio.run(story())


def test_what_fails_is_raised_to_whoever_draws() -> None:
    async def story() -> None:
        world = World()
        stream = await world.watch(CreateWatch(key=b"a"))
        stream.fail(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await anext(stream)

    run(story())


def test_a_closed_stream_leaves_nothing_behind() -> None:
    async def story() -> None:
        world = World(Put(b"a"))
        stream = await world.watch(
            CreateWatch(key=b"a", progress_notify=True),
            CreateWatch(range_end=b"\0"),
            CreateWatch(key=b"a", start_revision=1),
        )
        await draw(stream, 4)
        assert await is_silent(stream)
        assert len(world.service.watchers) == 3
        stream.close()
        assert len(world.service.watchers) == 0
        world.apply(Put(b"a"))
        assert await is_silent(stream)
        await world.host.timers.sleep(100.0)

    run(story())


def test_large_answers_come_in_parts_if_that_is_wanted() -> None:
    async def story() -> None:
        world = World(*[Put(b"a", bytes(400_000)) for _ in range(10)])
        stream = await world.watch(
            CreateWatch(key=b"a", start_revision=1, fragment=True),
            CreateWatch(key=b"a", start_revision=1),
        )
        answers = (await draw(stream, 5))[2:]
        # As etcd cut it.
        assert [(a.watch_id, len(a.events), a.fragment) for a in answers] == [
            (0, 5, True),
            (1, 10, False),
            (0, 5, False),
        ]

    run(story())


def test_parts_hold_one_event_at_least_and_all_of_them_together() -> None:
    store = Store()
    store.apply(1, [encode(Put(b"a", bytes(size))) for size in (10, 500, 10, 10)])
    store.apply(2, [encode(DeleteRange(b"a"))])
    events = store.events(0)
    whole = WatchAnswer(revision=9, watch_id=3, events=events, prev_kv=True)
    parts = list(split(whole, 200))
    assert [len(part.events) for part in parts] == [1, 1, 1, 2]
    assert [part.fragment for part in parts] == [True, True, True, False]
    assert [event for part in parts for event in part.events] == events
    assert list(split(whole)) == [whole]


def test_one_watch_too_many_is_refused_with_words_until_another_one_ends() -> None:
    async def story() -> None:
        world = World()
        world.service.watches_max = 2
        first = await world.watch(CreateWatch(key=b"a"))
        second = await world.watch(CreateWatch(key=b"a"), CreateWatch(key=b"b"))
        told_first, refused = await draw(second, 2)
        assert told_first.created and not told_first.canceled
        assert refused.canceled and "watches already" in refused.cancel_reason
        first.close()
        await second.create(CreateWatch(key=b"b"))
        (created,) = await draw(second, 1)
        assert created.created and not created.canceled
        second.close()
        assert world.service.watches == 0

    run(story())
