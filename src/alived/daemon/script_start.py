"""Starts a script of the operator's as the user whom the configuration means, if it is safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alived.adapters.scripts import Account, ScriptError, ScriptRunner, unsafe_part
from alived.config.model import GlobalDefs


def start_script(
    runner: ScriptRunner,
    run: int,
    argv: Sequence[str],
    owner: tuple[str, str],
    environment: Mapping[str, str],
    defaults: GlobalDefs,
) -> None:
    """owner: user and group, "" for those of `script_user`. Raises ScriptError."""
    account = Account(owner[0] or defaults.script_user, owner[1] or defaults.script_group)
    if defaults.enable_script_security and account.uid == 0:
        _refuse_unsafe(argv[0])
    runner.start(run, argv, account, environment)


def _refuse_unsafe(path: str) -> None:
    try:
        part = unsafe_part(path)
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror}") from error
    if part:
        raise ScriptError(f"enable_script_security: {part} can be changed by others than root, so root does not run it")
