"""The values of an instance as it will run, in the units in which its keywords are read.

Only what may differ from what the text says stands here: defaults that hang together, and corrections. A test holds
each against the table of `vrrp_instance`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

from alived.base import NS_PER_CS, NS_PER_S
from alived.config.keywords.shapes import Lifetime
from alived.config.model import Instance
from alived.vrrp.config import Checksum

VALUES: Mapping[str, Callable[[Instance], Any]] = {
    "state": lambda one: one.vrrp.initial_state,
    "virtual_router_id": lambda one: one.vrrp.virtual_router_id,
    "interface": lambda one: one.vrrp.interface,
    "priority": lambda one: one.vrrp.priority,
    "version": lambda one: one.vrrp.version,
    "advert_int": lambda one: one.vrrp.advert_interval_cs * NS_PER_CS,
    "nopreempt": lambda one: one.vrrp.nopreempt,
    "preempt_delay": lambda one: one.vrrp.preempt_delay_ns,
    "down_timer_adverts": lambda one: one.vrrp.down_timer_adverts,
    "strict_mode": lambda one: one.vrrp.strict_mode,
    "skip_check_adv_addr": lambda one: one.vrrp.skip_check_adv_addr,
    "lower_prio_no_advert": lambda one: one.vrrp.lower_prio_no_advert,
    "higher_prio_send_advert": lambda one: one.vrrp.higher_prio_send_advert,
    "accept": lambda one: one.vrrp.accept,
    "unicast_ttl": lambda one: one.vrrp.unicast_ttl,
    "unicast_fault_no_peer": lambda one: one.vrrp.unicast_fault_no_peer,
    "check_unicast_src": lambda one: one.vrrp.check_unicast_src,
    "old_unicast_checksum": lambda one: one.vrrp.old_unicast_checksum,
    "v3_checksum_as_v2": lambda one: one.vrrp.checksum is Checksum.MESSAGE_ONLY,
    "track_src_ip": lambda one: one.vrrp.track_source_address,
    "garp_master_delay": lambda one: one.vips.garp.master_delay_ns,
    "garp_master_repeat": lambda one: one.vips.garp.master_repeat,
    "garp_master_refresh": lambda one: one.vips.garp.master_refresh_ns,
    "garp_master_refresh_repeat": lambda one: one.vips.garp.master_refresh_repeat,
    "garp_lower_prio_delay": lambda one: one.vips.garp.lower_prio_delay_ns,
    "garp_lower_prio_repeat": lambda one: one.vips.garp.lower_prio_repeat,
    "conflict_check": lambda one: str(one.vips.conflict),
    "vip_vanish": lambda one: str(one.vips.vanish),
    "address_lifetime": lambda one: Lifetime(one.vips.lifetime_s),
    "notify_priority_changes": lambda one: one.notify_priority_changes,
}
"""Field -> its value in a completed instance."""


def in_words(value: Any, is_duration: bool = False) -> str:
    """A value as the statement would say it. Durations are nanoseconds."""
    match value:
        case bool():
            return "on" if value else "off"
        case int() if is_duration:
            return f"{value / NS_PER_S:g}"
        case enum.Enum():
            return str(value.value)
        case Lifetime():
            return "auto" if value.seconds is None else str(value.seconds or "forever")
        case _:
            return str(value)
