"""Exit statuses of MISC_CHECK."""

from __future__ import annotations

import pytest

from alived.health.dialogue import Verdict
from alived.health.misc import misc_verdict
from tests.health.test_checker import misc


@pytest.mark.parametrize(
    ("status", "dynamic", "verdict"),
    [
        (0, False, Verdict(True, "exit 0")),
        (1, False, Verdict(False, "exit 1")),
        (7, False, Verdict(False, "exit 7")),
        (-9, False, Verdict(False, "killed by signal 9")),
        (0, True, Verdict(True, "exit 0")),
        (1, True, Verdict(False, "exit 1")),
        (2, True, Verdict(True, "exit 2, that is weight 0", 0)),
        (255, True, Verdict(True, "exit 255, that is weight 253", 253)),
        (-15, True, Verdict(False, "killed by signal 15")),
    ],
)
def test_misc_dynamic(status: int, dynamic: bool, verdict: Verdict) -> None:
    """0 ok and weight as configured, 1 failure, 2..255 ok and weight = status - 2."""
    assert misc_verdict(misc(misc_dynamic=dynamic), status) == verdict
