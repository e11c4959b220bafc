"""The dispatch: one handler for each input there is, and nothing else gets in."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import raftwerk.core
from raftwerk.core import messages
from raftwerk.core.inputs import Input
from raftwerk.core.messages import Message, PeerMessage
from raftwerk.core.step import HANDLERS

CORE = Path(raftwerk.core.__file__).parent
PURE = {
    "collections",
    "enum",
    "typing",
    "msgspec",
    "raftwerk",
}
"""All that the core is made of; what is not here could bring the world in."""


def test_there_is_a_handler_for_each_input_and_for_nothing_else() -> None:
    assert set(HANDLERS) == set(get_args(Input))


def test_each_message_between_members_is_an_input() -> None:
    between_members = set(get_args(PeerMessage))
    assert between_members <= set(get_args(Input))
    assert between_members == {
        getattr(messages, name)
        for name in messages.__all__
        if isinstance(kind := getattr(messages, name), type)
        and issubclass(kind, Message)
        and kind is not Message
    }


def test_no_two_inputs_share_a_handler() -> None:
    assert len(set(HANDLERS.values())) == len(HANDLERS)


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, by their full names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module is not None
            yield node.module


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: path.stem)
def test_core_imports_nothing_but_values_and_itself(path: Path) -> None:
    for module in imports(path):
        package, _, rest = module.partition(".")
        assert package in PURE, f"{path.name} imports {module}"
        if package == "raftwerk":
            assert rest.partition(".")[0] in ("core", "errors", "types")


def test_the_list_of_what_is_pure_names_no_part_of_the_world() -> None:
    """Of the standard library only what has no effects and asks nobody."""
    assert PURE & set(sys.stdlib_module_names) == {"collections", "enum", "typing"}


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: path.stem)
def test_core_prints_nothing_and_awaits_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    impure = {"print", "open", "input", "exec", "eval", "id", "hash", "globals"}
    for node in ast.walk(tree):
        assert not isinstance(node, (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            # `hash` and `id` differ from run to run.
            assert node.func.id not in impure, f"{path.name}:{node.lineno}"
