"""Pipes, mail and webhooks for people: a line each, and one more for each trouble."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alived.cli.asking import Json
from alived.cli.words import loud


def pipe_lines(found: Sequence[Json]) -> Iterator[str]:
    for one in found:
        what = "open" if one["open"] else loud("not open")
        age = "" if one["fresh"] else loud(" (the worker does not answer: old)")
        waiting = f", {one['waiting']} lines wait" if one["waiting"] else ""
        dropped = loud(f", {one['dropped']} lines dropped") if one["dropped"] else ""
        script = ""
        if one["script"]:
            runs = "runs" if one["script_runs"] else loud("does not run")
            script = f"; {one['script']} {runs}, started {one['script_starts']} times"
        yield f"{one['keyword']} {one['path']}: {what}{waiting}{dropped}{script}{age}"


def receiver_lines(found: Sequence[Json]) -> Iterator[str]:
    for one in found:
        last = "never" if one["last_success_s"] is None else f"{one['last_success_s']:g} s ago"
        state = one["state"] if one["state"] in ("idle", "sending") else loud(one["state"])
        counts = "".join(f", {one[key]} {key}" for key in ("delivered", "refused", "dropped") if one[key])
        yield f"notify {one['name']}: {state}, {one['waiting']} waiting, last taken {last}{counts}"
        if one["waiting"] and one["next_in_s"] is not None:
            yield loud(f"    attempt {one['attempt']} failed, again in {one['next_in_s']:g} s: {one['last_error']}")
        elif one["last_error"]:
            yield f"    last error {one['last_error_s']:g} s ago: {one['last_error']}"
        yield from map(_late_line, one["late"])
        if one["at_risk"]:
            yield loud(f"    {one['at_risk']} of them in memory only")
        if one["disk"]:
            yield loud(f"    disk: {one['disk']}")


def _late_line(late: Json) -> str:
    """Of a recipient that waits alone, while others have got it."""
    again = "being tried now" if late["next_in_s"] is None else f"again in {late['next_in_s']:g} s"
    why = f": {late['last_error']}" if late["last_error"] else ""
    return loud(
        f"    {late['recipient']}: {late['waiting']} waiting for it alone, attempt {late['attempt']}, {again}{why}"
    )
