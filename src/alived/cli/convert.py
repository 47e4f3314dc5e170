"""`alived convert`: a configuration in another language, saying the same."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from typing import NoReturn

import click

from alived.base import Diagnostic, Severity
from alived.cli.reading import ReadingOptions, reading_options
from alived.config.findings import Findings
from alived.config.load import THIS_HOST, ReadOptions, load, load_text, load_tree
from alived.config.text.blocks import Tree
from alived.config.write.expansions import expansions
from alived.config.write.languages import LANGUAGES, write


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--to", "language", required=True, type=click.Choice(LANGUAGES), help="The language to write.")
@click.option("-o", "--output", metavar="OUT", help="Write to this file, which appears at once and whole.")
@click.option("--force", is_flag=True, help="Write even over FILE itself.")
@reading_options
def convert(file: str, language: str, output: str | None, force: bool, reading: ReadingOptions) -> None:
    """Write FILE in another language: keepalived.conf, YAML or TOML, with its comments.

    Includes, conditions, definitions and sequences are written out as what they stand for on this node. The result is
    read again before it is shown: it gives the same effective configuration, or there is none. What the other language
    cannot say is an error; what is left out because it says nothing is listed on standard error.

    Exit status: 0, 1 if FILE has errors or cannot be converted, 2 wrong usage.
    """
    if output is not None and not force and _same_file(file, output):
        raise click.UsageError("this would overwrite the original: take another name, or --force")
    text = converted(file, language, reading.read_options())
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        write_at_once(output, text, like=file)
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}") from error


def converted(file: str, language: str, options: ReadOptions) -> str:
    """The text in the other language. Ends the process with status 1, after saying why, if there is none."""
    before = load(file, options)
    if before.config is None:
        _report(found for found in before.diagnostics if found.severity is Severity.ERROR)
        _refuse(f"{file} has errors: it is not converted, for nobody knows what it shall say")
    findings = Findings()
    tree = load_tree(file, Findings(), options, comments=True)
    text = write(tree, language, findings)
    for note in _notes(tree, file, options):
        click.echo(f"{file}: note: {note}", err=True)
    _report(findings.sorted())
    if findings.has_errors:
        _refuse(f"{file} says what {language} cannot say: it is not converted")
    after = load_text(text, f"{file} as {language}")
    if after.config != before.config:
        _report(found for found in after.diagnostics if found.severity is Severity.ERROR)
        _refuse(f"{file} would say something else in {language}: it is not converted. Please report this")
    return text


def _notes(tree: Tree, file: str, options: ReadOptions) -> list[str]:
    own_id = THIS_HOST.name().partition(".")[0] if options.config_id is None else options.config_id
    try:
        return list(expansions(tree, file, THIS_HOST, own_id))
    except OSError as error:  # it was there a moment ago
        _refuse(f"{error.filename}: {error.strerror}")


def _report(diagnostics: Iterable[Diagnostic]) -> None:
    for found in diagnostics:
        click.echo(str(found), err=True)


def _refuse(message: str) -> NoReturn:
    raise click.ClickException(message)


def _same_file(one: str, other: str) -> bool:
    with contextlib.suppress(OSError):  # one of them does not exist
        return os.path.samefile(one, other)
    return False


def write_at_once(path: str, text: str, like: str) -> None:
    """Writes a file so that it is there as a whole or not at all. It keeps the mode that it had; a new one may be read
    by nobody who may not read `like`, for there may be a password in it. Raises OSError."""
    target = os.path.realpath(path)
    mode = os.stat(target if os.path.exists(target) else like).st_mode & 0o666
    fd, temporary = tempfile.mkstemp(prefix=".alived-", dir=os.path.dirname(target))
    try:
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
