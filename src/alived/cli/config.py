"""`alived config show`: the configuration as it is said, or as it will run, each value with its origin.
`alived config schema`: the JSON Schema of the native document."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import click
import msgspec
from click.core import ParameterSource

from alived.adapters.runtime_dir import DEFAULT
from alived.base import Location, Severity
from alived.cli.groups import Group
from alived.cli.reading import ReadingOptions, reading_options
from alived.cli.run import run
from alived.config.effective.sections import Entry, Kind, Origin, Section
from alived.config.effective.show import show_effective, show_said
from alived.config.effective.values import in_words
from alived.config.findings import Findings
from alived.config.load import THIS_HOST, load, load_tree
from alived.config.model import Config
from alived.config.product import LogFormat

VALUE_WIDTH = 34
GAP = 2
INDENT = "  "


@click.group(cls=Group)
def config() -> None:
    """Show the values of a configuration, or what any configuration may say."""


@config.command()
def schema() -> None:
    """Print the JSON Schema of the native document (YAML, TOML, JSON), by which editors complete and check it."""
    from alived.config.documents.schema import schema_text

    click.echo(schema_text(), nl=False)


@config.command()
@click.argument("file", metavar="FILE")
@click.option("--effective", is_flag=True, help="With defaults, and with what became of what is said.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@reading_options
def show(file: str, effective: bool, as_json: bool, reading: ReadingOptions) -> None:
    """Show the values of FILE and where each comes from.

    The command line (--set) wins over the environment (ALIVED_SET_*), both win over the file, and the file wins over
    the defaults. Passwords are not shown. Exit status: 0, or 1 if FILE has errors.
    """
    options = reading.read_options()
    loaded = load(file, options)
    if loaded.config is None:
        for found in loaded.diagnostics:
            if found.severity is Severity.ERROR:
                click.echo(str(found), err=True)
        click.echo(f"{file} has errors: nobody can say what would run", err=True)
        sys.exit(1)
    tree = load_tree(file, Findings(), options)
    sections = (_daemon(file, loaded.config), *show_effective(tree, loaded)) if effective else show_said(tree)
    if as_json:
        click.echo(msgspec.json.encode({"file": file, "effective": effective, "sections": list(map(_json, sections))}))
    else:
        for line in _lines(sections):
            click.echo(line)


def _daemon(file: str, meaning: Config) -> Section:
    """What `alived run` would take from here: its options that have a variable of the environment."""
    context = click.get_current_context()
    defaults = {"runtime_dir": DEFAULT, "config_id": THIS_HOST.name().partition(".")[0], "log_format": LogFormat.TEXT}
    entries = []
    for option in run.params:
        variable, name = option.envvar, option.name
        if not isinstance(variable, str) or name is None or option.required:
            continue
        value = option.value_from_envvar(context)
        origin = Origin(Kind.DEFAULT) if value is None else Origin(Kind.SAID, Location(f"environment {variable}"))
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            value, origin = context.params[name], Origin(Kind.SAID, Location(option.opts[-1]))
        if value is None and name == "log_format" and meaning.logging is not None:
            value, origin = meaning.logging.format, Origin(Kind.SAID, Location(file))
        if value is None:
            value = defaults.get(name) or option.get_default(context)
        entries.append(Entry(option.opts[-1].lstrip("-"), in_words(value), origin))
    return Section("alived run", Origin(Kind.DEFAULT), tuple(entries))


class _Row(NamedTuple):
    """A line of the report; value None: the words of a block, which have the width of two columns."""

    left: str
    value: str | None
    origin: str


def _lines(sections: Iterable[Section]) -> Iterator[str]:
    """Three columns; a value that is longer than most pushes its origin to the right."""
    blocks = [list(_rows(section, "")) for section in sections]
    values = [row for rows in blocks for row in rows if row.value is not None]
    left = max((len(row.left) for row in values), default=0) + GAP
    middle = min(VALUE_WIDTH, max((len(row.value or "") for row in values), default=0)) + GAP
    for number, rows in enumerate(blocks):
        if number:
            yield ""
        for row in rows:
            if row.value is None:
                pad = " " * max(GAP, left + middle - len(row.left)) if row.origin else ""
                yield f"{click.style(row.left, bold=True)}{pad}{row.origin}"
            else:
                yield f"{row.left:{left}}{row.value:{middle - GAP}}{' ' * GAP}{row.origin}"


def _rows(section: Section, indent: str) -> Iterator[_Row]:
    if section.title:
        # Everything has a place but the options of the daemon.
        yield _Row(indent + section.title, None, str(section.origin) if section.origin.place else "")
        indent += INDENT
    keyword = ""
    for entry in section.entries:
        shown = entry.keyword if entry.keyword != keyword else ""
        yield _Row(indent + shown, entry.value, str(entry.origin))
        keyword = entry.keyword
    for inner in section.sections:
        yield from _rows(inner, indent)


def _json(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "origin": _origin(section.origin),
        "entries": [
            {"keyword": entry.keyword, "value": entry.value, "origin": _origin(entry.origin)}
            for entry in section.entries
        ],
        "sections": [_json(inner) for inner in section.sections],
    }


def _origin(origin: Origin) -> dict[str, Any]:
    """place is the text "--set PATH" or "environment NAME", with line 0, for what is not said in a file."""
    place = origin.place
    where = {"place": place.file, "line": place.line, "column": place.column} if place else {}
    return {"kind": origin.kind, **where, "note": origin.note}
