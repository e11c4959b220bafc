"""The operator's scripts for the roles of a node: checked, run, and told in the log."""

import structlog

from raftwerk.config import HookSettings
from raftwerk.host.protocol import Host
from raftwerk.host.real_programs import RealPrograms, require_executable
from raftwerk.runtime.hooks import Hook, HookOutcome, HookRun, Hooks, RoleChange
from raftwerk.runtime.script_hook import script_hook

__all__ = ["check_scripts", "replace_scripts", "run_scripts"]

_log = structlog.get_logger("raftwerk.hooks")


def check_scripts(settings: HookSettings) -> None:
    """Refuse scripts that can't be run.

    Parameters
    ----------
    settings : HookSettings
        Which scripts.

    Raises
    ------
    ConfigError
        If one is missing or not executable, naming it.
    """
    for setting, path in (
        ("script-leader-path", settings.leader_path),
        ("script-follower-path", settings.follower_path),
    ):
        if path:
            require_executable(setting, path)


def run_scripts(settings: HookSettings, host: Host) -> Hooks:
    """Return what runs the scripts once it watches a node.

    Parameters
    ----------
    settings : HookSettings
        Which scripts.
    host : Host
        Time.

    Returns
    -------
    Hooks
        With no node yet.
    """
    return Hooks(
        host,
        _report,
        on_leader=_hook(settings.leader_path),
        on_follower=_hook(settings.follower_path),
        timeout_seconds=settings.timeout_millis / 1000,
    )


def replace_scripts(hooks: Hooks, settings: HookSettings) -> None:
    """Take other scripts for changes to come.

    Parameters
    ----------
    hooks : Hooks
        What runs them.
    settings : HookSettings
        Which scripts now.
    """
    hooks.replace(
        on_leader=_hook(settings.leader_path),
        on_follower=_hook(settings.follower_path),
        timeout_seconds=settings.timeout_millis / 1000,
    )


def _hook(path: str) -> Hook | None:
    """Return the hook that runs a script, if there is one."""
    return script_hook(path, RealPrograms(), _tell_line) if path else None


def _tell_line(change: RoleChange, line: str) -> None:
    """Log what a script wrote."""
    _log.info("hook", role=change.role.value, term=change.term, line=line)


def _report(run: HookRun) -> None:
    """Log that a script began or ended."""
    about = {"role": run.change.role.value, "term": run.change.term}
    match run.outcome:
        case HookOutcome.RUNNING:
            _log.info("hook runs", **about)
        case HookOutcome.FAILED | HookOutcome.TIMED_OUT:
            _log.error(
                "hook failed",
                outcome=run.outcome.value,
                reason=run.reason,
                seconds=round(run.seconds, 3),
                **about,
            )
        case _:
            _log.info(
                "hook ended",
                outcome=run.outcome.value,
                seconds=round(run.seconds, 3),
                **about,
            )
