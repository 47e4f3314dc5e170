"""What is played on the stage of the demo: one fault, or one repair."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


def at_once() -> bool:
    """Nothing is waited for."""
    return True


class Step(msgspec.Struct, frozen=True):
    """A fault or its repair. owners: the nodes of which one, and only one, must have the VIP afterwards."""

    title: str
    act: Callable[[], object]
    owners: tuple[str, ...]
    theory_s: tuple[float, float] | None
    """From the fault to the new owner's first frame: least and most. None: the owner stays."""
    note: str = ""
    never_two: bool = False
    """Whether it counts as a failure if the old owner answers after the new one"""
    done: Callable[[], bool] = at_once
    """Whether what was repaired takes part again: the next step waits for that"""
