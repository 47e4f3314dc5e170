"""What silences the addresses of each group if this node freezes, for `alived status`. Pure.

The strongest fence that there is counts. How long after the last renewal it has silenced an owner that does nothing
any more:

    kernel lease      its longest timeout (`Timers.kernel_leases_ns`), never later: the kernel counts jiffies that have
                      begun. Each renewal takes one that ends before the lease does
    address lifetime  the lifetime, up to a second later. Far longer than a lease: for that time there can be two owners
    none              nobody knows

The inequality of `raft.lease` (U) counts on an owner that lets go by itself, at the end of its lease; these are for the
one that cannot.
"""

from __future__ import annotations

from alived.base import NS_PER_MS
from alived.config.change import automatic_lifetime_s
from alived.config.model import Config, RaftGroup
from alived.daemon.status.view import Json
from alived.raft.config import BoundBy
from alived.raft.profiles import TIMERS

LIFETIME_LATE_MS = 1000


def fences(config: Config, enforced: bool, missing: str) -> list[Json]:
    """enforced: the kernel enforces leases; missing: why it does not, a sentence."""
    return [_fence(config, group, enforced, missing) for group in config.raft_groups]


def _fence(config: Config, group: RaftGroup, enforced: bool, missing: str) -> Json:
    assert config.cluster is not None
    if not group.vips.addresses:
        why = "its addresses are not known: virtual_ipaddress, or vip.conf with vip-switch, says them"
        return _entry(group, "none", None, why)
    if enforced:
        return _entry(group, "kernel lease", TIMERS[config.cluster.profile].kernel_leases_ns[-1] // NS_PER_MS, "")
    lifetime_s = automatic_lifetime_s(config) if group.vips.lifetime_s is None else group.vips.lifetime_s
    if group.raft.bound_by is BoundBy.DAEMON and lifetime_s:
        return _entry(group, "address lifetime", lifetime_s * 1000 + LIFETIME_LATE_MS, missing)
    return _entry(group, "none", None, missing)


def _entry(group: RaftGroup, fence: str, silent_after_ms: int | None, missing: str) -> Json:
    """silent_after_ms: at the latest so long after the last renewal; None: perhaps never."""
    return {"group": group.raft.name, "fence": fence, "silent_after_ms": silent_after_ms, "missing": missing}
