"""The table of ratios: what a target compares, and when it is met."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.report import Kind, Result, Spread, Target, as_json, compare, full_table, ratio_table, ratios, spread


def result(daemon: str, error: str = "", measure: str = "failover", **numbers: list[float | None]) -> Result:
    rows: list[dict[str, float | None]] = [dict(zip(numbers, row)) for row in zip(*numbers.values())]
    case: dict[str, Any] = {"advert_int": 0.1, "action": "kill"}
    return Result(measure, case, daemon, rows, {}, error, 1.0, 0)


def test_a_spread_counts_what_never_happened() -> None:
    assert spread([3.0, None, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0, 3, 1)
    assert str(spread([3.0, None, 1.0, 2.0])) == "2 [1..3] (1 never)"
    assert str(spread([None])) == "never"
    assert str(spread([0.25])) == "0.25"


ONE, TWO = spread([1.0, 1.0, 3.0]), spread([2.0])


@pytest.mark.parametrize(
    ("kind", "limit", "expected"),
    [
        (Kind.RATIO, 0.5, ("x0.50", "at most x0.50", True)),
        (Kind.RATIO, 0.4, ("x0.50", "at most x0.40", False)),
        (Kind.RATIO, None, ("x0.50", "", None)),
        (Kind.MORE_MS, 0.5, ("-1.00 ms", "at most +0.5 ms", True)),
        (Kind.INTERVALS, 1.5, ("3.00 intervals", "at most 1.5 intervals", False)),
        (Kind.MOST, 0, ("3", "at most 0", False)),
        (Kind.LEAST, 0.99, ("1", "at least 0.99", True)),
    ],
)
def test_a_target_is_met_or_missed(kind: Kind, limit: float | None, expected: tuple[str, str, bool | None]) -> None:
    target = Target("what", "failover", {}, "number", kind, limit)
    assert compare(target, ONE, TWO, advert_int=0.001) == expected


def test_what_never_happened_with_alived_misses_its_target() -> None:
    target = Target("what", "failover", {}, "number", Kind.RATIO, 1.0)
    assert compare(target, spread([None]), TWO, 0.1)[2] is False


def test_the_table_has_a_line_for_each_case_that_both_played() -> None:
    both = [result("keepalived", over_theory_ms=[0.1, 0.3]), result("alived", over_theory_ms=[0.5, 0.7])]
    (line,) = ratios(both)
    assert line.comparison == "+0.40 ms"
    assert line.met is True
    assert "takeover after kill -9" in ratio_table([line])
    assert "met" in ratio_table([line])
    assert ratios(both[:1]) == []


def test_an_error_of_alived_is_a_missed_target_and_is_shown() -> None:
    both = [result("keepalived", over_theory_ms=[0.1]), result("alived", error="NotSettled: 0 of 1")]
    (line,) = ratios(both)
    assert line.met is False
    assert "NotSettled" in line.comparison
    assert "NotSettled" in full_table(both)


def test_the_json_holds_every_run() -> None:
    both = [result("keepalived", over_theory_ms=[0.1, 0.3]), result("alived", over_theory_ms=[0.5, None])]
    found = json.loads(as_json({"kernel": "x"}, both))
    assert [row["over_theory_ms"] for row in found["results"][1]["rows"]] == [0.5, None]
    assert found["results"][1]["summary"]["over_theory_ms"]["missing"] == 1
    assert found["ratios"][0]["what"] == "takeover after kill -9, over theory"
