"""A file of events: a header and then records, one a line, until it is large enough."""

from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from raftwerk.config import bad_setting
from raftwerk.runtime.event_feed import EventFeed

__all__ = ["Recorder", "record_feed"]

FILE_BYTES_MAX: Final = 1 << 30
"""Where a recording ends: a page could not play more."""


class Recorder:
    """Writes what it is given; the file is made anew.

    Parameters
    ----------
    path : str
        The file.

    Raises
    ------
    ConfigError
        If it can't be written.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._bytes = 0
        try:
            # pylint: disable-next=consider-using-with  # closed in our own `__exit__`
            self._file: FileIO | None = self._path.open("wb", buffering=0)
        except OSError as error:
            allowed = f"a file that can be written ({error.strerror})"
            raise bad_setting("record-events", path, allowed) from error

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, lines: Sequence[bytes]) -> None:
        """Write records; nothing happens once the file is large enough.

        A disk that is full ends the recording, and nothing else.

        Parameters
        ----------
        lines : sequence of bytes
            Each without its end.
        """
        if self._file is None:
            return
        data = b"".join([line + b"\n" for line in lines])
        self._bytes += len(data)
        try:
            if self._bytes <= FILE_BYTES_MAX:
                # At once: a recording is for what went wrong, and must not end before.
                self._file.write(data)
                return
        except OSError:
            pass
        self._file.close()
        self._file = None


async def record_feed(feed: EventFeed, recorder: Recorder) -> None:
    """Record what a node tells, until it ends.

    Parameters
    ----------
    feed : EventFeed
        Of the node.
    recorder : Recorder
        The file.
    """
    subscription = feed.subscribe()
    try:
        while lines := await subscription.take():
            recorder.write(lines)
    finally:
        feed.unsubscribe(subscription)
