"""`alived status`: what instances and groups depend on, for people."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click

from alived.cli.asking import Json
from alived.cli.words import COLOURS, bold, loud, span
from alived.health.misc import described


def script_lines(script: Json) -> Iterator[str]:
    """A tracked script: the verdict, who acts on it, and how its runs go."""
    runs = script["runs"]
    yield verdict_line("script", script)
    who = f" as {script['user']}" if script["user"] else ""
    what = f"{shlex.join(script['command'])}{who} every {script['interval_s']:g} s"
    if runs is None:
        yield f"    {what}: " + loud("the process that runs it does not answer")
        return
    yield f"    {what}: {_last_run(runs)}{_next_run(runs)}"
    for line in runs["output"]:
        yield f"    output: {line}"
    if runs["overlaps"]:
        times = "once" if runs["overlaps"] == 1 else f"{runs['overlaps']} times"
        yield f"    {times} it still ran when its next run was due, and no second one was started"


def tracker_lines(tracker: Json) -> Iterator[str]:
    """A tracked interface, process, file, gateway or unit."""
    seen = tracker["seen"]
    yield verdict_line(tracker["kind"], tracker)
    if seen is None:
        yield "    " + loud("the process that watches it does not answer")
        return
    if seen["result"]:
        ago = f" {span(seen['age_s'])} ago" if seen["age_s"] is not None else ""
        times = f", {seen['streak']} times in a row" if seen["streak"] > 1 else ""
        yield f"    last result{ago}: {seen['result']}{times}{_next_look(seen)}"
    for line in seen["details"]:
        yield f"    {line}"


def combination_lines(check: Json) -> Iterator[str]:
    yield verdict_line("check", check)
    yield f"    counts {', '.join(check['members'])}: {check['quorum']} of {len(check['members'])} must be up"


def damping_lines(damped: Json) -> Iterator[str]:
    """Only of what fell lately."""
    if damped["held_s"] is not None:
        held = f"held down for {span(damped['held_s'])} more, if it stays up: it fell {damped['falls']} times"
        yield f"{damped['tracker']} is {loud(held)} (alived track reset {damped['tracker']})"
    elif damped["falls"]:
        times = "once" if damped["falls"] == 1 else f"{damped['falls']} times"
        hold = span(damped["hold_s"])
        yield f"{damped['tracker']} fell {times}: if it falls again, it counts as up when it has been so for {hold}"


def _next_look(seen: Json) -> str:
    return f"; next look in {span(max(seen['next_run_s'], 0))}" if seen["next_run_s"] is not None else ""


def verdict_line(kind: str, tracker: Json) -> str:
    verdict = click.style(tracker["result"], fg=COLOURS[tracker["result"]], bold=True)
    since = f" for {span(tracker['since_s'])}" if tracker["since_s"] is not None else ""
    trackers = ", ".join(map(_tracker, tracker["tracked_by"]))
    who = f"; tracked by {trackers}" if trackers else ""
    return f"{kind} {bold(tracker['name'])}  {verdict}{since}: {tracker['reason']}{who}"


def _tracker(tracker: Json) -> str:
    reverse = " reverse" if tracker["reverse"] else ""
    return (
        f"{tracker['name']} (weight {tracker['weight']:+d}{reverse})"
        if tracker["weight"]
        else tracker["name"] + reverse
    )


def _last_run(runs: Json) -> str:
    if not runs["last_result"]:
        return ""
    said = runs["last_result"] if runs["last_success"] else loud(runs["last_result"])
    if runs["last_result"].startswith("timed out") and runs["exit_status"] is not None:
        said += f", then {described(runs['exit_status'])}"
    times = f", {runs['streak']} times in a row" if runs["streak"] > 1 else ""
    return f"{said} {span(runs['last_age_s'])} ago (took {runs['took_ms']} ms){times}; "


def _next_run(runs: Json) -> str:
    running = f"runs for {span(runs['running_s'])}, " if runs["running_s"] is not None else ""
    return f"{running}next run in {span(max(runs['next_run_s'], 0))}"
