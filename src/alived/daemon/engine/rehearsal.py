"""Goes through a takeover on cores of its own, shortly before a real one is due.

A BACKUP that has heard nothing for almost Master_Down_Interval has been idle for seconds: its code and data are in no
cache, and pages that it shares with the parent since the fork are copied when first written to. That costs half a
millisecond in the moment in which nobody owns the address. So it is paid for before.
"""

from __future__ import annotations

import msgspec

from alived.adapters.loop import now_ns
from alived.base import DeadlineReached
from alived.config.model import Instance as InstanceConfig
from alived.daemon.shared.bus import encode
from alived.daemon.shared.messages import Transition
from alived.vip.events import Claim
from alived.vip.group import VipHolder
from alived.vrrp.config import State
from alived.vrrp.events import AdvertisementReceived, PrimaryAddressChanged, Startup, StateChanged
from alived.vrrp.instance import Instance

ADDRESSES_MAX = 16
"""More addresses teach the caches nothing new."""


def rehearse(config: InstanceConfig, address: str) -> None:
    """address: the source of our adverts."""
    vrrp = msgspec.structs.replace(config.vrrp, sync_group="", startup_delay_ns=0, preempt_delay_ns=0)
    core = Instance(vrrp)
    now = now_ns()
    if address:
        core.step(PrimaryAddressChanged(address), now)
    core.step(Startup(), now)
    if core.state is State.BACKUP:
        core.step(AdvertisementReceived(address, vrrp.priority, vrrp.advert_interval_cs), now)
    if core.deadline_ns is None:
        return
    for effect in core.step(DeadlineReached(), core.deadline_ns):
        if isinstance(effect, StateChanged):
            encode(
                Transition(
                    kind="INSTANCE",
                    name=effect.instance,
                    old=effect.old,
                    new=effect.new,
                    priority=effect.priority,
                    reason=effect.reason,
                    evidence=effect.evidence,
                    time_ns=now,
                    wall_time=0.0,
                )
            )
    vips = msgspec.structs.replace(config.vips, addresses=config.vips.addresses[:ADDRESSES_MAX])
    VipHolder(vips).step(Claim("rehearsal"), now)
