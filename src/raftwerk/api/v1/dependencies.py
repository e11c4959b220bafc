"""What a route may ask for, and is given by the framework.

Apart from `context`, which is needed while a node starts, long before FastAPI is.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, Request

from raftwerk.api.v1.context import ApiContext

__all__ = ["Context", "provide"]


def provide(app: FastAPI, context: ApiContext) -> None:
    """Tell the routes of an application which member they are about.

    Parameters
    ----------
    app : FastAPI
        With whatever routes.
    context : ApiContext
        The member, and its services.
    """
    app.state.context = context


async def _context_of(request: Request) -> ApiContext:
    """Return what `provide` was given."""
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(_context_of)]
"""The member and its services: the type of a route's parameter."""
