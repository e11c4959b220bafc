"""Puts a mistake into modules as they are imported; the files stay as they are."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType

from .mistake import Mistake, patched_source, path_of

__all__ = ["make"]


class _PatchedLoader(SourceFileLoader):
    """Loads other text than the file has, and keeps no byte code of it."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the patched text."""
        return compile(self._source, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds the patched modules before anyone else does."""

    def __init__(self, sources: dict[str, str]) -> None:
        self._sources = sources

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # pylint: disable=unused-argument # the protocol's
        target: ModuleType | None = None,  # pylint: disable=unused-argument # as well
    ) -> ModuleSpec | None:
        """Return how to load a patched module; None for all others."""
        source = self._sources.get(fullname)
        if source is None:
            return None
        file = str(path_of(fullname))
        return spec_from_file_location(
            fullname, file, loader=_PatchedLoader(fullname, file, source)
        )


def make(mistake: Mistake) -> None:
    """Make a mistake, for the rest of this process.

    Parameters
    ----------
    mistake : Mistake
        The row.

    Raises
    ------
    Unfit
        If a patch does not fit.
    RuntimeError
        If a module that it patches is imported already.
    """
    modules = {patch.module for patch in mistake.patches}
    late = sorted(modules & set(sys.modules))
    if late:
        raise RuntimeError(f"{', '.join(late)} is imported already: too late to patch")
    sources = {module: patched_source(mistake, module) for module in modules}
    sys.meta_path.insert(0, _Finder(sources))
