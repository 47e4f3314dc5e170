"""`alived track`: what an operator can do about trackers of the running daemon."""

from __future__ import annotations

import json

import click

from alived.cli.asking import ask_daemon, daemon_options, result_of
from alived.cli.groups import Group


@click.group(cls=Group)
def track() -> None:
    """Act on what instances and groups track. `alived status` shows it."""


@track.command()
@click.argument("name", nargs=-1, required=True, metavar="[KIND] NAME")
@daemon_options
def reset(name: tuple[str, ...], as_json: bool, runtime_dir: str | None) -> None:
    """Forget how often a tracker with flap_damping fell: if it is up and held down, it counts as up now.

    KIND (check, script, process) is needed only if trackers of several kinds have the name. Exit status: 0 done, 1 not.
    """
    found = result_of(ask_daemon(runtime_dir, "track-reset", {"name": " ".join(name)}))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(f"{found['tracker']}: {found['falls']} falls are forgotten")
