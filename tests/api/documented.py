"""What the API's document says of requests and answers, held against both."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import msgspec

from raftwerk.host.virtual import run
from tests.api.whole_member import WholeMember

__all__ = ["Documented", "document"]


@cache
def document() -> dict[str, Any]:
    """Return the document as a whole member has it."""

    async def _ask() -> bytes:
        member = await WholeMember.start()
        exchange = member.open("GET", "/openapi.json")
        await exchange.whole(10.0)
        return bytes(exchange.body)

    made: dict[str, Any] = msgspec.json.decode(run(_ask()))
    return made


class Documented:
    """The forms of a document.

    Parameters
    ----------
    whole : dict
        The document.
    """

    def __init__(self, whole: dict[str, Any]) -> None:
        self._whole = whole
        self._validators: dict[str, Any] = {}
        self.seen: set[tuple[str, str]] = set()

    def of_request(self, path: str, body: object) -> Iterator[str]:
        """Yield what is wrong with a request that was taken."""
        if operation := self._operation("POST", path):
            content = operation["requestBody"]["content"]["application/json"]
            yield from self._differences(content["schema"], body)

    def of_answer(
        self, method: str, path: str, status: int | None, body: object
    ) -> Iterator[str]:
        """Yield what is wrong with an answer, or with a line of one."""
        operation = self._operation(method, path)
        if operation is None:
            return
        answer = operation["responses"].get(str(status))
        if answer is None:
            yield f"HTTP {status} is not documented"
            return
        ((_, content),) = answer["content"].items()
        schema = content["schema"].get("contentSchema", content["schema"])
        yield from self._differences(schema, body)
        self._look(schema, body)

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        """Return what is documented, if it is."""
        path = path.partition("?")[0].replace("/v3beta/", "/v3/")
        found: dict[str, Any] = self._whole["paths"].get(path, {})
        return found.get(method.lower())

    def _differences(self, schema: dict[str, Any], value: object) -> Iterator[str]:
        """Yield where a value has not the form that it should have."""
        key = repr(schema)
        if key not in self._validators:
            components = {"components": self._whole["components"]}
            checker = jsonschema.Draft202012Validator(schema | components)
            self._validators[key] = checker
        for error in self._validators[key].iter_errors(value):
            yield f"not as documented: {error.json_path}: {error.message}"

    def _look(self, schema: dict[str, Any], value: object) -> None:
        """Remember which members of which messages there were."""
        if reference := schema.get("$ref"):
            name = reference.rpartition("/")[2]
            if isinstance(value, dict):
                self.seen |= {(name, member) for member in value}
            self._look(self._whole["components"]["schemas"][name], value)
        elif "anyOf" in schema:
            for one in schema["anyOf"]:
                if not list(self._differences(one, value)):
                    self._look(one, value)
        elif isinstance(value, dict):
            for member, its in value.items():
                self._look(schema.get("properties", {}).get(member, {}), its)
        elif isinstance(value, list):
            for element in value:
                self._look(schema.get("items", {}), element)
