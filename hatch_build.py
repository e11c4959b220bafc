"""The wheel whose hot modules are compiled by mypyc, for those who ask for it.

Off unless ``HATCH_BUILD_HOOK_ENABLE_CUSTOM=1``: without it, the wheel is pure. Sources
are in the wheel beside what was compiled of them, and nothing is written beside the
sources of this project, so no edit is ever hidden by what was compiled before it.
`make compiled` uses it; see ``docs/decisions/0200-compiled-for-who-asks.md``.
"""

# pylint: disable=import-outside-toplevel  # a pure wheel is built without a compiler

import ast
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILED: Final = ("core",)
"""Packages, or single modules, of which whatever can be compiled is."""

LEFT_OUT: Final[Mapping[str, str]] = {}
"""What stays as it is though its package is compiled, and why."""


def modules(package: Path) -> tuple[Path, ...]:
    """Return the modules of a package that are to be compiled, sorted.

    Parameters
    ----------
    package : Path
        The folder of `raftwerk`.

    Returns
    -------
    tuple of Path
        All in `COMPILED` but those left out, and those that define a class which would
        not be the same class when compiled.
    """
    trees = {path: ast.parse(path.read_bytes()) for path in package.rglob("*.py")}
    unlike = unlike_compiled(trees.values())
    return tuple(
        path
        for path, tree in sorted(trees.items())
        if any(path.relative_to(package).is_relative_to(part) for part in COMPILED)
        and path.relative_to(package).as_posix() not in LEFT_OUT
        and not any(each.name in unlike for each in _classes(tree))
    )


def unlike_compiled(trees: Iterable[ast.AST]) -> Collection[str]:
    """Return the names of classes that would be something else when compiled.

    mypyc drops the keywords of a class, so that a frozen `Struct` would not be frozen;
    and a protocol that is checked while running would have members of its own.

    Parameters
    ----------
    trees : iterable of AST
        All modules, since a class may come from another one.

    Returns
    -------
    collection of str
        With their heirs.
    """
    classes = [each for tree in trees for each in _classes(tree)]
    found: set[str] = set()
    more = {"Struct"}
    while more:
        found |= more
        more = {
            each.name
            for each in classes
            if each.keywords
            or not found.isdisjoint(map(_name, each.bases))
            or "runtime_checkable" in map(_name, each.decorator_list)
        } - found
    return found


def _classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    """Yield every class of a module, also those within functions."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def _name(expression: ast.expr) -> str:
    """Return the last word of a name like ``msgspec.Struct`` or ``Generic[T]``."""
    return ast.unparse(expression).partition("[")[0].rpartition(".")[2]


def compile_to(target: Path, paths: Sequence[Path], root: Path) -> None:
    """Compile modules into libraries that lie in `target` as the modules in `root`.

    Parameters
    ----------
    target : Path
        An empty folder.
    paths : sequence of Path
        The modules, all below `root`.
    root : Path
        Where Python would look for them.
    """
    # isort: off
    import setuptools  # first: mypyc wants to know whether it is there
    from setuptools.command.build_ext import build_ext
    from mypyc.build import mypycify  # pylint: disable=no-name-in-module  # compiled

    # isort: on
    class Parallel(build_ext):  # type: ignore[misc]  # setuptools has no types
        """Compiles the files of one library side by side."""

        def build_extensions(self) -> None:
            """Do as `build_ext` does, with a compiler that has many hands."""
            one = self.compiler.compile

            def many(sources: Sequence[str], **options: Any) -> list[str]:
                with ThreadPoolExecutor(os.cpu_count()) as pool:
                    made = pool.map(lambda source: one([source], **options), sources)
                    return [each for objects in made for each in objects]

            self.compiler.compile = many
            super().build_extensions()

    names = [str(path.relative_to(root)) for path in paths]
    with TemporaryDirectory() as work, chdir(root):
        extensions = mypycify(
            [
                "--config-file=",
                "--ignore-missing-imports",
                f"--cache-dir={work}/cache",
                *names,
            ],
            opt_level="2",
            debug_level="0",
            multi_file=True,
            target_dir=work,
            group_name="raftwerk",
        )
        command = Parallel(setuptools.Distribution({"ext_modules": extensions}))
        command.build_lib = str(target)
        command.build_temp = work
        command.ensure_finalized()
        command.run()


class CompiledWheel(BuildHookInterface):  # type: ignore[type-arg]  # as documented
    """Puts what was compiled into the wheel, and names its platform."""

    PLUGIN_NAME = "custom"
    _made: TemporaryDirectory[str]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Do as `BuildHookInterface.initialize` says."""
        if version == "editable":
            raise ValueError(
                "an editable install can't be compiled: what was compiled"
                " would hide later edits; see `make compiled`"
            )
        # Not to be removed before the wheel is written: `finalize` does it.
        # pylint: disable-next=consider-using-with
        self._made = TemporaryDirectory()
        root = Path(self.root) / "src"
        target = Path(self._made.name)
        compile_to(target, modules(root / "raftwerk"), root)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"] |= {
            str(path): path.relative_to(target).as_posix()
            for path in target.rglob("*")
            if path.is_file()
        }

    def finalize(
        self, version: str, build_data: dict[str, Any], artifact_path: str
    ) -> None:
        """Do as `BuildHookInterface.finalize` says."""
        self._made.cleanup()
