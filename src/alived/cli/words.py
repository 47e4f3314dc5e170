"""How commands show a thing: its name, its state, its addresses, its age."""

from __future__ import annotations

from collections.abc import Iterator

import click

from alived.base import in_brief
from alived.cli.asking import Json

COLOURS = {
    "MASTER": "green",
    "BACKUP": "cyan",
    "FAULT": "red",
    "INIT": "yellow",
    "unknown": "magenta",
    "up": "green",
    "down": "red",
}


def bold(name: str) -> str:
    return click.style(name, bold=True)


def loud(text: str) -> str:
    return click.style(text, fg="red", bold=True)


def state(thing: Json) -> str:
    text = click.style(thing["state"], fg=COLOURS.get(thing["state"]), bold=True)
    if thing["state"] == "unknown" and thing["last_known_state"]:
        text += f" (was {thing['last_known_state']})"
    return text + (f" for {span(thing['since_s'])}" if thing.get("since_s") is not None else "")


def vip_lines(vips: Json) -> Iterator[str]:
    held = [v for v in vips["wanted"] if v not in vips["missing"]]
    if held:
        yield f"    addresses: {few(held)}"
    if vips["missing"]:
        yield "    " + loud(f"MISSING: {few(vips['missing'])}")
    if vips["unexpected"]:
        yield "    " + loud(f"HERE BUT NOT OURS NOW: {few(vips['unexpected'])}")


def few(texts: list[str], limit: int = 6) -> str:
    return in_brief(texts, limit, ", ")


def age(age_ms: int) -> str:
    return f"{age_ms} ms" if age_ms < 10_000 else span(age_ms / 1000)


def span(seconds: float) -> str:
    """3.2 s, 4 min 10 s, 5 h 3 min, 12 d 4 h"""
    if seconds < 60:
        return f"{seconds:.1f} s"
    for unit, size, smaller, small in (("min", 60, "s", 1), ("h", 3600, "min", 60), ("d", 86400, "h", 3600)):
        if seconds < size * (24 if unit == "h" else 60) or unit == "d":
            whole, rest = divmod(int(seconds), size)
            return f"{whole} {unit} {rest // small} {smaller}"
    raise AssertionError("days have no limit")
