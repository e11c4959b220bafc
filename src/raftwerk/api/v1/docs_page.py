"""Swagger's page, from files that are installed: it works where there is no way out.

The page names its parts by relative paths, so that it also works behind a proxy that
serves all this at another path. Nothing on it asks any other host: a rule for the
browser forbids it, and the validator that Swagger would ask is turned off.
"""

import posixpath
from html import escape
from importlib import resources
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response

from raftwerk.config import ApiSettings

__all__ = ["add_docs_page"]

_PACKAGE: Final = "fastapi_swagger"
"""Its files are taken, none of its code."""

_FILES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}

_RULES: Final = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline';"
    " frame-ancestors 'none'"
)
"""What the browser may load and do; Swagger writes styles into the page."""

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{base}/swagger-ui.css">
<link rel="icon" href="{base}/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{base}/swagger-ui-bundle.js"></script>
<script src="{base}/start.js"></script>
</body>
</html>
"""

_START: Final = """\
SwaggerUIBundle({
  url: new URL("SCHEMA", location.href).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
"""


def add_docs_page(app: FastAPI, settings: ApiSettings) -> None:
    """Serve the page on which the API can be tried.

    Parameters
    ----------
    app : FastAPI
        The documented API.
    settings : ApiSettings
        Where the page and the schema are.
    """
    docs = settings.docs_path
    folder = resources.files(_PACKAGE) / "resources"
    schema = posixpath.relpath(settings.schema_path, posixpath.dirname(docs))
    page = _PAGE.format(
        title=escape(settings.title, quote=False), base=posixpath.basename(docs)
    )
    start = _START.replace("SCHEMA", schema)

    rules = {"content-security-policy": _RULES}
    _add_text(app, docs, page, "text/html", rules)
    _add_text(app, f"{docs}/start.js", start, "text/javascript", {})
    for name, kind in _FILES.items():
        _add_file(app, f"{docs}/{name}", str(folder / name), kind)


def _add_text(
    app: FastAPI, url_path: str, text: str, kind: str, headers: dict[str, str]
) -> None:
    """Serve a text."""

    @app.get(url_path, include_in_schema=False)
    async def _get_text() -> Response:
        return Response(text, headers=headers, media_type=kind)


def _add_file(app: FastAPI, url_path: str, file_path: str, kind: str) -> None:
    """Serve a file."""

    @app.get(url_path, include_in_schema=False)
    async def _get_file() -> Response:
        return FileResponse(file_path, media_type=kind)
