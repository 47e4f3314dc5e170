"""The numbers of the measures of Raft, with the aims of the project: median and 95th percentile, or the worst."""

from __future__ import annotations

import enum
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from bench.report import Result, columns


class Take(enum.StrEnum):
    MEDIAN = "median"
    P95 = "p95"
    MOST = "most"
    SUM = "sum"


class Number(NamedTuple):
    """A number of a measure. at_most None: stated, no aim; the aims are alived's."""

    what: str
    measure: str
    number: str
    take: Take
    at_most: float | None = None
    unit: str = "ms"
    aimed_daemon: str = "alived"


NUMBERS = (
    Number("last answer of the old owner to first of the new", "raft_failover", "gap_ms", Take.MEDIAN, 200),
    Number("last answer of the old owner to first of the new", "raft_failover", "gap_ms", Take.P95, 300),
    Number("fault to first answer of the new owner", "raft_failover", "takeover_ms", Take.MEDIAN),
    Number("fault to first answer of the new owner", "raft_failover", "takeover_ms", Take.P95),
    Number("answers of the old owner after the first of the new", "raft_failover", "late_answers", Take.SUM, 0, ""),
    Number("last answer of the old owner to first of the new", "raft_transfer", "gap_ms", Take.MEDIAN, 10),
    Number("last answer of the old owner to first of the new", "raft_transfer", "gap_ms", Take.MOST),
    Number("answers of the old owner after the first of the new", "raft_transfer", "late_answers", Take.SUM, 0, ""),
    Number("failure of a tracked script to first answer of the new owner", "raft_reaction", "takeover_ms", Take.MEDIAN),
    Number(
        "from what shows the failure to first answer of the new owner",
        "raft_reaction",
        "known_to_answer_ms",
        Take.MEDIAN,
    ),
    Number("last answer of the old owner to first of the new", "raft_reaction", "gap_ms", Take.MEDIAN),
    Number("answers of the old owner after the first of the new", "raft_reaction", "late_answers", Take.SUM, 0, ""),
    Number("answers of the old owner after the first of the new", "raft_mixed", "late_answers", Take.SUM, 0, ""),
    Number("last answer of the old owner to first of the new", "raft_mixed", "gap_ms", Take.MEDIAN),
    Number("last answer of the old owner to first of the new", "raft_mixed", "gap_ms", Take.P95),
    Number("last answer of the old owner to first of the new", "raft_mixed", "gap_ms", Take.MOST),
    Number("CPU of the leader, idle", "raft_steady", "leader_cpu_pct", Take.MOST, 2, "%"),
    Number("CPU of a follower, idle", "raft_steady", "follower_cpu_pct", Take.MOST, None, "%"),
    Number("memory of the leader, PSS of all processes", "raft_steady", "leader_pss_mb", Take.MOST, None, "MB"),
    Number("memory of the leader, RSS of all processes", "raft_steady", "leader_rss_mb", Take.MOST, None, "MB"),
    Number("changes of the owner", "raft_false", "changes_of_owner", Take.SUM, 0, ""),
    Number("elections", "raft_false", "terms", Take.SUM, 0, ""),
    Number("longest time without an answer", "raft_false", "gap_max_ms", Take.MOST),
    Number("fault to first VIP", "raft_vips", "first_ms", Take.MEDIAN),
    Number("first VIP to last VIP", "raft_vips", "last_after_first_ms", Take.MEDIAN),
    Number("VIPs that never answered", "raft_vips", "unanswered", Take.SUM, 0, ""),
    Number("answers of the old owner after the first of the new", "raft_vips", "late_answers", Take.SUM, 0, ""),
)


class Line(NamedTuple):
    what: str
    case: str
    daemon: str
    value: str
    runs: str
    aim: str
    met: bool | None


def take(values: Sequence[float], how: Take) -> float:
    """One number of several; the 95th percentile is the nearest that was measured."""
    ordered = sorted(values)
    match how:
        case Take.MEDIAN:
            return statistics.median(ordered)
        case Take.P95:
            return ordered[-(-95 * len(ordered) // 100) - 1]
        case Take.MOST:
            return ordered[-1]
        case Take.SUM:
            return sum(ordered)


def raft_lines(results: Sequence[Result]) -> list[Line]:
    """A line for each number and each result that has it. A run in which it never came misses the aim."""
    return [_line(number, result) for number in NUMBERS for result in results if _has(result, number)]


def _has(result: Result, number: Number) -> bool:
    if result.measure != number.measure:
        return False
    return bool(result.error) or any(number.number in row for row in result.rows)


def _line(number: Number, result: Result) -> Line:
    every = [row.get(number.number) for row in result.rows]
    values = [value for value in every if value is not None]
    never = len(every) - len(values)
    aimed = number.at_most is not None and result.daemon == number.aimed_daemon
    aim = f"at most {number.at_most:g} {number.unit}".rstrip() if aimed else ""
    runs = f"{len(every)} runs" + (f", {never} never" if never else "")
    value = f"{take(values, number.take):.4g} {number.unit}".rstrip() if values else result.error[:60] or "never"
    met = None
    if aimed:
        met = bool(values) and not never and not result.error and take(values, number.take) <= (number.at_most or 0)
    return Line(f"{number.what}, {number.take}", _describe(result), result.daemon, value, runs, aim, met)


_WORDS = {
    "fault": "{}",
    "advert_int": "adverts every {:g} s",
    "faults": "{} faults of all kinds",
    "busy": "{} busy processes",
    "vips": "{} VIPs",
    "groups": "{} groups",
}


def _describe(result: Result) -> str:
    """The case in words: what happens, not how often."""
    named = {
        "raft_transfer": ["planned"],
        "raft_steady": ["idle"],
        "raft_vips": ["kill"],
        "raft_reaction": ["script fails"],
    }.get(result.measure, [])
    return ", ".join([*named, *(text.format(result.case[key]) for key, text in _WORDS.items() if key in result.case)])


def raft_table(lines: Sequence[Line]) -> str:
    verdict = {None: "", True: "met", False: "MISSED"}
    heading = ("", "", "", "value", "", "aim", "")
    return columns([heading, *((*line[:-1], verdict[line.met]) for line in lines)])
