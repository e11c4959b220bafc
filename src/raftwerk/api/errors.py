"""What can be wrong with a request before it has a meaning."""

from raftwerk.errors import RequestError

__all__ = ["BadRequest", "ForeignOrigin", "PlainFailure"]


class BadRequest(RequestError):
    """The body can't be read; the message says which member of it, and why.

    Parameters
    ----------
    reason : str
        Why.
    *way : str
        The names and places that lead to the member, from outside to inside.
    """

    def __init__(self, reason: str, *way: str) -> None:
        self.reason = reason
        self.way = way
        steps = [step if step.startswith("[") else f".{step}" for step in way]
        where = "".join(steps).removeprefix(".")
        super().__init__(f"{where}: {reason}" if where else reason)

    def within(self, step: str) -> "BadRequest":
        """Return the same error, seen from one step further outside.

        Parameters
        ----------
        step : str
            A member's name, or a place in brackets.

        Returns
        -------
        BadRequest
            Another one.
        """
        return BadRequest(self.reason, step, *self.way)


class ForeignOrigin(RequestError):
    """A web page of another origin asks for a change."""


class PlainFailure(RequestError):
    """A failure of a call of which etcd says each alike: code 2, and these words."""
