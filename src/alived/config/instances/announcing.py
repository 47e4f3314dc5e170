"""Draft -> GarpPolicy: when neighbours are told, with keepalived's chain of defaults."""

from __future__ import annotations

from alived.base import NS_PER_S
from alived.config.instances.draft import Draft
from alived.config.keywords.shapes import GarpExtra
from alived.config.keywords.table import Settings
from alived.vip.config import GarpPolicy

_KEEPALIVED = GarpPolicy()
_NO_EXTRA = GarpExtra(0, False)


def garp_policy(draft: Draft) -> GarpPolicy:
    """`garp_*` of the instance, else `vrrp_garp_*`. The `lower_prio` ones fall back to the *global* master ones."""
    delay, repeat, refresh, refresh_repeat = _master_defaults(draft.defaults)
    settings, defaults = draft.settings, draft.defaults
    lower_repeat: int = defaults.get("garp_lower_prio_repeat", repeat)
    lower_delay: int = defaults.get("garp_lower_prio_delay", delay)
    if draft.strict:
        lower_repeat, lower_delay = _strict(draft)
    extra: GarpExtra = draft.get("garp_extra_if", _NO_EXTRA)
    return GarpPolicy(
        master_delay_ns=settings.get("garp_master_delay", delay),
        master_repeat=_at_least_one(draft, "garp_master_repeat", repeat),
        master_refresh_ns=settings.get("garp_master_refresh", refresh),
        master_refresh_repeat=_at_least_one(draft, "garp_master_refresh_repeat", refresh_repeat),
        lower_prio_delay_ns=lower_delay if draft.strict else settings.get("garp_lower_prio_delay", lower_delay),
        lower_prio_repeat=lower_repeat if draft.strict else settings.get("garp_lower_prio_repeat", lower_repeat),
        garp_interval_ns=defaults.get("garp_interval", 0),
        gna_interval_ns=defaults.get("gna_interval", 0),
        extra_interval_ns=extra.interval_ns,
        extra_all_interfaces=extra.all_interfaces,
    )


def _master_defaults(defaults: Settings) -> tuple[int, int, int, int]:
    """`vrrp_min_garp` changes only what still has keepalived's default."""
    least = defaults.get("min_garp", False)
    delay: int = defaults.get("garp_master_delay", 5 * NS_PER_S)
    repeat: int = defaults.get("garp_master_repeat", _KEEPALIVED.master_repeat)
    if least and delay == _KEEPALIVED.master_delay_ns:
        delay = 0
    if least and repeat == _KEEPALIVED.master_repeat:
        repeat = 1
    refresh: int = defaults.get("garp_master_refresh", _KEEPALIVED.master_refresh_ns)
    return delay, max(1, repeat), refresh, max(1, defaults.get("garp_master_refresh_repeat", 1))


def _strict(draft: Draft) -> tuple[int, int]:
    """Strict mode: no answer to adverts of a lower priority."""
    for field in ("garp_lower_prio_repeat", "garp_lower_prio_delay"):
        if draft.settings.get(field):
            draft.warn("strict-mode", f"strict mode: {field} is 0", field)
    return 0, 0


def _at_least_one(draft: Draft, field: str, default: int) -> int:
    """0 was allowed by keepalived before 2.0.7 and means 1 since."""
    repeat: int = draft.settings.get(field, default)
    if repeat == 0:
        draft.warn("out-of-range", f"{field} 0: 1 is used, an address that nobody hears of is of no use", field)
    return max(1, repeat)
