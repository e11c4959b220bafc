"""A route answers with a slash at its end and without, by itself.

Starlette would answer one of the two with a redirect: empty for whoever does not follow
it, as curl, and to an address that only this member can know where a proxy is between.
"""

from collections.abc import Collection

from raftwerk.api.asgi import ASGIApp, Receive, Scope, Send

__all__ = ["EitherSlash"]


class EitherSlash:
    """Passes requests on, their paths in the form that the application has.

    Parameters
    ----------
    app : ASGIApp
        The application.
    paths : collection of str
        Its paths without parameters.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self._app = app
        self._other = {
            path[:-1] if path.endswith("/") else f"{path}/": path for path in paths
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Parameters
        ----------
        scope : Scope
            The request; not changed.
        receive : Receive
            Gives its body.
        send : Send
            Takes the answer.
        """
        if scope["type"] == "http":
            root: str = scope.get("root_path", "")
            path: str = scope["path"]
            known = self._other.get(path.removeprefix(root))
            if known is not None:
                before = root if path.startswith(root) else ""
                scope = {**scope, "path": before + known}
        await self._app(scope, receive, send)
