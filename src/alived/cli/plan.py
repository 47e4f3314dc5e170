"""`alived plan`: what a configuration would change if it took the place of the one that runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import click
import msgspec

from alived.adapters.control_client import NotRunning, ask
from alived.adapters.runtime_dir import SOCKET_FILE, choose
from alived.base import Diagnostic, Severity
from alived.cli.reading import ReadingOptions, reading_options
from alived.config.differences import Difference
from alived.config.load import ReadOptions, load
from alived.config.model import Config

Json = dict[str, Any]
EXIT_SAME, EXIT_CHANGES, EXIT_CANNOT_RUN = 0, 3, 1
"""2 is wrong usage (click)."""
LIMIT_S = 30.0
COLOURS = {"added": "green", "removed": "red", "replaced": "magenta", "changed": "yellow"}
WORDS = {"added": "start", "removed": "stop", "replaced": "restart", "changed": "change"}
FATES = {"kept": "green", "new": "green", "gone": "red", "interrupted": "red", "may move": "yellow"}


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--from", "old_file", metavar="OLDFILE", help="Compare with this file instead of the running daemon.")
@reading_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--runtime-dir", metavar="DIR", help="Default: $ALIVED_RUNTIME_DIR or /run/alived.")
def plan(file: str, old_file: str | None, reading: ReadingOptions, as_json: bool, runtime_dir: str | None) -> None:
    """Show what would change if FILE were the configuration: instances that start, stop or change in place, and
    whether a virtual address would move or be interrupted, and why. Nothing is changed.

    The running daemon makes the plan with the very code that a reload runs, from its own configuration and the states
    of its instances; what it was told by --set and the like has to be said here too. With --from no daemon is asked,
    and what depends on a state is told for a MASTER.

    Exit status: 0 nothing would change, 3 something would, 1 FILE cannot run or no daemon answers, 2 wrong usage.
    """
    options = reading.read_options()
    new = _read(file, options, as_json)
    if old_file is None:
        found = _ask(choose(runtime_dir), new, as_json)
    else:
        found = _compare(_read(old_file, options, as_json), new)
    if as_json:
        click.echo(json.dumps({"file": file, **found}, indent=2))
    else:
        for line in plan_lines(found):
            click.echo(line)
    sys.exit(EXIT_CHANGES if found["changes"] else EXIT_SAME)


def _read(file: str, options: ReadOptions, as_json: bool) -> Config:
    """A configuration that can run; else its errors are told and this is the end."""
    loaded = load(file, options)
    errors = [found for found in loaded.diagnostics if found.severity is Severity.ERROR]
    if loaded.config is None or errors:
        _refuse(f"{file} cannot run", as_json, errors)
    return loaded.config


def _compare(old: Config, new: Config) -> Json:
    from alived.daemon.parent.plan import make_plan

    return make_plan(old, new, None)


def _ask(directory: str, new: Config, as_json: bool) -> Json:
    try:
        answer = ask(directory, SOCKET_FILE, "plan", {"config": msgspec.to_builtins(new)}, LIMIT_S)
    except NotRunning as error:
        _refuse(str(error), as_json)
    if not answer["ok"]:
        _refuse(str(answer["error"]), as_json)
    result: Json = answer["result"]
    return result


def _refuse(error: str, as_json: bool, errors: list[Diagnostic] | None = None) -> NoReturn:
    found = [str(diagnostic) for diagnostic in errors or ()]
    if as_json:
        click.echo(json.dumps({"error": error, "diagnostics": found}, indent=2))
    else:
        for line in found:
            click.echo(line, err=True)
        click.echo(f"Error: {error}", err=True)
    sys.exit(EXIT_CANNOT_RUN)


def plan_lines(found: Json) -> Iterator[str]:
    """The plan for people: a line for each thing that changes, then the addresses."""
    for change in found["changes"]:
        yield from _change_lines(change)
    for address in found["addresses"]:
        fate = click.style(address["fate"], fg=FATES[address["fate"]], bold=True)
        yield f"address {address['address']} {fate}: {address['sentence']}"
    if found["changes"] and not found["addresses"]:
        yield "No address moves or is interrupted."
    count = len(found["unchanged"])
    instances = "1 instance stays as it is" if count == 1 else f"{count} instances stay as they are"
    yield f"{instances}." if found["changes"] else f"Nothing would change: {instances}."


def _change_lines(change: Json) -> Iterator[str]:
    word = click.style(WORDS[change["kind"]], fg=COLOURS[change["kind"]], bold=True)
    thing = f"{change['subject']} {change['name']}".rstrip()
    yield f"{word} {thing}" + ("" if change["runs"] else " (read and checked; this version does not run it)")
    for difference in change["differences"]:
        yield f"    {Difference(**difference)}"
