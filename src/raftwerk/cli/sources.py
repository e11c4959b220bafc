"""Where the text of a setting comes from: flag, environment, ``.env``, TOML, in order.

The first that has it wins. Of several variables for one setting, its own
(``RAFTWERK_LOG_LEVEL``) wins over the plain one (``LOGGING``). A variable that was set
to nothing says nothing: that is how compose files leave one out.
"""

import difflib
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from raftwerk.cli.settings import HOST_NAME_VARIABLE
from raftwerk.config import COMMANDS, PREFIX, SETTINGS, BadSetting, Setting, settings_of
from raftwerk.errors import ConfigError

__all__ = [
    "CONFIG_FILE_VARIABLE",
    "Found",
    "Sources",
    "own_variables",
    "read_sources",
    "understand",
]

CONFIG_FILE_VARIABLE: Final = f"{PREFIX}CONFIG_FILE"
"""Names the TOML file, where no flag does."""

TOLD_TO_SCRIPTS: Final = frozenset(
    f"{PREFIX}{name}" for name in ("ROLE", "TERM", "LEADER", "NODE", "FENCING_TOKEN")
)
"""What a role script finds in its environment, and so what it starts does too."""

DOTENV: Final = ".env"
TOML: Final = "raftwerk.toml"
"""Read from the working directory if they are there."""

_Config = TypeVar("_Config")


class Found(msgspec.Struct, frozen=True):
    """The text of a setting, and where it stood."""

    text: str
    source: str


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """All that may name a setting, but for the flags.

    Parameters
    ----------
    variables : sequence of pair
        Each a name for people, and variables of an environment; strongest first.
    toml_name : str
        The name of the TOML file.
    toml : mapping
        The text of each key in it, by ``table.key``.
    """

    variables: Sequence[tuple[str, Mapping[str, str]]]
    toml_name: str = TOML
    toml: Mapping[str, str] = {}

    def find(self, command: str, flags: Mapping[str, str | None]) -> dict[str, Found]:
        """Return what was said of a command's settings.

        Parameters
        ----------
        command : str
            Which.
        flags : mapping of str to str
            The text of each flag by the setting's name; None if it was not given.

        Returns
        -------
        dict
            By the setting's name; what nobody said is not in it.
        """
        found = {}
        for setting in settings_of(command):
            text = flags.get(setting.name)
            if text is not None:
                found[setting.name] = Found(text, f"flag {setting.flag}")
            elif said := next(self._look_up(setting), None):
                name = setting.name
                if said.source.split()[-1] == HOST_NAME_VARIABLE:
                    name = HOST_NAME_VARIABLE  # weaker than a name that was chosen
                found[name] = said
        return found

    def warnings(self) -> list[str]:
        """Return a line for each variable that begins as ours do and is none.

        Returns
        -------
        list of str
            With the nearest name that we know.
        """
        known = own_variables()
        return [
            f"{name} ({place}) is no setting of raftwerk; {_hint(name, known)}"
            for place, variables in self.variables
            for name in sorted(variables)
            if name.startswith(PREFIX) and name not in known | TOLD_TO_SCRIPTS
        ]

    def _look_up(self, setting: Setting) -> Iterator[Found]:
        """Yield what the sources say, strongest first."""
        # A machine's own name is no choice of anybody: all else goes first.
        chosen = [name for name in setting.variables if name != HOST_NAME_VARIABLE]
        for place, variables in self.variables:
            for name in chosen:
                if variables.get(name):
                    yield Found(variables[name], f"{place} {name}")
        if setting.toml_key in self.toml:
            source = f"{self.toml_name} {setting.toml_key}"
            yield Found(self.toml[setting.toml_key], source)
        if HOST_NAME_VARIABLE in setting.variables:
            for place, variables in self.variables:
                if variables.get(HOST_NAME_VARIABLE):
                    text = variables[HOST_NAME_VARIABLE]
                    yield Found(text, f"{place} {HOST_NAME_VARIABLE}")


def understand(
    read: Callable[[Mapping[str, str]], _Config], found: Mapping[str, Found]
) -> _Config:
    """Return the configuration that some texts say.

    Parameters
    ----------
    read : callable
        One of `cli.settings`.
    found : mapping of str to Found
        The texts.

    Returns
    -------
    object
        What `read` returned.

    Raises
    ------
    ConfigError
        If a setting can't work; the message also says where it stood, unless that was
        a flag.
    """
    try:
        return read({name: each.text for name, each in found.items()})
    except BadSetting as error:
        stood = found.get(error.setting)
        if stood is None or stood.source.startswith("flag "):
            raise
        raise BadSetting(error.setting, f"{error} (from {stood.source})") from None


def own_variables() -> frozenset[str]:
    """Return all variables of the environment that begin as ours do and are.

    Returns
    -------
    frozenset of str
        Their names.
    """
    return frozenset(
        {CONFIG_FILE_VARIABLE, *(setting.variable for setting in SETTINGS)}
    )


def read_sources(
    environ: Mapping[str, str], folder: Path, config_file: str | None = None
) -> Sources:
    """Read the files that may name settings.

    Parameters
    ----------
    environ : mapping of str to str
        The process's environment.
    folder : Path
        The working directory.
    config_file : str, optional
        The TOML file; without it, the one that the environment names, or
        ``raftwerk.toml`` if there is one.

    Returns
    -------
    Sources
        With all that they say.

    Raises
    ------
    ConfigError
        If a file can't be read, naming it and the line.
    """
    dotenv = _read_dotenv(folder / DOTENV)
    variables = [("environment", environ), (DOTENV, dotenv)]
    named = config_file
    for _, one in variables:
        named = named or one.get(CONFIG_FILE_VARIABLE)
    if named is None and not (folder / TOML).exists():
        return Sources(variables=variables)
    name = named or TOML
    return Sources(
        variables=variables, toml_name=name, toml=_read_toml(folder / name, name)
    )


def _hint(name: str, known: Collection[str]) -> str:
    """Return what may have been meant; the prefix is no likeness."""
    tails = {each.removeprefix(PREFIX): each for each in known}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), tails, 1)
    return f"did you mean {tails[near[0]]}?" if near else "`raftwerk config` lists all"


def _read_dotenv(path: Path) -> dict[str, str]:
    """Return the variables in a ``.env`` file; none if there is no such file."""
    if not path.is_file():
        return {}
    # pylint: disable-next=import-outside-toplevel  # few have such a file
    from dotenv.parser import parse_stream

    found = {}
    try:
        with path.open(encoding="utf-8") as stream:
            for binding in parse_stream(stream):
                if binding.error:
                    line = binding.original.line
                    raise ConfigError(f"{DOTENV} can't be read in line {line}")
                if binding.key is not None and binding.value is not None:
                    found[binding.key] = binding.value
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{DOTENV} can't be read: {error}") from error
    return found


def _read_toml(path: Path, name: str) -> dict[str, str]:
    """Return the texts in a TOML file, by table and key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{name} can't be read: {error.strerror}") from error
    except ValueError as error:  # also numbers longer than Python reads
        raise ConfigError(f"{name} can't be read: {error}") from error
    known = [setting.toml_key for setting in SETTINGS]
    texts = {}
    for table, members in document.items():
        if table not in COMMANDS or not isinstance(members, dict):
            tables = ", ".join(f"[{command}]" for command in COMMANDS)
            raise ConfigError(
                f"{name} has {table}; it must have settings in {tables} alone"
            )
        for member, value in members.items():
            key = f"{table}.{member}"
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigError(f"{name} has {key}, which is no setting{hint}")
            texts[key] = _text_of(name, key, value)
    return texts


def _text_of(name: str, key: str, value: Any) -> str:
    """Return a value as it would be written in a flag."""
    match value:
        case str():
            return value
        case int() if not isinstance(value, bool):
            return str(value)
        case list() if all(isinstance(each, str) for each in value):
            return ",".join(value)
    raise ConfigError(
        f"{name} has {key} = {value!r}; it must be a text, a whole number, or a list"
        " of texts"
    )
