"""What the client port is told; the seed's settings keep their defaults."""

import msgspec

__all__ = ["ApiSettings"]


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
    """

    app_name: str = "consensus-cluster-service"
    title: str = "Consensus Cluster Service"
    description: str = (
        "A member of a Raft group: what it knows of itself and of the group. The"
        " key-value store is under /v3, as etcd's JSON gateway has it."
    )
    contact_name: str = ""
    contact_email: str = ""
    api_prefix: str = "/api"
    schema_path: str = "/openapi.json"
    docs_path: str = "/docs"
    root_path: str = ""
