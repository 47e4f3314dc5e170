"""Starts a script of the operator's as the user whom the configuration means, if it is safe.

What prevents that is reported by the runner, as all failures are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alived.adapters.key_files import KeyFileError, read_keys
from alived.adapters.script_files import Pin, opened, unsafe_part
from alived.adapters.script_process import Account, ScriptError, account_of
from alived.adapters.scripts import ScriptRunner
from alived.adapters.starters import Failure
from alived.config.model import GlobalDefs
from alived.hooks.config import Hook


def start_script(
    runner: ScriptRunner,
    run: int,
    argv: Sequence[str],
    owner: tuple[str, str],
    environment: Mapping[str, str],
    defaults: GlobalDefs,
) -> None:
    """owner: user and group, "" for those of `script_user`."""
    try:
        account = _account(owner, defaults)
        if defaults.enable_script_security and account.uid == 0:
            _refuse_unsafe(argv[0])
    except ScriptError as error:
        runner.refuse(run, Failure(str(error)))
    else:
        runner.start(run, argv, account, environment)


def start_hook(
    runner: ScriptRunner, run: int, hook: Hook, environment: Mapping[str, str], defaults: GlobalDefs
) -> None:
    """What is checked is what runs."""
    script = hook.script
    try:
        account = _account((script.user, script.group), defaults)
        with opened(script.argv[0], account, _pins(hook)) as program:
            runner.start(run, script.argv, account, environment, program)
    except ScriptError as error:
        runner.refuse(run, Failure(str(error)))


def why_not(hook: Hook, defaults: GlobalDefs) -> str:
    """The reason why a hook would not run now, "" if it would."""
    script = hook.script
    try:
        with opened(script.argv[0], _account((script.user, script.group), defaults), _pins(hook)):
            return ""
    except ScriptError as error:
        return str(error)


def _pins(hook: Hook) -> list[Pin]:
    pins = [Pin(hook.sha256)] if hook.sha256 else []
    if hook.hmac:
        try:
            (key,) = read_keys([hook.hmac_key])
        except KeyFileError as error:
            raise ScriptError(f"{hook.script.argv[0]}: {error}") from error
        pins.append(Pin(hook.hmac, key))
    return pins


def _account(owner: tuple[str, str], defaults: GlobalDefs) -> Account:
    return account_of(owner[0] or defaults.script_user, owner[1] or defaults.script_group)


def _refuse_unsafe(path: str) -> None:
    try:
        part = unsafe_part(path)
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror}") from error
    if part:
        raise ScriptError(f"enable_script_security: {part} can be changed by others than root, so root does not run it")
