"""The page of all settings, made from their table."""

from typing import Final

from raftwerk.cli.sources import CONFIG_FILE_VARIABLE
from raftwerk.config import Setting, settings_of

__all__ = ["make_page"]

_HEAD: Final = f"""\
# Settings

<!-- Made by `raftwerk config -o markdown` from the table in the code; a test compares. -->

Each setting can be given in four places. The first that has it wins:

1. a flag on the command line;
2. a variable of the environment: its own, `RAFTWERK_…`, before the others that are understood;
3. the same variables in a file `.env` in the working directory;
4. a TOML file: `--config-file FILE`, or the one that `{CONFIG_FILE_VARIABLE}` names, or `raftwerk.toml` in the working
   directory. Each command has a table of its own; lists may be written as lists.

A variable that is set to nothing says nothing. `HOSTNAME`, which container engines set, is weaker than all of them: it
names a node, but not its data directory, for it changes with each new container.

`raftwerk config` prints each setting with its value and who said so, secrets masked; `-o json` prints the same for
programs. It takes the flags of `serve`, to see what they would do.

A value that can't work ends the command before it begins: one line names the setting, its value, what is allowed and
where it stood, and the [exit code](exit-codes.md) is 2. A variable that begins with `RAFTWERK_` and is no setting is
warned about, with the nearest name that is one.

**While it runs**: `kill -HUP` makes `raftwerk serve` read everything again. What is marked *live* below takes effect; the
log names what has changed and needs a restart.
"""

_TITLES: Final = {
    "serve": "A node: `raftwerk serve`",
    "monitor": "The page: `raftwerk monitor`",
    "demo": "A cluster to play with: `raftwerk demo`",
}


def make_page() -> str:
    """Return the page in Markdown.

    Returns
    -------
    str
        With a newline at its end.
    """
    parts = [_HEAD]
    for command, title in _TITLES.items():
        parts.append(f"## {title}\n")
        parts.append("| flag, value | environment | TOML | default | what it is |")
        parts.append("|---|---|---|---|---|")
        parts += [_line(setting) for setting in settings_of(command)]
        parts.append("")
    return "\n".join(parts)


def _line(setting: Setting) -> str:
    """Return a setting's line of the table."""
    variables = ", ".join(f"`{name}`" for name in setting.variables)
    marks = "*Live.* " * setting.is_live + "*Secret.* " * setting.is_secret
    return (
        f"| `{setting.flag} {setting.metavar}` | {variables} | `{setting.toml_key}`"
        f" | {setting.default} | {marks}{setting.meaning} |"
    )
