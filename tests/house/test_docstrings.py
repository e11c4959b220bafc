"""What a docstring calls a parameter is one; numpydoc knows no fields of a Struct."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

ROOT = Path(__file__).parents[2]

PATHS = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("src/**/*.py")]

Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

PLANTED = [
    ("def f(a): {}", ["f: b"], "a function without this parameter"),
    ("class C:\n    {}\n    a: int", ["C: b"], "a class without this field"),
    ("def f(a, *, b): {}", [], "a keyword"),
    ("def f(a, *b): {}", ["f: b"], "a rest is documented with its star"),
    ("class C:\n    {}\n    a: int\n    b: int = 1", [], "a field"),
    ("class C:\n    {}\n    def __init__(self, a, b): ...", [], "an argument"),
]


def unknown_parameters(source: str) -> list[str]:
    """Return each documented parameter that is none, as ``name: parameter``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Documented) and (text := ast.get_docstring(node)):
            documented = NumpyDocString(text)["Parameters"]
            names = {name for item in documented for name in item.name.split(", ")}
            unknown = names - set(_parameters(node))
            found += [f"{node.name}: {name}" for name in sorted(unknown)]
    return found


def _parameters(node: Documented) -> Iterator[str]:
    """Yield what may be given to a function, or to a class to make one."""
    if not isinstance(node, ast.ClassDef):
        args = node.args
        for argument in (*args.posonlyargs, *args.args, *args.kwonlyargs):
            yield argument.arg
        if args.vararg:
            yield f"*{args.vararg.arg}"
        if args.kwarg:
            yield f"**{args.kwarg.arg}"
        return
    for child in node.body:
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            yield child.target.id
        elif isinstance(child, ast.FunctionDef) and child.name == "__init__":
            yield from _parameters(child)


@pytest.mark.parametrize("path", PATHS)
def test_documented_parameters_exist(path: str) -> None:
    assert unknown_parameters((ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(("code", "unknown", "why"), PLANTED)
def test_a_planted_parameter_is_found(code: str, unknown: list[str], why: str) -> None:
    text = '"""Do.\n\n    Parameters\n    ----------\n    b : int\n        B.\n    """'
    assert unknown_parameters(code.format(text)) == unknown, why
