"""What all settings share: the form of a complaint, and a few checks.

A message calls a setting by its name on the command line, which is also etcd's name
for it.
"""

from collections.abc import Collection
from typing import Final

from raftwerk.errors import ConfigError

__all__ = [
    "PORT_MAX",
    "BadSetting",
    "bad_setting",
    "require_name",
    "require_one_of",
    "require_setting",
    "require_text",
]

NAME_CHARACTERS_MAX: Final = 128

PORT_MAX: Final = 65_535


class BadSetting(ConfigError):
    """A setting can't work; the message names it, its value and what is allowed.

    Parameters
    ----------
    setting : str
        Its name.
    message : str
        One line.
    """

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


def bad_setting(setting: str, value: object, allowed: str) -> BadSetting:
    """Return the error for a value that can't work, in the form all settings share.

    Parameters
    ----------
    setting : str
        The setting's name, as the operator writes it.
    value : object
        What it was set to.
    allowed : str
        What is allowed, to stand behind "must be".

    Returns
    -------
    BadSetting
        To be raised; its message is one line whatever the value is.

    Examples
    --------
    >>> print(bad_setting("heartbeat-interval", 0, "at least 1 (milliseconds)"))
    heartbeat-interval is 0; it must be at least 1 (milliseconds)
    """
    text = str(value)
    # A newline in a value is shown, not obeyed.
    shown = text if text and text.isprintable() else repr(text)
    return BadSetting(setting, f"{setting} is {shown}; it must be {allowed}")


def require_setting(holds: bool, setting: str, value: object, allowed: str) -> None:
    """Raise what `bad_setting` returns, unless the value can work.

    Parameters
    ----------
    holds : bool
        Whether the value can work.
    setting : str
        The setting's name.
    value : object
        What it was set to.
    allowed : str
        What is allowed, to stand behind "must be".

    Raises
    ------
    ConfigError
        If `holds` is false.
    """
    if not holds:
        raise bad_setting(setting, value, allowed)


def require_name(setting: str, name: str) -> None:
    """Refuse a name that can't stand in ``name=url,…`` or in a folder's name.

    Parameters
    ----------
    setting : str
        The setting it stands in.
    name : str
        The name of a member.

    Raises
    ------
    ConfigError
        If the name is empty, too long, or has such a character.
    """
    is_sound = name.isprintable() and not set(name) & set(",=/\\")
    require_setting(
        is_sound and 1 <= len(name) <= NAME_CHARACTERS_MAX,
        setting,
        name,
        f"1 to {NAME_CHARACTERS_MAX} printable characters, none of them , = / \\",
    )


def require_text(setting: str, value: str) -> None:
    """Refuse an empty value, and one that would not fit on a line.

    Parameters
    ----------
    setting : str
        The setting's name.
    value : str
        What it was set to.

    Raises
    ------
    ConfigError
        If the value is empty or not printable.
    """
    require_setting(
        bool(value) and value.isprintable(), setting, value, "printable and not empty"
    )


def require_one_of(setting: str, value: str, allowed: Collection[str]) -> None:
    """Refuse a value that is not one of a few words.

    Parameters
    ----------
    setting : str
        The setting's name.
    value : str
        What it was set to.
    allowed : collection of str
        The words.

    Raises
    ------
    ConfigError
        If the value is none of them.
    """
    require_setting(value in allowed, setting, value, f"one of {', '.join(allowed)}")
