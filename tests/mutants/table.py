"""All mistakes; a layer's tests add theirs here, with the checks that look at them."""

from typing import Final

from .mistake import Mistake
from .mistakes.durability import DURABILITY
from .mistakes.elections import ELECTIONS
from .mistakes.logs import LOGS
from .mistakes.membership import MEMBERSHIP
from .mistakes.reads import READS
from .mistakes.replicas import REPLICAS
from .mistakes.services import SERVICES
from .mistakes.stepped import STEPPED
from .mistakes.storage import STORAGE

__all__ = ["TABLE"]

TABLE: Final[tuple[Mistake, ...]] = (
    *ELECTIONS,
    *LOGS,
    *DURABILITY,
    *MEMBERSHIP,
    *READS,
    *STORAGE,
    *REPLICAS,
    *SERVICES,
    *STEPPED,
)
"""In the order in which they are told."""
