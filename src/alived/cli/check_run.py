"""`alived check run NAME`: performs one check now and explains what comes of it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import click

from alived.adapters.control_client import NotRunning, ask
from alived.adapters.runtime_dir import SOCKET_FILE, choose
from alived.cli.asking import Json
from alived.cli.reading import ReadingOptions, reading_options
from alived.cli.words import bold, loud

EXIT_OK, EXIT_FAILED, EXIT_NOT_PERFORMED = 0, 1, 2
LIMIT_S = 310.0
"""More than the daemon takes."""
_MARKS = {"sent": "> ", "heard": "< ", "happened": "* "}


class NotPerformed(click.ClickException):
    """There is no such check, or nobody who could ask."""

    exit_code = EXIT_NOT_PERFORMED


@click.command()
@click.argument("name", metavar="NAME")
@click.option("-f", "--config", "file", metavar="FILE", help="Of this configuration, without a daemon.")
@reading_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--runtime-dir", metavar="DIR", help="Default: $ALIVED_RUNTIME_DIR or /run/alived.")
def run(name: str, file: str | None, reading: ReadingOptions, as_json: bool, runtime_dir: str | None) -> None:
    """Perform the check NAME now and explain the verdict: who was asked, what was sent and heard, what decided.

    NAME is that of a check, as `alived status` shows it, or a part of it that no other has. The running daemon performs
    it as it always does: same process, same user, same addresses. With -f no daemon is asked. No verdict changes by it.

    Exit status: 0 the check succeeded, 1 it failed, 2 it could not be performed, or wrong usage. To check a
    configuration file that is called "run": alived check ./run
    """
    found = _here(file, name, reading) if file is not None else _in_the_daemon(choose(runtime_dir), name)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        for line in report_lines(found):
            click.echo(line)
    sys.exit(EXIT_NOT_PERFORMED if found["ok"] is None else EXIT_OK if found["ok"] else EXIT_FAILED)


def _in_the_daemon(directory: str, name: str) -> Json:
    try:
        answer = ask(directory, SOCKET_FILE, "check-run", {"name": name}, LIMIT_S)
    except NotRunning as error:
        raise NotPerformed(f"{error}; with -f FILE no daemon is needed") from error
    if not answer["ok"]:
        raise NotPerformed(answer["error"])
    result: Json = answer["result"]
    return result


def _here(file: str, name: str, reading: ReadingOptions) -> Json:
    from alived.base import Severity
    from alived.cli.check_here import perform
    from alived.config.load import load
    from alived.daemon.worker.check_run import NoSuchCheck

    loaded = load(file, reading.read_options())
    errors = [found for found in loaded.diagnostics if found.severity is Severity.ERROR]
    if loaded.config is None or errors:
        raise NotPerformed("\n".join([f"{file} cannot run:", *map(str, errors)]))
    try:
        return perform(loaded.config, name)
    except NoSuchCheck as error:
        raise NotPerformed(str(error)) from error


def report_lines(report: Json) -> Iterator[str]:
    yield f"{bold(report['name'])}: {report['kind']} {report['target']}, time for an answer {report['timeout_s']:g} s"
    for stage in report["stages"]:
        if stage["url"]:
            yield f"  {bold(stage['url'])}"
        yield from _stage_lines(stage)
    meaning = report["meaning"][:1].upper() + report["meaning"][1:]
    yield f"{_conclusion(report)}. {meaning}; this run changed nothing."


def _stage_lines(stage: Json) -> Iterator[str]:
    for speech in stage["said"]:
        mark = _MARKS[speech["side"]]
        for line in speech["lines"]:
            yield f"  {mark}{line}"
        shown = sum(len(line) + 2 for line in speech["lines"])
        if speech["side"] != "happened" and speech["octets"] > shown + 2:
            yield f"  {mark}... {speech['octets']} octets in all"
    if stage["left_out"]:
        yield f"  ... and {stage['left_out']} pieces more"
    for line in stage["output"]:
        yield f"  | {line}"
    if stage["certificate_until"] is not None:
        day = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(stage["certificate_until"]))
        yield f"  the certificate of the server expires on {day}"
    yield f"  {_ended(stage)} after {stage['took_ms']:g} ms: {stage['reason']}"


def _ended(stage: Json) -> str:
    if stage["ok"] is None:
        return loud("could not ask")
    return click.style("succeeded", fg="green", bold=True) if stage["ok"] else loud("failed")


def _conclusion(report: Json) -> str:
    match report["ok"]:
        case None:
            return loud("This machine could not ask, which says nothing about the server")
        case True:
            return f"{report['subject']} {click.style('succeeded', fg='green', bold=True)}"
        case _:
            return f"{report['subject']} {loud('failed')}"
