"""What `alived status` says of groups whose owner is elected by Raft, beside the instances. Pure.

What this node does with a group is the engine's to say, who owns it in the cluster the raft process's: either may be
unknown while the other is not.
"""

from __future__ import annotations

from alived.config.model import Config, RaftGroup
from alived.daemon.engine.owned_group import owned_groups, vips_key
from alived.daemon.shared.messages import EngineSnapshot, RaftSnapshot
from alived.daemon.status.cluster_view import owners
from alived.daemon.status.view import NEVER_HEARD, Clock, Json, bindings, state_of, vips_of
from alived.owner import State
from alived.vip.events import VipSnapshot
from alived.vip.ownership_events import OwnershipSnapshot

OF_A_WITNESS: Json = {
    "state": "WITNESS",
    "reason": "this node votes on who owns it, and never owns",
    "last_known_state": None,
}


def raft_groups(
    config: Config, engine: EngineSnapshot | None, engine_fresh: bool, raft: RaftSnapshot | None, clock: Clock
) -> list[Json]:
    """engine: the newest snapshot; raft: the answer to this question, None if there is none."""
    candidates = {group.raft.name for group in owned_groups(config)}
    groups = {group.name: group for group in engine.raft_groups} if engine else {}
    vips = {vip.group: vip for vip in engine.vips} if engine else {}
    owned = {one["group"]: one for one in owners(raft.member, True, clock)} if raft else {}
    return [
        {
            "name": one.raft.name,
            **(
                _here(groups.get(one.raft.name), vips.get(vips_key(one.raft.name)), engine_fresh, clock)
                | _of_hooks(one, groups.get(one.raft.name), engine)
                if one.raft.name in candidates
                else OF_A_WITNESS
            ),
            "interface": one.raft.interface,
            "bound_by": str(one.raft.bound_by),
            "quorum_lost": str(one.raft.quorum_lost),
            "owner": owned.get(one.raft.name),
        }
        for one in config.raft_groups
    ]


def _of_hooks(config: RaftGroup, group: OwnershipSnapshot | None, engine: EngineSnapshot | None) -> Json:
    """The addresses that hooks are to bind here, and what there is of them: hooks do not tell."""
    if engine is None or group is None or config.raft.name not in engine.bound_by_hooks:
        return {}
    wanted = tuple(map(str, config.vips.addresses)) if group.state is State.MASTER else ()
    return {"vips": bindings(wanted, engine.bound_by_hooks[config.raft.name])}


def _here(group: OwnershipSnapshot | None, vips: VipSnapshot | None, fresh: bool, clock: Clock) -> Json:
    if group is None:
        return dict(NEVER_HEARD)
    return {
        **state_of(group, fresh, clock),
        "priority": group.priority,
        "base_priority": group.base_priority,
        "able": group.able,
        "term": group.term,
        "lease_left_ms": None if group.lease_until_ns is None else max(0, -clock.age_ms(group.lease_until_ns)),
        "elector": group.lease_reason,
        "holds": group.holds,
        "fenced": group.fenced,
        "vips": vips_of(vips),
        "faults": [{"cause": cause, "reason": reason} for cause, reason in group.faults],
        "counters": {
            "became_master": group.became_master,
            "released_master": group.released_master,
            "announced": vips.announced if vips else 0,
            "restored": vips.restored if vips else 0,
        },
    }
