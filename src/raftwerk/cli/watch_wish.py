"""What a command line of ``watch`` asks for."""

import msgspec

__all__ = ["Wish"]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be watched, and what is to become of it.

    Parameters
    ----------
    key, range_end : bytes
        From where, and before which key to end.
    revision : int
        From when; 0: now.
    prev_kv, progress_notify : bool
        Whether to print what was there, and how far the store is.
    command : tuple of str
        To be run for each change; empty: none.
    """

    key: bytes
    range_end: bytes
    revision: int = 0
    prev_kv: bool = False
    progress_notify: bool = False
    command: tuple[str, ...] = ()
