"""What a member of a cluster is told when it starts."""

from __future__ import annotations

import msgspec

from alived.raft.config import Cluster, RaftInstance
from alived.raft.profiles import TIMERS, Timers


class MemberSettings(msgspec.Struct, frozen=True, kw_only=True):
    cluster: Cluster
    groups: tuple[RaftInstance, ...]
    timers: Timers

    @classmethod
    def of(cls, cluster: Cluster, groups: tuple[RaftInstance, ...]) -> MemberSettings:
        return cls(cluster=cluster, groups=groups, timers=TIMERS[cluster.profile])
