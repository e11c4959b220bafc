"""The chunks of a snapshot on their way to the disk.

What makes them may be slow: then the thread that writes makes them, too. But a thread
that works takes the interpreter from the loop each time that the loop lets go of it,
which is with every socket; so chunks that are quickly made are made on the loop, for a
millisecond a turn, and the thread does nothing but write
(`docs/decisions/0173-snapshots-are-drawn-on-the-loop.md`). Between two such turns the
loop is left to the others for many times as long: all members write their snapshots at
about the same time, and nobody waits for one
(`docs/decisions/0215-snapshots-take-their-time.md`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from raftwerk.host.garbage import LARGE_WORK
from raftwerk.host.protocol import Clock, Timer, Timers
from raftwerk.runtime.manifest import ChunkHashes
from raftwerk.runtime.worker import Worker
from raftwerk.storage.snapshot_protocol import SnapshotSink

__all__ = ["SnapshotWriting"]

DRAWN_SECONDS: Final = 0.001
"""For how long chunks are drawn in one turn of the loop."""

RESTS_PER_DRAWN: Final = 24
"""For how many times as long as it drew it leaves the loop alone then, so chunks take a
twenty-fifth of a loop's time: no less than what puts make to be written meanwhile."""

REST_SECONDS_MAX: Final = 0.1
"""The longest rest, for what drew for long was perhaps itself left to wait."""

DRAWN_BYTES: Final = 1 << 20
"""How much is drawn in one turn at most: it is held until it is written."""


class SnapshotWriting:
    """Writes one snapshot.

    Parameters
    ----------
    begin : callable
        Begins it on the disk; called in the thread.
    chunks : iterable of bytes
        Its chunks; empty ones are left out.
    worker : Worker
        The thread.
    then : callable
        Takes what the chunks are known by, when all are durable.
    otherwise : callable
        Takes what went wrong; nothing is left of the snapshot then.
    """

    def __init__(
        self,
        begin: Callable[[], SnapshotSink],
        chunks: Iterable[bytes],
        worker: Worker,
        *,
        then: Callable[[ChunkHashes], object],
        otherwise: Callable[[BaseException], object],
    ) -> None:
        self._begin = begin
        self._chunks: Iterator[bytes] = iter(chunks)
        self._worker = worker
        self._then = then
        self._otherwise = otherwise
        self._sink: SnapshotSink | None = None
        self._hashes = ChunkHashes()
        self._is_stopped = False
        self._is_hurried = False
        self._rest: Timer | None = None

    def beside_the_loop(self) -> None:
        """Have all of it made and written in the thread."""
        self._worker.run(
            lambda: self._write(self._chunks, is_last=True), self._done, self._otherwise
        )

    def in_turns(self, clock: Clock, timers: Timers) -> None:
        """Have it made on the loop, a little now and then, and written in the thread.

        Parameters
        ----------
        clock : Clock
            To know what is little.
        timers : Timers
            To go on after a rest.
        """
        self._rest = None
        LARGE_WORK.steps += 1
        some: list[bytes] = []
        size = 0
        begun = clock.now()
        drawn_seconds = 0.0
        chunk: bytes | None = b""
        while size < DRAWN_BYTES and drawn_seconds < DRAWN_SECONDS:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            some.append(chunk)
            size += len(chunk)
            drawn_seconds = clock.now() - begun
        is_last = chunk is None
        rest_seconds = min(RESTS_PER_DRAWN * drawn_seconds, REST_SECONDS_MAX)
        rested_at = begun + drawn_seconds + rest_seconds

        def _go_on(_: None) -> None:
            """Make more, now that this is written, when the loop has had its rest."""
            if self._is_stopped:
                return
            remains = 0.0 if self._is_hurried else rested_at - clock.now()
            if remains > 0:
                self._rest = timers.call_later(remains, self.in_turns, clock, timers)
            else:
                self.in_turns(clock, timers)

        self._worker.run(
            lambda: self._write(some, is_last=is_last),
            self._done if is_last else _go_on,
            self._otherwise,
        )

    def hurry(self) -> None:
        """Rest no more from the next turn on: somebody waits, or another is due."""
        self._is_hurried = True

    def stop(self) -> None:
        """Leave it: nobody needs it any more."""
        if not self._is_stopped:
            self._is_stopped = True
            if self._rest is not None:
                self._rest.cancel()
            self._worker.run(self._abort, lambda _: None)

    def _write(self, chunks: Iterable[bytes], *, is_last: bool) -> None:
        """Write chunks, in the thread."""
        if self._is_stopped:
            return
        try:
            if self._sink is None:
                self._sink = self._begin()
            for chunk in filter(None, chunks):
                if self._is_stopped:
                    return
                self._sink.write(chunk)
                self._hashes.add(chunk)
            if is_last:
                sink, self._sink = self._sink, None
                sink.finish()
        except BaseException:
            self._abort()
            raise

    def _abort(self) -> None:
        """Leave nothing of it on the disk, in the thread."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.abort()

    def _done(self, _: None) -> None:
        """Tell what it is known by."""
        if not self._is_stopped:
            self._then(self._hashes)
