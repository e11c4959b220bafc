"""Who opens a large package finds a map of it: all its modules, in the docstring."""

import ast
import re
from pathlib import Path

import pytest

import raftwerk

MODULES_MANY = 20
"""From so many on a list of files says nothing by itself."""

PACKAGES = [
    folder
    for folder in sorted(Path(raftwerk.__path__[0]).iterdir())
    if len(list(folder.glob("*.py"))) > MODULES_MANY
]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda folder: folder.name)
def test_each_module_of_a_large_package_is_on_its_map(package: Path) -> None:
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    named = set(re.findall(r"\w+", ast.get_docstring(tree) or ""))
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    missing = sorted(modules - named)
    assert not missing, f"say in {package.name}/__init__.py what these are for"


def test_there_are_large_packages() -> None:
    assert {"core", "runtime"} <= {package.name for package in PACKAGES}
