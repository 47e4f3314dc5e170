"""Groups elected by Raft in the status: what the engine says of them, and who owns them in the cluster."""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_MS, NS_PER_S
from alived.daemon.engine.owned_group import vips_key
from alived.daemon.shared.messages import EngineSnapshot
from alived.daemon.status.raft_view import raft_groups
from alived.owner import State
from alived.raft.config import Role
from alived.vip.config import VirtualAddress
from alived.vip.events import VipSnapshot
from alived.vip.ownership_events import OwnershipSnapshot
from tests.daemon.status.test_cluster_view import CLOCK, CONFIG, NOW, snapshot

OWNED = OwnershipSnapshot(
    name="web",
    state=State.MASTER,
    since_ns=NOW - 5 * NS_PER_S,
    reason="leased",
    able=True,
    base_priority=100,
    priority=90,
    term=4,
    lease_until_ns=NOW + 87 * NS_PER_MS,
    lease_reason="n1 leads",
    fenced=True,
    holds=True,
    held_ns=NOW,
    bound_by_hooks=False,
    faults=(("interface", "eth1 is down"),),
    became_master=2,
    released_master=1,
)
VIPS = VipSnapshot(group=vips_key("web"), claimed=True, wanted=("192.0.2.9/24",), present=(), announced=3, restored=0)


def engine(group: OwnershipSnapshot = OWNED) -> EngineSnapshot:
    return EngineSnapshot(
        request_id=1,
        now_ns=NOW,
        instances=(),
        vips=(VIPS,),
        groups=(),
        raft_groups=(group,),
        receive_errors={},
        lateness_max_ns=0,
        scheduling="normal",
    )


def test_what_this_node_does_and_who_owns() -> None:
    (group,) = raft_groups(CONFIG, engine(), True, snapshot(), CLOCK)
    assert (group["state"], group["reason"], group["since_s"]) == ("MASTER", "leased", 5.0)
    assert (group["lease_left_ms"], group["term"], group["able"], group["fenced"]) == (87, 4, True, True)
    assert group["vips"]["missing"] == ["192.0.2.9/24"]
    assert group["faults"] == [{"cause": "interface", "reason": "eth1 is down"}]
    assert (group["counters"]["became_master"], group["counters"]["announced"]) == (2, 3)
    assert group["owner"]["owner"] == "n1"


def test_a_lease_that_is_over_has_nothing_left() -> None:
    over = msgspec.structs.replace(OWNED, lease_until_ns=NOW - 1)
    assert raft_groups(CONFIG, engine(over), True, None, CLOCK)[0]["lease_left_ms"] == 0
    none = msgspec.structs.replace(OWNED, lease_until_ns=None)
    assert raft_groups(CONFIG, engine(none), True, None, CLOCK)[0]["lease_left_ms"] is None


def test_each_of_the_two_may_be_silent() -> None:
    (group,) = raft_groups(CONFIG, engine(), False, snapshot(), CLOCK)
    assert (group["state"], group["last_known_state"], group["owner"]["owner"]) == ("unknown", "MASTER", "n1")
    (group,) = raft_groups(CONFIG, engine(), True, None, CLOCK)
    assert (group["state"], group["owner"]) == ("MASTER", None)


def test_before_the_engine_has_answered() -> None:
    (group,) = raft_groups(CONFIG, None, False, None, CLOCK)
    assert (group["name"], group["state"], group["owner"]) == ("web", "unknown", None)


def test_what_hooks_bind_is_shown_as_it_is() -> None:
    """They may have ended well and bound nothing, or have left something behind."""
    vip = VirtualAddress(address="192.0.2.9", prefix_length=24, interface="eth0")
    (one,) = CONFIG.raft_groups
    group = msgspec.structs.replace(one, vips=msgspec.structs.replace(one.vips, addresses=(vip,)))
    config = msgspec.structs.replace(CONFIG, raft_groups=(group,))
    text = "192.0.2.9/24 dev eth0"

    def shown(state: State, *present: str) -> tuple[list[str], list[str]]:
        owned = msgspec.structs.replace(OWNED, state=state, bound_by_hooks=True)
        heard = msgspec.structs.replace(engine(owned), bound_by_hooks={"web": present})
        vips = raft_groups(config, heard, True, None, CLOCK)[0]["vips"]
        return vips["missing"], vips["unexpected"]

    assert shown(State.MASTER) == ([text], [])
    assert shown(State.MASTER, text) == ([], [])
    assert shown(State.BACKUP, text) == ([], [text])
    assert shown(State.BACKUP) == ([], [])


def test_a_witness_owns_nothing_and_knows_who_does() -> None:
    assert CONFIG.cluster is not None
    witness = msgspec.structs.replace(CONFIG.cluster.members[0], role=Role.WITNESS)
    cluster = msgspec.structs.replace(CONFIG.cluster, members=(witness, *CONFIG.cluster.members[1:]))
    config = msgspec.structs.replace(CONFIG, cluster=cluster)
    silent = msgspec.structs.replace(engine(), raft_groups=())
    (group,) = raft_groups(config, silent, True, snapshot(), CLOCK)
    assert (group["state"], group["reason"]) == ("WITNESS", "this node votes on who owns it, and never owns")
    assert group["owner"]["owner"] == "n1"
