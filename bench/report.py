"""From runs to tables: every number, and the ratios that the targets are about."""

from __future__ import annotations

import enum
import json
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

Row = dict[str, float | None]


class Spread(NamedTuple):
    """What several runs gave for one number. missing: runs in which it never happened."""

    median: float
    least: float
    most: float
    runs: int
    missing: int

    def __str__(self) -> str:
        if not self.runs:
            return "never"
        text = f"{self.median:.4g}"
        if self.runs > 1:
            text += f" [{self.least:.4g}..{self.most:.4g}]"
        return text + (f" ({self.missing} never)" if self.missing else "")


def spread(values: Sequence[float | None]) -> Spread:
    have = sorted(value for value in values if value is not None)
    missing = len(values) - len(have)
    if not have:
        return Spread(0, 0, 0, 0, missing)
    return Spread(statistics.median(have), have[0], have[-1], len(have), missing)


def summarize(rows: Sequence[Row]) -> dict[str, Spread]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: spread([row.get(key) for row in rows]) for key in keys}


class Result(NamedTuple):
    """A case with one daemon. error: "" or why it has no numbers. other_load_pct: what other programs used
    meanwhile, in percent of one CPU: compare daemons within a run, and trust runs with little of it."""

    measure: str
    case: dict[str, Any]
    daemon: str
    rows: list[Row]
    notes: dict[str, Any]
    error: str
    wall_s: float
    other_load_pct: float

    @property
    def key(self) -> str:
        return json.dumps([self.measure, self.case])


class Kind(enum.Enum):
    RATIO = enum.auto()
    """alived's median over keepalived's."""
    MORE_MS = enum.auto()
    """alived's median less keepalived's, in ms."""
    INTERVALS = enum.auto()
    """alived's most, in advert intervals."""
    MOST = enum.auto()
    """alived's most."""
    LEAST = enum.auto()
    """alived's least."""


class Target(NamedTuple):
    """A number that the project has an aim for. limit None: stated, no aim. Applies to cases that contain `where`."""

    what: str
    measure: str
    where: dict[str, Any]
    number: str
    kind: Kind = Kind.RATIO
    limit: float | None = None
    unit: str = "ms"
    peer: str = "keepalived"


TARGETS = (
    *(
        Target(
            f"takeover after {word}, over theory", "failover", {"action": action}, "over_theory_ms", Kind.MORE_MS, 0.5
        )
        for action, word in (("kill", "kill -9"), ("term", "stop"), ("cable", "pulled cable"))
    ),
    Target("last VIP answers after the first advert", "vips", {"count": 1}, "last_after_advert_ms", Kind.RATIO, 1.0),
    Target("longest gap between adverts while binding", "vips", {"count": 1}, "advert_gap_max_ms", Kind.INTERVALS, 1.5),
    Target("adverts of the third router", "vips", {"routers": 3}, "third_router_adverts", Kind.MOST, 0, ""),
    Target(
        "last instance answers after the first advert", "vips", {"vips": 1}, "last_after_advert_ms", Kind.RATIO, 1.0
    ),
    *(
        Target("CPU per advert sent", "steady", {"count": count}, "master_us_per_advert", Kind.RATIO, 1.0, "us")
        for count in (100, 200, 1000)
    ),
    *(
        Target("CPU per advert received", "steady", {"count": count}, "backup_us_per_advert", Kind.RATIO, 1.3, "us")
        for count in (100, 200, 1000)
    ),
    Target("share of the adverts sent", "steady", {}, "share_of_adverts", Kind.LEAST, 0.99, ""),
    Target(
        "false changes of master", "false_failover", {"scheduling": "realtime"}, "changes_of_master", Kind.MOST, 0, ""
    ),
    Target("false changes of master", "false_failover", {"scheduling": "default"}, "changes_of_master", unit=""),
    Target("false changes of master", "false_failover", {"scheduling": "normal"}, "changes_of_master", unit=""),
    Target("longest gap between adverts", "false_failover", {}, "gap_max_ms"),
    Target("start: first advert", "load", {}, "first_ms"),
    Target("start: last instance's first advert", "load", {}, "last_ms"),
    Target("reload: last instance's next advert", "reload", {}, "last_instance_ms"),
    Target("reload: longest gap between adverts", "reload", {}, "advert_gap_max_ms", Kind.INTERVALS, 1.5),
    Target("reload: CPU of it", "reload", {}, "extra_cpu_ms"),
    Target("check: whole process", "check", {}, "check_ms"),
    Target("check: the reader alone", "check", {}, "reader_ms"),
    Target("CPU per run of a script, its own included", "scripts", {}, "us_per_run", Kind.RATIO, 1.0, "us"),
    Target("scripts: 99 % begin this near to their time", "scripts", {}, "late_p99_ms"),
    Target("scripts: most in 100 ms", "scripts", {}, "most_in_100_ms", unit=""),
    Target("scripts: memory (PSS of all processes)", "scripts", {}, "pss_mb", unit="MB"),
    *(
        Target(
            f"from what shows the failure to priority 0, {tracker}",
            "reaction",
            {"tracker": tracker},
            "known_to_released_ms",
        )
        for tracker in ("script", "process")
    ),
    *(
        Target(
            f"from the failure to the answer elsewhere, {tracker}",
            "reaction",
            {"tracker": tracker},
            "failed_to_answer_ms",
        )
        for tracker in ("script", "process", "check")
    ),
    Target("from priority 0 to the answer, over Skew_Time", "reaction", {}, "answer_over_theory_ms", Kind.MORE_MS),
    Target("longest gap between adverts", "adverts_under_checks", {}, "gap_max_ms", Kind.INTERVALS, 1.5),
    Target(
        "the same without what the machine withheld",
        "adverts_under_checks",
        {},
        "gap_max_of_the_daemon_ms",
        Kind.INTERVALS,
        1.5,
    ),
    Target("gaps above 1.5 intervals", "adverts_under_checks", {}, "gaps_over_1.5_intervals", Kind.MOST),
    Target("the same of a bare timer beside it", "adverts_under_checks", {}, "bare_gaps_over_1.5_intervals", Kind.MOST),
    *(
        Target(f"CPU per check, beside {peer}", "checks", {}, "us_per_check", unit="us", peer=peer)
        for peer in ("haproxy", "asyncio")
    ),
    Target("checks: 99 % begin this near to their time", "checks", {}, "late_p99_ms", Kind.MOST, 20, peer="haproxy"),
    Target("memory of the master (PSS of all processes)", "steady", {}, "master_pss_mb", unit="MB"),
    Target("memory of the backup (PSS of all processes)", "steady", {}, "backup_pss_mb", unit="MB"),
)


class Line(NamedTuple):
    """A row of the table of ratios."""

    what: str
    case: str
    keepalived: str
    alived: str
    comparison: str
    target: str
    met: bool | None


def describe(case: dict[str, Any]) -> str:
    """A case in words: what changes between cases, not how long it takes."""
    words = {
        "action": "{}",
        "count": "{} instances",
        "vips": "{} VIPs",
        "advert_int": "{:g} s",
        "routers": "{} routers",
        "busy": "{} busy processes",
        "priority": "priority {}",
        "scheduling": "scheduling {}",
        "kind": "{}",
        "tracker": "{}",
        "targets": "{} servers",
        "programs": "{} scripts a second",
        "user": "of {}",
    }
    shown = {key: value for key, value in case.items() if not (key in ("count", "vips") and value == 1)}
    return ", ".join(text.format(shown[key]) for key, text in words.items() if key in shown)


def compare(target: Target, ours: Spread, theirs: Spread, advert_int: float) -> tuple[str, str, bool | None]:
    """(comparison, target, met) of one number."""
    if not ours.runs:
        return "-", "must happen", False
    match target.kind:
        case Kind.RATIO:
            if not theirs.runs or not theirs.median:
                return "-", "", None
            value, text, limit = ours.median / theirs.median, "x{:.2f}", "x{:.2f}"
        case Kind.MORE_MS:
            if not theirs.runs:
                return "-", "", None
            value, text, limit = ours.median - theirs.median, "{:+.2f} ms", "{:+.1f} ms"
        case Kind.INTERVALS:
            value, text, limit = ours.most / (1e3 * advert_int), "{:.2f} intervals", "{:.1f} intervals"
        case Kind.MOST:
            value, text, limit = ours.most, "{:.4g}", "{:.4g}"
        case Kind.LEAST:
            value, text, limit = ours.least, "{:.4g}", "{:.4g}"
    if target.limit is None:
        return text.format(value), "", None
    sign, met = (
        ("at least ", value >= target.limit) if target.kind is Kind.LEAST else ("at most ", value <= target.limit)
    )
    return text.format(value), sign + limit.format(target.limit), met


def ratios(results: Sequence[Result]) -> list[Line]:
    """A line for each target and each case of it that both daemons played."""
    by_case: dict[str, dict[str, Result]] = {}
    for result in results:
        by_case.setdefault(result.key, {})[result.daemon] = result
    lines = []
    for target in TARGETS:
        for pair in by_case.values():
            ours, theirs = pair.get("alived"), pair.get(target.peer)
            if ours is None or theirs is None or ours.measure != target.measure:
                continue
            if all(ours.case.get(key) == value for key, value in target.where.items()):
                lines.append(_line(target, ours, theirs))
    return lines


def _line(target: Target, ours: Result, theirs: Result) -> Line:
    empty = spread([None])
    own, other = (summarize(result.rows).get(target.number, empty) for result in (ours, theirs))
    comparison, limit, met = compare(target, own, other, ours.case.get("advert_int", 0))
    if ours.error:
        comparison, met = ours.error[:60], False
    unit = f" {target.unit}" if target.unit else ""
    return Line(target.what, describe(ours.case), f"{other}{unit}", f"{own}{unit}", comparison, limit, met)


def ratio_table(lines: Sequence[Line]) -> str:
    heading = ("", "", "peer", "alived", "alived to peer", "target", "")
    verdict = {None: "", True: "met", False: "MISSED"}
    return columns([heading, *((*line[:-1], verdict[line.met]) for line in lines)])


def full_table(results: Sequence[Result]) -> str:
    """A block for each case: a row for each number, a column for each daemon."""
    blocks = []
    for key in dict.fromkeys(result.key for result in results):
        same = [result for result in results if result.key == key]
        summaries = [summarize(result.rows) for result in same]
        case = ", ".join(f"{name} {value}" for name, value in same[0].case.items())
        grid = [(f"{same[0].measure}: {case}", *(result.daemon for result in same))]
        numbers = dict.fromkeys(number for summary in summaries for number in summary)
        grid += [(f"  {number}", *(str(summary.get(number, "-")) for summary in summaries)) for number in numbers]
        notes = dict.fromkeys(note for result in same for note in result.notes)
        grid += [(f"  {note}", *(str(result.notes.get(note, "-")) for result in same)) for note in notes]
        grid += [("  error", *(result.error[:60] for result in same))] if any(r.error for r in same) else []
        grid.append(("  (other load, % of a CPU)", *(f"{result.other_load_pct:.0f}" for result in same)))
        blocks.append(columns(grid))
    return "\n\n".join(blocks)


def columns(grid: Sequence[Sequence[str]]) -> str:
    """Columns by spaces."""
    widths = [max(map(len, column)) for column in zip(*grid)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in grid)


def as_json(about: dict[str, Any], results: Sequence[Result]) -> str:
    found = {
        "about": about,
        "ratios": [line._asdict() for line in ratios(results)],
        "results": [
            {
                **result._asdict(),
                "summary": {number: value._asdict() for number, value in summarize(result.rows).items()},
            }
            for result in results
        ],
    }
    return json.dumps(found, indent=1) + "\n"
