"""Settings that change while a node runs: read again on SIGHUP, taken or refused."""

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from raftwerk.cli.config_values import values_of
from raftwerk.config import ServeConfig, settings_of
from raftwerk.errors import ConfigError

__all__ = ["Reloader"]

Take = Callable[[ServeConfig], Callable[[], object]]
"""Checks a setting's new value, changes nothing, and returns what puts it to work."""

_SETTINGS: Final = settings_of("serve")

_log = structlog.get_logger(__name__)


class Reloader:
    """Compares what is said now with what a node runs with.

    Parameters
    ----------
    config : ServeConfig
        What the node was started with.
    read : callable
        Reads all sources again.
    takers : mapping of str to callable
        What to do for a setting that can change, by its name; others need a restart.
    """

    def __init__(
        self,
        config: ServeConfig,
        read: Callable[[], ServeConfig],
        takers: Mapping[str, Take],
    ) -> None:
        self._names = [setting.name for setting in _SETTINGS]
        self._secret = {setting.name for setting in _SETTINGS if setting.is_secret}
        self._read = read
        self._takers = takers
        self._values = values_of(config, self._names)

    def reload(self) -> None:
        """Read again, take what can be taken, and say what was and what was not."""
        try:
            config = self._read()
        except ConfigError as error:
            _log.error("settings are as before", reason=str(error))
            return
        now = values_of(config, self._names)
        changed = [name for name in self._names if now[name] != self._values[name]]
        taken = [name for name in changed if name in self._takers]
        takers = dict.fromkeys(self._takers[name] for name in taken)
        try:
            steps = [taker(config) for taker in takers]
        except ConfigError as error:
            _log.error("settings are as before", reason=str(error))
            return
        for step in steps:
            step()
        for name in taken:
            self._values[name] = now[name]
        if needs_restart := [name for name in changed if name not in self._takers]:
            _log.warning(
                "settings need a restart",
                **{name: self._show(name, now[name]) for name in needs_restart},
            )
        _log.info(
            "settings were read again",
            **{name: self._show(name, now[name]) for name in taken},
        )

    def _show(self, name: str, value: str) -> str:
        """Return a value as the log may show it."""
        return "***" if name in self._secret else value
