"""What the exit status of a command means: MISC_CHECK."""

from __future__ import annotations

from alived.health.config import MiscCheck
from alived.health.dialogue import Verdict

WEIGHT_OFFSET = 2
"""misc_dynamic: exit status 2 is weight 0, 255 is weight 253."""


def misc_verdict(check: MiscCheck, status: int) -> Verdict:
    """status: 0..255, or the negative number of the signal that killed it."""
    said = described(status)
    if status == 0:
        return Verdict(True, said)
    if check.misc_dynamic and status >= WEIGHT_OFFSET:
        weight = status - WEIGHT_OFFSET
        return Verdict(True, f"{said}, that is weight {weight}", weight)
    return Verdict(False, said)


def described(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit {status}"
