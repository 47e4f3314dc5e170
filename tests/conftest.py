"""What holds for all tests: a property is true or false, however slow the machine is; who looks for a mark finds it;
who plays with real processes may stumble once over a machine that stands still."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("alived", deadline=None)
settings.load_profile("alived")

WITH_PROCESSES = {"adapters", "cli", "daemon", "lab"}
"""Packages of tests whose daemons, sockets and timers are real."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if WITH_PROCESSES & {*item.path.parts}:
            item.add_marker(pytest.mark.flaky(reruns=1, rerun_except="TwoOwners"))
    _can_be_found(items)


def _can_be_found(items: list[pytest.Item]) -> None:
    """`make test` finds files with marked tests by their text: one that is marked from elsewhere would never run."""
    for mark in "lab", "simulation":
        for path in {item.path for item in items if item.get_closest_marker(mark)}:
            if f"mark.{mark}" not in path.read_text():
                raise pytest.UsageError(f"{path} has tests with the mark {mark}, but not the words mark.{mark}")
