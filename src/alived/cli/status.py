"""`alived status`, `history` and `reload`: what a running daemon says over its control socket.

Light on purpose: no configuration reader, no daemon code, no rich, so that an answer is there in a blink.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from alived.cli.asking import Json, ask_daemon, daemon_options, result_of
from alived.cli.status_checks import check_lines
from alived.cli.status_notify import pipe_lines, receiver_lines
from alived.cli.status_pools import pool_lines
from alived.cli.status_raft import raft_lines
from alived.cli.status_trackers import combination_lines, damping_lines, script_lines, tracker_lines
from alived.cli.words import COLOURS, age, bold, loud, state, vip_lines

_RELOAD_LIMIT_S = 90.0


@click.command()
@daemon_options
def status(as_json: bool, runtime_dir: str | None) -> None:
    """Show who is MASTER, since when and why, and whether the addresses are there.

    Exit status: 0 if the daemon answered, 1 if there is none.
    """
    result = result_of(ask_daemon(runtime_dir, "status", {}))
    _print(result, as_json, status_lines)


@click.command()
@click.option("-n", "count", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@daemon_options
def history(as_json: bool, runtime_dir: str | None, count: int) -> None:
    """Show the last changes of state with their reasons, oldest first.

    Exit status: 0 if the daemon answered, 1 if there is none.
    """
    result = result_of(ask_daemon(runtime_dir, "history", {"count": count}))
    _print(result, as_json, history_lines)


@click.command()
@daemon_options
def reload(as_json: bool, runtime_dir: str | None) -> None:
    """Make the daemon read its configuration again, and say what changed.

    Exit status: 0 if the new configuration is in force, 1 if the old one stays or there is no daemon.
    """
    answer = ask_daemon(runtime_dir, "reload", {}, _RELOAD_LIMIT_S)
    _print(answer, as_json, reload_lines)
    sys.exit(0 if answer["ok"] else 1)


def _print(result: Any, as_json: bool, lines: Callable[[Any], Iterator[str]]) -> None:
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        for line in lines(result):
            click.echo(line)


def status_lines(status: Json) -> Iterator[str]:
    """The status for people: what is wrong is loud, what is well is short."""
    if not status["fresh"]:
        yield loud(_stale(status["age_ms"]))
    for group in status["sync_groups"]:
        members = ", ".join(group.get("members", ()))
        yield f"{bold(group['name'])}  {state(group)}  sync group of {members}: {group['reason']}"
    for instance in status["instances"]:
        yield from _instance_lines(instance)
    yield from raft_lines(status)
    for virtual_server in status["virtual_servers"]:
        yield from pool_lines(virtual_server)
    for script in status["scripts"]:
        yield from script_lines(script)
    for tracker in status["trackers"]:
        yield from tracker_lines(tracker)
    for check in status["checks"]:
        yield from check_lines(check)
    for check in status["combinations"]:
        yield from combination_lines(check)
    for damped in status["damping"]:
        yield from damping_lines(damped)
    yield from pipe_lines(status["pipes"])
    yield from receiver_lines(status["notifications"])
    yield from _fence_lines(status["fences"])
    if errors := {reason: count for reason, count in status["receive_errors"].items() if count}:
        yield "adverts not accepted: " + ", ".join(f"{reason} {count}" for reason, count in sorted(errors.items()))
    yield "processes: " + ", ".join(_process(p) for p in status["processes"])


def _fence_lines(fences: Sequence[Json]) -> Iterator[str]:
    """What is as it should be is one line; what is missing is said for each group."""
    fenced = [fence for fence in fences if not fence["missing"]]
    if fenced:
        names = ", ".join(fence["group"] for fence in fenced)
        yield f"the kernel silences within {fenced[0]['silent_after_ms']} ms if this node freezes: {names}"
    for fence in fences:
        if fence["missing"]:
            after_ms = fence["silent_after_ms"]
            within = f"silent after {after_ms / 1000:g} s, by {fence['fence']}" if after_ms else "NOTHING SILENCES IT"
            yield loud(f"{fence['group']}: if this node freezes: {within}: {fence['missing']}")


def _instance_lines(instance: Json) -> Iterator[str]:
    yield f"{bold(instance['name'])}  {state(instance)}: {instance['reason']}"
    if "vrid" not in instance:
        return
    yield f"    {_election(instance)}"
    for peer in instance["peers"]:
        yield f"    heard {peer['address']}: {_peer(peer)}"
    yield from vip_lines(instance["vips"])
    for fault in instance["faults"]:
        yield "    " + loud(f"FAULT: {fault['reason']}")


def _election(instance: Json) -> str:
    base, effective = instance["base_priority"], instance["priority"]
    priority = f"{effective}" if base == effective else f"{effective} (base {base})"
    where = f" on {instance['interface']}" if instance["interface"] else ""
    return (
        f"VRRPv{instance['version']} {instance['family']} VRID {instance['vrid']}{where}, priority {priority}, "
        f"advert every {instance['advert_interval_s']:g} s, master {instance['master'] or 'unknown'}"
    )


def _peer(peer: Json) -> str:
    text = f"{age(peer['age_ms'])} ago, priority {peer['priority']}, {peer['adverts']} adverts"
    return text + (loud(f", {peer['missed']} missed ({peer['loss_pct']} %)") if peer["missed"] else "")


def _process(process: Json) -> str:
    text = f"{process['role']}[{process['pid']}]"
    if process["state"] != "running":
        text += " " + loud(process["state"])
    if process["restarts"]:
        text += loud(f" {process['restarts']} restarts, the last because it {process['last_death']}")
    return text


def history_lines(history: list[Json]) -> Iterator[str]:
    for change in history:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(change["time"]))
        millis = int(change["time"] % 1 * 1000)
        yield f"{moment}.{millis:03d}  {bold(change['name'])}  {_change(change)}"


def _change(change: Json) -> str:
    if change["kind"] in ("CLUSTER", "VS"):  # what an operator did; a quorum
        reason: str = change["reason"]
        return reason
    new = click.style(change["new"], fg=COLOURS.get(change["new"]), bold=True)
    return f"{change['old']} -> {new}: {change['reason']}"


def reload_lines(answer: Json) -> Iterator[str]:
    result = answer["result"] or {"changes": [], "diagnostics": []}
    yield from result["diagnostics"]
    yield from result["changes"]
    if answer["ok"]:
        yield "reloaded" if result["changes"] else "reloaded; nothing changed"
    else:
        yield loud(answer["error"])


def _stale(age_ms: int | None) -> str:
    if age_ms is None:
        return "The engine has not answered since the daemon started."
    return f"The engine does not answer; what follows is {age(age_ms)} old."
