"""``raftwerk config``: each setting, its names, its value, and who said so."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from raftwerk.cli import settings
from raftwerk.cli.config_values import values_of
from raftwerk.cli.flags import Texts
from raftwerk.cli.output import write, write_lines
from raftwerk.cli.settings import HOST_NAME_VARIABLE
from raftwerk.cli.sources import Found, Sources, understand
from raftwerk.config import COMMANDS, ServeConfig, Setting, Way, settings_of
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.wal import Wal

__all__ = ["FORMS", "Row", "print_config", "rows_of", "way_of"]

FORMS: Final = ("text", "json", "markdown")
"""How it may be printed; the last is the page of the reference, without values."""

MASK: Final = "***"
"""Stands for every secret that was given."""

_READERS: Final[Mapping[str, Callable[[Mapping[str, str]], Any]]] = {
    "serve": settings.serve_config,
    "monitor": settings.monitor_config,
    "demo": settings.demo_config,
}

_WHYS: Final = {
    Way.INITIAL_CLUSTER: "initial-cluster lists the members of the first start",
    Way.JOIN: "join names members of a running cluster",
    Way.SRV: "discovery-srv names a domain",
    Way.DNS: "app-name is set, and is looked up in DNS",
    Way.ALONE: "nothing names any other member: a cluster of one",
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One setting, with its value.

    Parameters
    ----------
    command : str
        The command that it belongs to.
    name : str
        The setting.
    variables : tuple of str
        Variables of the environment that set it, strongest first.
    flag : str
        The flag that sets it.
    toml : str
        The key in a TOML file that sets it.
    value : str
        What it is.
    source : str
        Who said so; ``default`` if nobody did.
    """

    command: str
    name: str
    variables: tuple[str, ...]
    flag: str
    toml: str
    value: str
    source: str


def rows_of(sources: Sources, flags: Texts) -> tuple[list[Row], ServeConfig]:
    """Return all settings with their values, and what ``serve`` would be told.

    Parameters
    ----------
    sources : Sources
        Where settings may stand.
    flags : dict
        Those of ``serve``.

    Returns
    -------
    tuple of list and ServeConfig
        In the order of the table.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """
    rows = []
    told = ServeConfig()
    for command in COMMANDS:
        found = sources.find(command, flags if command == "serve" else {})
        config = understand(_READERS[command], found)
        if isinstance(config, ServeConfig):
            told = config
        names = [setting.name for setting in settings_of(command)]
        values = values_of(config, names)
        rows += [
            _row(setting, values[setting.name], found)
            for setting in settings_of(command)
        ]
    return rows, told


def print_config(sources: Sources, flags: Texts, form: str) -> None:
    """Print all settings.

    Parameters
    ----------
    sources : Sources
        Where settings may stand.
    flags : dict
        Those of ``serve``.
    form : str
        One of `FORMS`.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """
    if form == "markdown":
        # pylint: disable-next=import-outside-toplevel  # for those who write docs
        from raftwerk.cli.config_page import make_page

        write(make_page().encode())
        return
    rows, config = rows_of(sources, flags)
    way, why = way_of(config)
    if form == "json":
        said = {
            "settings": msgspec.to_builtins(rows),
            "discovery": {"way": way, "why": why},
        }
        write_lines([json.dumps(said, indent=2, ensure_ascii=False)])
        return
    found_by = f"The others are found by: {way} ({why})."
    write_lines([*_columns(rows), "", found_by])


def _row(setting: Setting, value: str, found: Mapping[str, Found]) -> Row:
    """Return one setting with its value."""
    stood = found.get(setting.name)
    if stood is None and HOST_NAME_VARIABLE in setting.aliases:
        stood = found.get(HOST_NAME_VARIABLE)
    return Row(
        command=setting.command,
        name=setting.name,
        variables=setting.variables,
        flag=setting.flag,
        toml=setting.toml_key,
        value=MASK if setting.is_secret and value else value,
        source="default" if stood is None else stood.source,
    )


def way_of(config: ServeConfig) -> tuple[str, str]:
    """Return how a node finds the others, and why so.

    Parameters
    ----------
    config : ServeConfig
        What it was told.

    Returns
    -------
    str
        The way: ``data-dir`` if its data knows the cluster, else a value of `Way`.
    str
        Why, for people.
    """
    if Wal.exists(RealDisk(), config.data_dir):
        return "data-dir", f"{config.data_dir} knows its cluster"
    way = config.discovery.way
    if way is Way.ALONE and config.initial_cluster_state == "existing":
        return "initial-cluster", "initial-cluster-state is existing"
    return way.value, _WHYS[way]


def _columns(rows: list[Row]) -> list[str]:
    """Return the rows as lines with aligned columns."""
    table = [("SETTING", "ENVIRONMENT", "FLAG", "TOML", "VALUE", "SOURCE")]
    for row in rows:
        value = row.value if row.value.isprintable() and row.value else repr(row.value)
        variables = ", ".join(row.variables)
        table.append((row.name, variables, row.flag, row.toml, value, row.source))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            text.ljust(width) for text, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in table
    ]
