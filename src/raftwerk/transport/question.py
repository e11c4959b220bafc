"""One question to whoever listens somewhere: how a newcomer finds its group.

A newcomer does not know its own id yet, nor those of the others, so it has nothing to
say in a handshake. Instead of a hello it sends one question, gets one answer or a
refusal, and the connection is over. What is asked is not the transport's business.
"""

from collections.abc import Callable

from raftwerk.errors import PeerError
from raftwerk.transport.codec import FrameKind, decode_struct
from raftwerk.transport.frame import Frame, FrameDecoder, encode_frame
from raftwerk.transport.handshake import Refusal
from raftwerk.transport.link import Link

__all__ = ["Asking"]


class Asking:
    """Asks one question; a `Session`.

    Parameters
    ----------
    question : bytes
        What to ask.
    answer_bytes_max : int
        The largest answer that is read.
    on_answer : callable
        Called with the answer; that is the end.
    on_failure : callable
        Called instead, with the reason in words.
    """

    def __init__(
        self,
        question: bytes,
        answer_bytes_max: int,
        *,
        on_answer: Callable[[bytes], None],
        on_failure: Callable[[str], None],
    ) -> None:
        """Wait for the connection."""
        self._question = question
        self._decoder = FrameDecoder(answer_bytes_max)
        self._on_answer = on_answer
        self._on_failure = on_failure
        self._link: Link | None = None
        self._is_over = False

    def opened(self, link: Link) -> None:
        """Do as `Session.opened` says."""
        self._link = link
        link.write([encode_frame(FrameKind.QUESTION, self._question)])

    def received(self, data: bytes) -> None:
        """Do as `Session.received` says."""
        try:
            for frame in self._decoder.feed(data):
                self._on_frame(frame)
                return  # One frame is all that is said.
        except PeerError as error:
            self._fail(str(error))

    def paused(self) -> None:
        """Do as `Session.paused` says: a question is small, it waits."""

    def resumed(self) -> None:
        """Do as `Session.resumed` says."""

    def lost(self, reason: str) -> None:
        """Do as `Session.lost` says."""
        self._link = None
        self._fail(reason)

    def _on_frame(self, frame: Frame) -> None:
        """Take what was said."""
        if frame.kind == FrameKind.ANSWER:
            answer = bytes(frame.payload)
            self._end()
            self._on_answer(answer)
        elif frame.kind == FrameKind.REFUSAL:
            self._fail(decode_struct(frame, Refusal).words)
        else:
            raise PeerError(f"a frame of kind {frame.kind} is no answer")

    def _fail(self, reason: str) -> None:
        """Tell why there is no answer, unless there was one."""
        if not self._is_over:
            self._end()
            self._on_failure(reason)

    def _end(self) -> None:
        """Hear no more."""
        self._is_over = True
        link, self._link = self._link, None
        if link is not None:
            link.abort()
