"""Ranges of keys, as etcd's API writes them."""

from typing import Final

__all__ = ["FROM_KEY", "Span", "span_of"]

Span = tuple[bytes, bytes | None]
"""The keys from the first one up to but not including the second; None: to the end."""

FROM_KEY: Final = b"\0"
"""The `range_end` that stands for "all keys from here on"."""


def span_of(key: bytes, range_end: bytes) -> Span:
    r"""Return the keys that a request means.

    Parameters
    ----------
    key : bytes
        The first key.
    range_end : bytes
        Empty for this key alone, `FROM_KEY` for all from it on.

    Returns
    -------
    Span
        Empty if its end is not above its beginning.

    Examples
    --------
    >>> span_of(b"a", b"")
    (b'a', b'a\x00')
    """
    if not range_end:
        # The next greater of all keys is the key and a NUL byte.
        return key, key + b"\0"
    return key, None if range_end == FROM_KEY else range_end
