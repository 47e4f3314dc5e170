"""What counts as late, and as drift."""

from __future__ import annotations

import pytest

from bench.times import busiest, drift_ms, late_ms, punctuality


def test_late_is_after_the_grid_of_the_earliest() -> None:
    assert late_ms([10.020, 11.0, 12.005, 13.0]) == pytest.approx([20, 0, 5, 0])


def test_a_missed_interval_is_not_late() -> None:
    assert late_ms([10.0, 11.0, 13.001]) == pytest.approx([0, 0, 1])


def test_drift() -> None:
    assert drift_ms([10.0, 11.1, 12.2]) == pytest.approx(100)


def test_the_busiest_window() -> None:
    assert busiest([0.01, 0.05, 0.15, 0.16, 0.17, 0.31]) == 3
    assert busiest([]) == 0


def test_one_that_began_once_says_nothing_about_punctuality() -> None:
    numbers = punctuality({1: [0.0, 1.0, 2.03], 2: [0.5]})
    assert numbers["late_max_ms"] == pytest.approx(30)
    assert numbers["late_p50_ms"] == pytest.approx(0)
    assert numbers["most_in_100_ms"] == 1
