"""Why there is no cluster yet: as data for programs, in words for the operator."""

import enum

import msgspec

from raftwerk.types import NodeId

__all__ = ["Hindrance", "Obstacle"]


class Obstacle(enum.StrEnum):
    """What a first start waits for."""

    NO_ADDRESS = "no_address"
    """The name has no address."""
    SELF_UNSEEN = "self_unseen"
    """None of the addresses is our own."""
    TOO_FEW = "too_few"
    """Not all replicas are there."""
    TOO_MANY = "too_many"
    """More replicas than there are to be: which of them belong together is unknown."""
    DIFFERENT = "different"
    """Others were told another number or another name."""
    BOUND = "bound"
    """Others have promised, and what they promised is not void yet."""
    NOT_LOWEST = "not_lowest"
    """Another one is to propose."""
    UNPROMISED = "unpromised"
    """A proposal is made, and not all have promised."""
    UNVOIDED = "unvoided"
    """A proposal has failed here, and a majority of its set has not said so yet."""


class Hindrance(msgspec.Struct, frozen=True, kw_only=True):
    """What a first start waits for, and of whom.

    Parameters
    ----------
    obstacle : Obstacle
        What.
    replicas : int
        How many there are to be.
    seen : tuple of NodeId
        Who is seen, ourselves among them; ascending.
    waits_for : tuple of NodeId
        On whom it depends; ascending, empty where nobody is known.
    silent : tuple of str
        Addresses of which nobody has answered, with the reason.
    detail : str
        What others were told instead, say.
    """

    obstacle: Obstacle
    replicas: int
    seen: tuple[NodeId, ...] = ()
    waits_for: tuple[NodeId, ...] = ()
    silent: tuple[str, ...] = ()
    detail: str = ""

    @property
    def words(self) -> str:
        """The same for people, with what helps.

        Returns
        -------
        str
            One line.
        """
        silent = f"; no answer from {', '.join(self.silent)}" if self.silent else ""
        told = f" ({self.detail})" if self.detail else ""
        others = ", ".join(f"{node_id:x}" for node_id in self.waits_for)
        count, number = len(self.seen), self.replicas
        match self.obstacle:
            case Obstacle.NO_ADDRESS:
                words = f"the name has no address yet{told}"
            case Obstacle.SELF_UNSEEN:
                words = (
                    "none of the addresses leads here: the name must list this replica"
                    f" too, at the port that it listens on{silent}"
                )
            case Obstacle.TOO_FEW:
                unlisted = f"; {others} asks and is not listed" if others else ""
                words = (
                    f"{count} of {number} replicas are there{silent}{unlisted}: start"
                    " the others, and have the name list them"
                )
            case Obstacle.TOO_MANY:
                count += len(self.waits_for) + len(self.silent)
                words = (
                    f"{count} replicas are listed and {number} (NUM_REPLICAS) are to"
                    f" found the cluster: start no more before it exists{silent}"
                )
            case Obstacle.DIFFERENT:
                words = (
                    f"not all were told the same{told}: give all replicas the same"
                    " NUM_REPLICAS, APP_NAME and token"
                )
            case Obstacle.BOUND:
                words = (
                    f"{others} is still bound by a promise to found another cluster; if"
                    " the others of that one are gone for good, empty the data"
                    " directory of who promised"
                )
            case Obstacle.NOT_LOWEST:
                words = f"all are there; {others} is to propose"
            case Obstacle.UNPROMISED:
                words = f"a cluster is proposed; waits for {others}{silent}"
            case Obstacle.UNVOIDED:
                words = (
                    "a cluster was proposed and did not come about; waits for the word"
                    f" of {others}: start them, or if they are gone for good, empty the"
                    " data directory of those that promised"
                )
        return words
