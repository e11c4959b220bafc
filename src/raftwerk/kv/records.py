"""What is stored: one version of a key, and the change that made it."""

import msgspec

__all__ = ["Event", "KeyValue"]


class KeyValue(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One version of a key; never changed, so whoever has it may keep it.

    A deletion is a version too: one with nothing but `key` and `mod_revision`.

    Parameters
    ----------
    key : bytes
        Its name; not empty.
    create_revision : int
        The revision that created the key, or created it again after a deletion.
    mod_revision : int
        The revision that made this version.
    version : int
        How many puts there were since the key was created; 0 for a deletion.
    value : bytes
        What was put.
    lease : int
        The lease that the key ends with; 0 for none.
    """

    key: bytes
    create_revision: int
    mod_revision: int
    version: int
    value: bytes = b""
    lease: int = 0


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A change, as those see it who watch.

    Parameters
    ----------
    kv : KeyValue
        The new version; its `version` is 0 if the key was deleted.
    prev_kv : KeyValue or None
        The version before; None if there was none, or if it is compacted.
    """

    kv: KeyValue
    prev_kv: KeyValue | None
