"""`alived notify`: who is told by mail and webhooks, how that goes, and a test message."""

from __future__ import annotations

import json
import sys

import click

from alived.cli.asking import Json, ask_daemon, daemon_options, result_of
from alived.cli.groups import Group
from alived.cli.status_notify import receiver_lines

TEST_LIMIT_S = 700.0
"""More than a conversation may take: twelve times its patience, 30 s for mail."""


@click.group(cls=Group, invoke_without_command=True)
@daemon_options
@click.pass_context
def notify(context: click.Context, as_json: bool, runtime_dir: str | None) -> None:
    """Show who is told by mail and webhooks, what waits, and what went wrong last.

    Exit status: 0 if the daemon answered, 1 if there is none.
    """
    if context.invoked_subcommand is not None:
        return
    found: list[Json] = result_of(ask_daemon(runtime_dir, "status", {}))["notifications"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        for line in receiver_lines(found) if found else ["nobody is told: there is no webhook and no mail server"]:
            click.echo(line)


@notify.command()
@click.argument("name")
@daemon_options
def test(name: str, as_json: bool, runtime_dir: str | None) -> None:
    """Send a test message to a receiver, beside its queue, and say what it answers.

    NAME is the name of a webhook, or "mail". Exit status: 0 if the message was taken, 1 if not.
    """
    answer = ask_daemon(runtime_dir, "notify-test", {"name": name}, TEST_LIMIT_S)
    ok, text = bool(answer.get("ok")), answer.get("error") or answer["result"]["text"]
    if as_json:
        click.echo(json.dumps({"name": name, "ok": ok, "text": text}, indent=2))
    else:
        click.echo(f"{name}: {'taken: ' if ok else 'not taken: '}{text}", err=not ok)
    sys.exit(0 if ok else 1)
