"""How the documented API presents itself: its title, its paths, who is responsible."""

from typing import Final

import msgspec

from raftwerk.config.form import require_setting

__all__ = ["ApiSettings", "require_path"]

_RESERVED: Final = (
    "/v3",
    "/v3beta",
    "/health",
    "/livez",
    "/metrics",
    "/readyz",
    "/version",
)
"""Where etcd's clients and the probes expect something else."""


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the API presents itself, and where its documented part lies.

    Parameters
    ----------
    app_name : str
        The service's name, in error ids (seed: ``APP_NAME``).
    title : str
        The application's name (``FASTAPI_TITLE``).
    description : str
        A text in the API document (``FASTAPI_DESCR``).
    contact_name : str
        Who is responsible, in the API document; empty for nobody (``FASTAPI_MAINT``).
    contact_email : str
        How to reach them; empty for not (``FASTAPI_EMAIL``).
    api_prefix : str
        Where the documented API begins (``API_PREFIX``).
    schema_path : str
        Where its OpenAPI schema is (``FASTAPI_SCHEM``).
    docs_path : str
        Where it can be tried in a browser (``FASTAPI_DOCS``).
    root_path : str
        At which path a proxy serves all this (``ROOT_PATH``).

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    app_name: str = "consensus-cluster-service"
    title: str = "Consensus Cluster Service"
    description: str = (
        "A member of a Raft group: what it knows of itself and of the group, and its"
        " keys in a form that a person can use. The key-value store is also under /v3,"
        " as etcd's JSON gateway has it."
    )
    contact_name: str = ""
    contact_email: str = ""
    api_prefix: str = "/api"
    schema_path: str = "/openapi.json"
    docs_path: str = "/docs"
    root_path: str = ""

    def __post_init__(self) -> None:
        """Check that all paths exist, differ, and leave others their own."""
        paths = {
            "api-prefix": self.api_prefix,
            "api-schema-path": self.schema_path,
            "api-docs-path": self.docs_path,
        }
        for setting, path in paths.items():
            require_path(setting, path)
            is_free = not any(
                path == taken or path.startswith(f"{taken}/") for taken in _RESERVED
            )
            others = {one: text for one, text in paths.items() if one != setting}
            is_free &= not any(
                path == other or path.startswith(f"{other}/")
                for other in others.values()
            )
            allowed = f"a path that is none of {', '.join((*_RESERVED, *others))}"
            require_setting(is_free, setting, path, allowed)
        if self.root_path:
            require_path("root-path", self.root_path)


def require_path(setting: str, path: str) -> None:
    """Refuse what is no absolute path without an end of its own.

    Parameters
    ----------
    setting : str
        The setting's name.
    path : str
        What it was set to.

    Raises
    ------
    ConfigError
        If the value is no such path.
    """
    is_path = path.startswith("/") and not path.endswith("/") and "//" not in path
    is_plain = path.isascii() and path.isprintable() and not set(path) & set(" ?#{}%")
    require_setting(
        is_path and is_plain, setting, path, "a path like /api, without / at its end"
    )
