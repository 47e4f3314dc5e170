"""`alived explain-keyword`: what a word of the configuration means, from the tables that read it."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator

import click
import msgspec

from alived.config.explain import SEPARATOR, Explanation, explain, words
from alived.config.keywords.table import Status, did_you_mean

WIDTH = 80
"""Lines are not longer than this, on a wider terminal too: long lines are hard to read."""
_LABEL = 12
"""Width of the column of labels."""


@click.command("explain-keyword")
@click.argument("word")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def explain_keyword(word: str, as_json: bool) -> None:
    """Say what WORD means in a configuration, where it stands, what it takes and whether it works here.

    WORD may be a path, such as virtual_server/real_server/weight, if a word means several things.
    Exit status: 0, or 1 if no such keyword exists.
    """
    found = explain(word)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    elif found:
        width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
        click.echo("\n\n".join("\n".join(lines(one, width)) for one in found))
    else:
        last = word.rpartition(SEPARATOR)[2]
        hint = did_you_mean(last, words()) or "alived explain-keyword vrrp_instance lists what stands in that block"
        click.echo(f"no keyword {word!r}\n    hint: {hint}", err=True)
    sys.exit(0 if found else 1)


def lines(one: Explanation, width: int) -> Iterator[str]:
    """An explanation for people."""
    yield click.style(one.keyword, bold=True) + (f" {one.arguments}" if one.arguments else "")
    yield from textwrap.wrap(one.meaning, width, initial_indent="  ", subsequent_indent="  ")
    yield ""
    yield from _row("stands in", ", ".join(block or "the top level" for block in one.blocks), width)
    yield from _row("status", _status(one), width)
    if one.default:
        yield from _row("default", one.default, width)
    if one.since:
        yield from _row("since", f"keepalived {one.since}", width)
    if one.deprecated:
        yield from _row("deprecated", f"write {one.deprecated}", width)
    if one.repeats:
        yield from _row("repeats", "each one is a thing of its own", width)
    yield from _block("example", one.example)
    yield from _block("in YAML", one.yaml)
    if one.inside:
        yield from _row("inside", " ".join(one.inside), width)


def _status(one: Explanation) -> str:
    match one.status:
        case Status.WORKS if one.held_back:
            return f"read and checked; the block around it is not carried out by this version: {one.held_back}"
        case Status.WORKS:
            return "works"
        case Status.NOT_YET:
            return f"read and checked, not carried out by this version: {one.consequence}"
        case Status.NO_EFFECT:
            return f"accepted without effect: {one.consequence}"
        case _:
            return f"refused, an error: {one.consequence}"


def _row(label: str, text: str, width: int) -> list[str]:
    """A label and its text, wrapped beside it."""
    indent = " " * (2 + _LABEL)
    first = f"  {label:{_LABEL}}"
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def _block(label: str, text: str) -> Iterator[str]:
    """A label and lines that stay as they are."""
    for number, line in enumerate(text.splitlines()):
        yield f"  {label if not number else '':{_LABEL}}{line}"
