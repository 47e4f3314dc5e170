"""Defaults of announcements in `global_defs` that are not what they seem."""

from __future__ import annotations

from collections.abc import Iterator

from alived.base import Diagnostic
from alived.config.instances.plan import Plan
from alived.config.rules.report import warning


def zero_repeats(plan: Plan) -> Iterator[Diagnostic]:
    """0 was allowed by keepalived before 2.0.7 and means 1 since; for an instance the reader says the same."""
    for field in ("garp_master_repeat", "garp_master_refresh_repeat"):
        if plan.defaults.get(field) == 0:
            message = f"vrrp_{field} 0: 1 is used, an address that nobody hears of is of no use"
            yield warning(plan.defaults.place(field), "out-of-range", message, f"vrrp_{field} 1")
