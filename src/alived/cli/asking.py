"""What commands that ask the running daemon have in common. Light: they answer in a blink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from alived.adapters.control_client import NotRunning, ask
from alived.adapters.runtime_dir import SOCKET_FILE, choose

Json = dict[str, Any]
LIMIT_S = 2.0
"""For what the daemon knows."""
F = TypeVar("F", bound=Callable[..., None])


def daemon_options(command: F) -> F:
    """--runtime-dir and --json, which may also stand before the name of a command of a group that has them."""
    runtime_dir = "Default: $ALIVED_RUNTIME_DIR or /run/alived."
    command = click.option("--runtime-dir", metavar="DIR", callback=_or_of_the_group, help=runtime_dir)(command)
    as_json = "One JSON document on standard output."
    return click.option("--json", "as_json", is_flag=True, callback=_or_of_the_group, help=as_json)(command)


def _or_of_the_group(context: click.Context, option: click.Parameter, value: Any) -> Any:
    return value or (context.parent and context.parent.params.get(option.name or "")) or value


def ask_daemon(runtime_dir: str | None, command: str, arguments: Json, limit_s: float = LIMIT_S) -> Json:
    """{"ok", "result", "error"}. Ends the command if no daemon answers."""
    try:
        return ask(choose(runtime_dir), SOCKET_FILE, command, arguments, limit_s)
    except NotRunning as error:
        raise click.ClickException(str(error)) from error


def result_of(answer: Json) -> Any:
    """Ends the command if the daemon refused."""
    if not answer["ok"]:
        raise click.ClickException(answer["error"])
    return answer["result"]
