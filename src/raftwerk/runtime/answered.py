"""What was answered already: so that nothing is done twice that is asked for twice.

Source: thesis §6.3. A session numbers its commands; the answers to those that it may
still repeat are kept. Beside sessions there are keys, for whoever makes one request and
no more: a key stands for one request, of which it knows a fingerprint, and for all the
commands of it, step by step.

Both are part of the replicated state: kept in snapshots, and let go alike by all
members. Time passes by what leaders say in the log (`log_time`), never faster than by
their clocks. Nothing is kept for ever: `SESSION_SECONDS`, `KEY_SECONDS` and the bounds
beside them are the limits of the promise.
"""

import hashlib
from collections.abc import Iterable
from itertools import chain, islice
from typing import Any, Final, Self, TypeAlias, TypeVar

import msgspec

from raftwerk.errors import (
    IdempotencyKeyReused,
    OutcomeUnknown,
    SessionExpired,
    StorageError,
)

__all__ = [
    "ANSWER_BYTES_MAX",
    "ANSWERS_BYTES_MAX",
    "KEYS_MAX",
    "KEY_SECONDS",
    "SESSIONS_MAX",
    "SESSION_ANSWERS_MAX",
    "SESSION_SECONDS",
    "Answers",
    "OfKey",
    "OfSession",
    "Once",
]

SESSIONS_MAX: Final = 10_000
"""When there is one more, that one ends which was not used for longest."""

SESSION_SECONDS: Final = 3600
"""A session that was not used for so long ends."""

SESSION_ANSWERS_MAX: Final = 1_000
"""Commands of one session that may be repeated; of more, the oldest go."""

KEYS_MAX: Final = 20_000
"""When there is one more, the oldest is let go."""

KEY_SECONDS: Final = 3600
"""How long a key is kept, from its first use on."""

ANSWER_BYTES_MAX: Final = 256 * 1024
"""The largest answer that is kept; of a larger one it is known that it was given."""

ANSWERS_BYTES_MAX: Final = 32 * 1024 * 1024
"""What all answers may have together; then the oldest keys go, then sessions."""

SHOWN_ENTRIES: Final = 64
"""Sessions and keys that replicas compare with each link of their chains."""

SHOWN_ANSWERS: Final = 64
"""Of each of these, so many answers."""

Item = TypeVar("Item")

_SLOT_BYTES: Final = 200
"""About what an answer takes beside its bytes."""


class OfSession(msgspec.Struct, frozen=True, array_like=True, tag=0, gc=False):
    """Says which command of which session this is.

    Parameters
    ----------
    session : int
        Its id.
    sequence : int
        Counts the session's commands, from 1.
    lowest : int
        The first that has no answer yet: those before it are never repeated.
    """

    session: int
    sequence: int
    lowest: int


class OfKey(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Says which command of which request this is.

    Parameters
    ----------
    key : bytes
        What its client calls it.
    step : int
        Counts the request's commands, from 0.
    fingerprint : bytes
        Of the request: the same key may not stand for another one.
    """

    key: bytes
    step: int
    fingerprint: bytes


Once: TypeAlias = OfSession | OfKey
"""What makes a command one that is done once."""


class _Kept(msgspec.Struct, array_like=True):
    """A session or key, with its answers; an answer of None was too large."""

    at: int
    answers: dict[int, bytes | None]
    fingerprint: bytes = b""
    lowest: int = 1


class _Saved(msgspec.Struct, array_like=True):
    """All of it, as bytes; the oldest come first."""

    now: int
    sessions: list[tuple[int, _Kept]]
    keys: list[tuple[bytes, _Kept]]


class Answers:
    """All that was answered and may be asked for again.

    Attributes
    ----------
    now : int
        The log's time in seconds.
    """

    def __init__(self) -> None:
        self.now = 0
        self._sessions: dict[int, _Kept] = {}  # the one that is used is the last
        self._keys: dict[bytes, _Kept] = {}
        self._bytes = 0

    @property
    def is_any(self) -> bool:
        """Whether anything is kept, so that time has to pass.

        Returns
        -------
        bool
            False: nobody would notice.
        """
        return bool(self._sessions or self._keys)

    # ---- sessions -----------------------------------------------------------

    def open(self, session: int) -> None:
        """Begin a session.

        Parameters
        ----------
        session : int
            Its id: the index of the entry by which it begins.
        """
        self.close(session)
        self._sessions[session] = _Kept(self.now, {})
        if len(self._sessions) > SESSIONS_MAX:
            self._end_session(next(iter(self._sessions)))

    def close(self, session: int) -> None:
        """End a session; nothing happens if there is none.

        Parameters
        ----------
        session : int
            Its id.
        """
        if session in self._sessions:
            self._end_session(session)

    def _end_session(self, session: int) -> None:
        """Let go of a session."""
        self._bytes -= sum(map(_size, self._sessions.pop(session).answers.values()))

    def _end_key(self, key: bytes) -> None:
        """Let go of a key."""
        self._bytes -= sum(map(_size, self._keys.pop(key).answers.values()))

    # ---- commands -----------------------------------------------------------

    def begin(self, once: Once) -> bytes | None:
        """Return what was answered to a command, if it was done already.

        Parameters
        ----------
        once : Once
            Which command it is.

        Returns
        -------
        bytes or None
            None: it is to be done now, and `done` to be called.

        Raises
        ------
        SessionExpired
            If nobody can know any more whether it was done.
        IdempotencyKeyReused
            If its key stands for another request.
        OutcomeUnknown
            If it was done, and the answer was too large to be kept.
        """
        if isinstance(once, OfKey):
            kept, number = self._of_key(once), once.step
        else:
            kept, number = self._of_session(once), once.sequence
        if number not in kept.answers:
            return None
        answer = kept.answers[number]
        if answer is None:
            raise OutcomeUnknown(
                "this was done already, once, and its answer was not kept, for it had"
                f" more than {ANSWER_BYTES_MAX} bytes or was no plain data"
            )
        return answer

    def _of_session(self, once: OfSession) -> _Kept:
        """Return a session that is used."""
        kept = self._sessions.pop(once.session, None)
        if kept is None:
            raise SessionExpired(
                f"session {once.session} has ended, or was never opened; whether"
                f" command {once.sequence} was done before, nobody knows now: look, and"
                " open another session"
            )
        self._sessions[once.session] = kept
        kept.at = self.now
        self._let_go(kept, once.lowest)
        if once.sequence < kept.lowest:
            raise SessionExpired(
                f"the answer to command {once.sequence} of session {once.session} was"
                f" let go; those from {kept.lowest} on are kept"
            )
        return kept

    def _of_key(self, once: OfKey) -> _Kept:
        """Return a key that is used."""
        kept = self._keys.get(once.key)
        if kept is None:
            kept = self._keys[once.key] = _Kept(self.now, {}, once.fingerprint)
            if len(self._keys) > KEYS_MAX:
                self._end_key(next(iter(self._keys)))
        elif kept.fingerprint != once.fingerprint:
            raise IdempotencyKeyReused(
                f"the Idempotency-Key {once.key.decode(errors='replace')!r} stands for"
                " a request with another method, path or body; take a new one"
            )
        return kept

    def done(self, once: Once, answer: bytes | None) -> None:
        """Keep an answer.

        Parameters
        ----------
        once : Once
            Of a command that `begin` had done.
        answer : bytes or None
            As bytes; None if it has none.
        """
        if answer is not None and len(answer) > ANSWER_BYTES_MAX:
            answer = None
        if isinstance(once, OfKey):
            self._keys[once.key].answers[once.step] = answer
        else:
            kept = self._sessions[once.session]
            kept.answers[once.sequence] = answer
            if len(kept.answers) > SESSION_ANSWERS_MAX:
                self._let_go(kept, min(kept.answers) + 1)
        self._bytes += _size(answer)
        while self._bytes > ANSWERS_BYTES_MAX and self._keys:
            self._end_key(next(iter(self._keys)))
        while self._bytes > ANSWERS_BYTES_MAX and self._sessions:
            self._end_session(next(iter(self._sessions)))

    def _let_go(self, kept: _Kept, lowest: int) -> None:
        """Let go of the answers of a session below a number."""
        if lowest > kept.lowest:
            kept.lowest = lowest
            for number in [number for number in kept.answers if number < lowest]:
                self._bytes -= _size(kept.answers.pop(number))

    # ---- time ---------------------------------------------------------------

    def pass_time(self, seconds: int) -> None:
        """Let time pass, and go what is too old.

        Parameters
        ----------
        seconds : int
            How long, as a leader says.
        """
        self.now += seconds
        for session, kept in list(self._sessions.items()):
            if self.now - kept.at < SESSION_SECONDS:
                break  # those behind it were used later
            self._end_session(session)
        for key, kept in list(self._keys.items()):
            if self.now - kept.at < KEY_SECONDS:
                break
            self._end_key(key)

    # ---- as bytes -----------------------------------------------------------

    def summary(self, turn: int) -> bytes:
        """Return a few bytes that equal tables share.

        What is new is in the replicas' chain by itself. So that what is kept is looked
        at, too, one stretch of it is in each summary, and after as many turns as it has
        stretches all of it was; of a session with many answers, a stretch of them.

        Parameters
        ----------
        turn : int
            Counts the summaries; it says which stretch.

        Returns
        -------
        bytes
            For the chain.
        """
        counts = (self.now, len(self._sessions), len(self._keys), self._bytes)
        hashed = hashlib.blake2b(msgspec.msgpack.encode(counts), digest_size=16)
        table: Iterable[tuple[Any, _Kept]] = chain(
            self._sessions.items(), self._keys.items()
        )
        count = max(1, -(-(len(self._sessions) + len(self._keys)) // SHOWN_ENTRIES))
        for name, kept in _stretch(table, turn % count, SHOWN_ENTRIES):
            # Once through the table is one stretch of each session's answers.
            shown = _shown(kept, turn // count)
            hashed.update(msgspec.msgpack.encode((name, shown)))
        return hashed.digest()

    def save(self) -> bytes:
        """Return all of it.

        Returns
        -------
        bytes
            For `load`; empty if there is nothing.
        """
        if not self.is_any and not self.now:
            return b""
        return msgspec.msgpack.encode(
            _Saved(self.now, list(self._sessions.items()), list(self._keys.items()))
        )

    @classmethod
    def load(cls, pieces: Iterable[bytes]) -> Self:
        """Return what was saved.

        Parameters
        ----------
        pieces : iterable of bytes
            What `save` returned, in any pieces.

        Returns
        -------
        Answers
            Equal in all.

        Raises
        ------
        StorageError
            If it is not whole.
        """
        answers = cls()
        data = b"".join(pieces)
        if data:
            try:
                saved = msgspec.msgpack.decode(data, type=_Saved)
            except msgspec.DecodeError as error:
                raise StorageError(
                    f"the snapshot's table of sessions can't be read: {error}"
                ) from error
            answers._take(saved)
        return answers

    def _take(self, saved: _Saved) -> None:
        """Become what was saved."""
        self.now = saved.now
        self._sessions = dict(saved.sessions)
        self._keys = dict(saved.keys)
        for kept in (*self._sessions.values(), *self._keys.values()):
            self._bytes += sum(map(_size, kept.answers.values()))


def _shown(kept: _Kept, turn: int) -> _Kept:
    """Return a session or key with a stretch of its answers."""
    count = -(-len(kept.answers) // SHOWN_ANSWERS)
    if count <= 1:
        return kept
    shown = _stretch(kept.answers.items(), turn % count, SHOWN_ANSWERS)
    return msgspec.structs.replace(kept, answers=dict(shown))


def _stretch(items: Iterable[Item], number: int, size: int) -> Iterable[Item]:
    """Return one of the stretches of some items, counted from 0."""
    return islice(items, number * size, (number + 1) * size)


def _size(answer: bytes | None) -> int:
    """Return about what an answer takes in memory."""
    return _SLOT_BYTES + (0 if answer is None else len(answer))
