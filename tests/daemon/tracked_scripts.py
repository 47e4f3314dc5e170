"""Configurations with tracked scripts."""

from __future__ import annotations

from alived.base import NS_PER_MS
from alived.config.model import Config, GlobalDefs, Instance, SyncGroup
from alived.health.trackers_config import Tracked, Tracking, VrrpScript, Weight
from alived.vip.config import VipGroup
from alived.vrrp.config import VrrpInstance, VrrpSyncGroup


def shell(
    text: str, name: str = "chk", interval_ms: int = 20, timeout_ms: int = 10_000, **fields: object
) -> VrrpScript:
    known = {"name": name, "argv": ("/bin/sh", "-c", text), "user": "root"} | fields
    return VrrpScript(interval_ns=interval_ms * NS_PER_MS, timeout_ns=timeout_ms * NS_PER_MS, **known)  # type: ignore[arg-type]


def tracking(*names: str, weight: int = 0, reverse: bool = False) -> Tracking:
    return Tracking(scripts=tuple(Tracked(name, Weight(weight, reverse)) for name in names))


def tracked(*scripts: VrrpScript, by_group: bool = False) -> Config:
    """Tracked by the instance VI, or by its group VG."""
    names = tracking(*(script.name for script in scripts))
    vrrp = VrrpInstance(name="VI", interface="lo", virtual_router_id=1, sync_group="VG" if by_group else "")
    group = SyncGroup(vrrp=VrrpSyncGroup(name="VG", members=("VI",)), tracking=names)
    return Config(
        global_defs=GlobalDefs(rt_priority=0),
        instances=(Instance(vrrp=vrrp, vips=VipGroup(name="VI"), tracking=Tracking() if by_group else names),),
        sync_groups=(group,) if by_group else (),
        vrrp_scripts=scripts,
    )
