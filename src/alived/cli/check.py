"""`alived check`: all findings of configuration files, for people and for programs."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence

import click
import msgspec

from alived.base import Diagnostic
from alived.cli.check_files import STDIN, expand
from alived.cli.check_report import FileReport, Report, exit_status, file_report, lines
from alived.cli.excerpt import Excerpts
from alived.cli.reading import ReadingOptions, reading_options
from alived.cli.this_machine import ThisMachine
from alived.config.findings import Findings
from alived.config.instances.plan import Plan
from alived.config.load import Loaded, load
from alived.config.rules.here import Machine, Survey, Unverified, survey
from alived.config.rules.nodes import clusters
from alived.config.rules.rivalry import compare, unknown_nodes
from alived.config.text.tokens import MAX_BYTES
from alived.config.this_host import ThisHost, read_file


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@reading_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--here", "is_here", is_flag=True, help="The files are for this machine: what it lacks is a finding.")
@click.option("--cluster", "as_nodes", flag_value="cluster", help="The files are nodes of one cluster.")
@click.option("--separate", "as_nodes", flag_value="separate", help="The files have nothing to do with each other.")
def check(files: tuple[str, ...], reading: ReadingOptions, as_json: bool, is_here: bool, as_nodes: str | None) -> None:
    """Check configuration files: keepalived.conf, YAML or TOML, told by their content.

    FILE may be a directory, a pattern or - for standard input. Files that name the same virtual router, or each other
    as peers, are compared as nodes of one cluster.

    Needs no root, no interfaces and no running daemon; what it could not verify it says. Exit status: 0 clean, 3 it
    runs with warnings, 1 it will not run, 2 wrong usage.
    """
    paths = expand(files)
    read = functools.cache(_read)
    options = reading.read_options()
    loaded = {path: load(path, options, ThisHost(read)) for path in paths}
    report = examine(loaded, ThisMachine(), is_here, as_nodes)
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        for line in lines(report, Excerpts(read)):
            click.echo(line, color=False if "NO_COLOR" in os.environ else None)
    sys.exit(exit_status(one.verdict for one in report.files))


def _read(path: str) -> bytes:
    return sys.stdin.buffer.read(MAX_BYTES + 1) if path == STDIN else read_file(path)


def examine(loaded: dict[str, Loaded], machine: Machine, is_here: bool, as_nodes: str | None) -> Report:
    """Findings of the files themselves, of the machine and of the files together."""
    plans = {path: one.plan for path, one in loaded.items() if one.plan is not None}
    surveys = {path: survey(plan, machine, is_here) for path, plan in plans.items()}
    together = _together(list(plans.values()), as_nodes)
    across = [(cluster, list(compare(cluster)), list(unknown_nodes(cluster))) for cluster in together]
    reports = [
        _report(path, one, surveys.get(path, Survey((), ())), _of_cluster(one.plan, across))
        for path, one in loaded.items()
    ]
    return Report(tuple(reports), tuple(tuple(plan.location.file for plan in cluster) for cluster in together))


def _together(plans: Sequence[Plan], as_nodes: str | None) -> list[tuple[Plan, ...]]:
    """Groups of two files and more."""
    if as_nodes == "separate":
        return []
    found = [tuple(plans)] if as_nodes == "cluster" else clusters(plans)
    return [cluster for cluster in found if len(cluster) > 1]


Across = tuple[tuple[Plan, ...], list[tuple[Plan, Diagnostic]], list[tuple[Plan, Unverified]]]


def _of_cluster(plan: Plan | None, across: Sequence[Across]) -> Survey:
    """What the comparison says about one of the files."""
    found = [diagnostic for _, all_found, _ in across for whose, diagnostic in all_found if whose is plan]
    unverified = [one for _, _, all_unverified in across for whose, one in all_unverified if whose is plan]
    return Survey(tuple(found), tuple(unverified))


def _report(path: str, loaded: Loaded, here: Survey, cluster: Survey) -> FileReport:
    findings = Findings()
    findings.extend((*loaded.diagnostics, *here.diagnostics, *cluster.diagnostics))
    return file_report(path, loaded.config is not None, findings.sorted(), (*here.unverified, *cluster.unverified))
