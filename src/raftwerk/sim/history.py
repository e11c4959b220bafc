"""What clients of a key-value store did, and what they were told.

Times come from one clock that all clients share; an operation without an answer may
have happened at any moment after it began, or never (Herlihy and Wing 1990: a pending
invocation). An operation that is known not to have happened is not in the history.
"""

import enum

import msgspec

__all__ = ["Action", "Answer", "Operation", "Verdict", "VerdictKind"]


class Action(enum.Enum):
    """What was asked for."""

    READ = "read"
    PUT = "put"
    DELETE = "delete"
    COMPARE_AND_PUT = "compare-and-put"
    """Put if the key's mod revision is the expected one; 0: if there is no such key."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a client was told.

    Parameters
    ----------
    revision : int or None
        The store's revision when the answer was made: of the write itself, or of what
        a read saw. None: the answer carries none.
    value : bytes or None
        What a read found; None: no such key.
    mod_revision : int
        The revision of the write that a read found; 0: none, or not told.
    succeeded : bool
        Whether a delete found the key, or a compare held.
    """

    revision: int | None = None
    value: bytes | None = None
    mod_revision: int = 0
    succeeded: bool = True


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation on one key.

    Parameters
    ----------
    client : int
        Who asked, for people.
    action : Action
        What was asked for.
    key : bytes
        Of which key.
    value : bytes or None
        What was to be put. Values should be unique in a history, so that a read tells
        which write it saw.
    expected_mod_revision : int
        What a compare expects.
    started, ended : float
        When it was asked, and when the answer came, in seconds of one clock; without
        an answer, `ended` has no meaning.
    answer : Answer or None
        None: the outcome is unknown.
    """

    client: int
    action: Action
    key: bytes
    value: bytes | None = None
    expected_mod_revision: int = 0
    started: float
    ended: float = 0.0
    answer: Answer | None = None

    @property
    def may_write(self) -> bool:
        """Whether it can have changed the store, as far as is known."""
        if self.action is Action.READ:
            return False
        return self.answer is None or self.answer.succeeded

    def __str__(self) -> str:
        """Say it in one line, for reports."""
        key = self.key.decode(errors="replace")
        what = f"client {self.client} {self.action.value} {key}"
        if self.value is not None:
            what += f" = {self.value.decode(errors='replace')}"
        if self.action is Action.COMPARE_AND_PUT:
            what += f" if mod revision is {self.expected_mod_revision}"
        if self.answer is None:
            return f"{what}, from {self.started:.6f}, outcome unknown"
        told = f"revision {self.answer.revision}"
        if self.action is Action.READ:
            seen = self.answer.value
            told += f", value {seen.decode(errors='replace') if seen else seen}"
            told += f" of {self.answer.mod_revision}"
        elif not self.answer.succeeded:
            told += ", without effect"
        return f"{what}, {self.started:.6f} to {self.ended:.6f}: {told}"


class VerdictKind(enum.Enum):
    """What was found out."""

    LINEARIZABLE = "linearizable"
    VIOLATION = "violation"
    UNKNOWN = "unknown"
    """A bound was hit before an order was found or ruled out; no pass."""


class Verdict(msgspec.Struct, frozen=True):
    """What was found out, and why.

    Parameters
    ----------
    kind : VerdictKind
        The verdict.
    reason : str
        For a violation: what can't be, in words. For unknown: which bound was hit.
    operations : tuple of Operation
        The operations that contradict each other.
    """

    kind: VerdictKind
    reason: str = ""
    operations: tuple[Operation, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the history was shown to be linearizable."""
        return self.kind is VerdictKind.LINEARIZABLE

    def __str__(self) -> str:
        """Say it in lines, for reports."""
        lines = [self.kind.value + (f": {self.reason}" if self.reason else "")]
        lines += [f"  {operation}" for operation in self.operations]
        return "\n".join(lines)
