"""`alived hooks`: the hooks of the running daemon, how they went, and running one by hand."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Iterator

import click

from alived.cli.asking import Json, ask_daemon, daemon_options, result_of
from alived.cli.groups import Group

RUN_LIMIT_S = 4000.0
"""More than any hook may take: the daemon ends it when its time is over."""


@click.group(cls=Group, invoke_without_command=True)
@daemon_options
@click.pass_context
def hooks(context: click.Context, as_json: bool, runtime_dir: str | None) -> None:
    """Show the hooks of all instances and groups: how often they ran, and how the last run ended.

    Exit status: 0 if the daemon answered, 1 if there is none.
    """
    if context.invoked_subcommand is not None:
        return
    found = result_of(ask_daemon(runtime_dir, "hooks", {}))
    _print(found, hooks_lines(found), as_json)


@hooks.command()
@click.option("-n", "count", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@daemon_options
def history(count: int, as_json: bool, runtime_dir: str | None) -> None:
    """Show the last runs of hooks and notify scripts, oldest first: why, how long, how they ended, what they said."""
    found = result_of(ask_daemon(runtime_dir, "hooks-history", {"count": count}))
    _print(found, itertools.chain.from_iterable(map(run_lines, found)), as_json)


@hooks.command()
@click.argument("hook", metavar="NAME")
@click.option("--group", metavar="NAME", help="Of this instance or group.")
@click.option("--event", metavar="EVENT", help="Of this event, if NAME is a program that stands for several.")
@daemon_options
def run(hook: str, group: str | None, event: str | None, as_json: bool, runtime_dir: str | None) -> None:
    """Run a hook by hand, as the daemon would: same user, same environment, same limits, in its turn.

    NAME is an event (ToMaster) or a program (on-master.sh). Nothing follows from how it ends: it is not repeated, and
    nobody steps down. Exit status: 0 if it succeeded, 1 if not.
    """
    arguments = {"hook": hook} | {
        key: value for key, value in (("group", group), ("event", event)) if value is not None
    }
    found = result_of(ask_daemon(runtime_dir, "hooks-run", arguments, RUN_LIMIT_S))
    _print(found, by_hand_lines(found), as_json)
    sys.exit(0 if found["ok"] else 1)


def _print(found: Json | list[Json], lines: Iterator[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for line in lines:
        click.echo(line)


def hooks_lines(found: list[Json]) -> Iterator[str]:
    """A block for each object."""
    if not found:
        yield "no hooks are configured, and no notify script has run"
    for (name, kind), hooks in itertools.groupby(found, key=lambda one: (one["name"], one["kind"])):
        yield f"{_bold(name or 'the daemon itself')}{f' ({kind})' if kind else ''}"
        for one in hooks:
            yield from _hook_lines(one)


def _hook_lines(hook: Json) -> Iterator[str]:
    now = _loud(" due, runs or waits") if hook.get("due") else ""
    yield f"    {_bold(hook['label'])}  {' '.join(hook['command'])}{_terms(hook)}{now}"
    if hook["last"] is None:
        yield "        has not run"
        return
    failed = f", {_loud(str(hook['failures']) + ' failed')}" if hook["failures"] else ""
    times = f"{hook['runs']} run{'s' if hook['runs'] != 1 else ''}{failed}, {hook['duration_s']:g} s in all"
    yield f"        {times}; the last at {_moment(hook['last']['time'])}: {_end(hook['last'])}"


def _terms(hook: Json) -> str:
    """What is said of it in the configuration; nothing of a notify script, which has no such terms."""
    if "on_failure" not in hook:
        return ""
    terms = [
        hook["on_failure"] + (f" {hook['retries']} times" if hook["retries"] else ""),
        f"within {hook['timeout_s']:g} s",
        *([f"as {hook['user']}"] if hook["user"] else []),
        *(["pinned"] if hook["pinned"] else []),
    ]
    return f"  ({', '.join(terms)})"


def run_lines(run: Json) -> Iterator[str]:
    who = _bold(run["name"] or "the daemon")
    hand = " by hand" if run["by_hand"] else ""
    again = f" (attempt {run['attempt']})" if run["attempt"] > 1 else ""
    why = f": {run['trigger']}" if run["trigger"] else ""
    yield f"{_moment(run['time'])}  {who}  {run['label']}[{run['run']}]{hand}{again}  {_end(run)}{why}"
    for line in run["output"]:
        yield f"    {line}"


def by_hand_lines(found: Json) -> Iterator[str]:
    for run in found["runs"]:
        yield from run["output"]
        yield f"{_bold(found['event'])} of {found['name'] or 'the daemon'}: {_end(run)}"
    if not found["runs"]:
        yield f"{_bold(found['event'])} of {found['name'] or 'the daemon'} did not run: {_loud(found['reason'])}"


def _end(run: Json) -> str:
    status = "" if run["exit_status"] is None else f", exit status {run['exit_status']}"
    if run["ok"]:
        return click.style("ok", fg="green", bold=True) + f" after {run['duration_ms']} ms{status}"
    return _loud(run["failure"]) + f" after {run['duration_ms']} ms{status}"


def _moment(wall_time: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall_time)) + f".{int(wall_time % 1 * 1000):03d}"


def _bold(text: str) -> str:
    return click.style(text, bold=True)


def _loud(text: str) -> str:
    return click.style(text, fg="red", bold=True)
