"""What `alived status` says, from values to values."""

from __future__ import annotations

from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config, Instance, SyncGroup
from alived.daemon.shared.messages import EngineSnapshot, GroupSnapshot, Transition
from alived.daemon.status import view
from alived.daemon.status.role_status import RoleStatus
from alived.vip.config import VipGroup
from alived.vip.events import VipSnapshot
from alived.vrrp.config import State, VrrpInstance, VrrpSyncGroup
from alived.vrrp.events import InstanceSnapshot, PeerSnapshot

NOW = 100 * NS_PER_S
CLOCK = view.Clock(NOW, 1_000_000.0)
CONFIG = Config(
    instances=(
        Instance(vrrp=VrrpInstance(name="VI_1", interface="eth0", virtual_router_id=51), vips=VipGroup(name="VI_1")),
    ),
    sync_groups=(SyncGroup(vrrp=VrrpSyncGroup(name="VG", members=("VI_1",))),),
)
SNAPSHOT = EngineSnapshot(
    request_id=1,
    now_ns=NOW - 20 * NS_PER_MS,
    instances=(
        InstanceSnapshot(
            name="VI_1",
            state=State.MASTER,
            since_ns=NOW - 30 * NS_PER_S,
            reason="no advert heard",
            interface="eth0",
            family=10,
            version=3,
            virtual_router_id=51,
            base_priority=100,
            priority=90,
            advert_interval_cs=50,
            master_advert_interval_cs=100,
            master="fe80::1",
            primary_address="fe80::1",
            deadline_ns=None,
            faults=(("interface eth1", "eth1 is down"),),
            peers=(
                PeerSnapshot("fe80::2", 80, 100, NOW - 1500 * NS_PER_MS, 30, 10),
                PeerSnapshot("fe80::3", 1, 1, NOW, 0, 0),
            ),
            adverts_sent=1,
            adverts_received=2,
            became_master=3,
            released_master=4,
            priority_zero_sent=5,
            priority_zero_received=6,
        ),
    ),
    vips=(VipSnapshot(group="VI_1", claimed=True, wanted=("a", "b"), present=("b", "c"), announced=7, restored=8),),
    groups=(
        GroupSnapshot(name="VG", state=State.MASTER, since_ns=NOW - NS_PER_S, reason="all are", members=("VI_1",)),
    ),
    receive_errors={"checksum": 1},
    lateness_max_ns=2 * NS_PER_MS,
    scheduling="SCHED_RR 1",
)
PROCESSES = [
    RoleStatus(role="parent", pid=1, state="running", since_ns=NOW),
    RoleStatus(role="engine", pid=2, state="running", since_ns=NOW - NS_PER_S, restarts=3, silent_ns=NS_PER_S),
]


def test_a_fresh_status() -> None:
    status = view.status(CONFIG, SNAPSHOT, True, PROCESSES, CLOCK)
    assert (status["fresh"], status["age_ms"], status["time"]) == (True, 20, 1_000_000.0)
    (instance,) = status["instances"]
    assert instance["state"] == "MASTER"
    assert (instance["since"], instance["since_s"]) == (999_970.0, 30.0)
    assert (instance["priority"], instance["base_priority"], instance["advert_interval_s"]) == (90, 100, 0.5)
    assert (instance["vrid"], instance["version"], instance["family"]) == (51, 3, "IPv6")
    assert instance["peers"][0] == {
        "address": "fe80::2",
        "priority": 80,
        "age_ms": 1500,
        "interval_s": 1.0,
        "adverts": 30,
        "missed": 10,
        "loss_pct": 25.0,
    }
    assert instance["peers"][1]["loss_pct"] == 0.0
    assert instance["vips"] == {"wanted": ["a", "b"], "present": ["b", "c"], "missing": ["a"], "unexpected": ["c"]}
    assert instance["faults"] == [{"cause": "interface eth1", "reason": "eth1 is down"}]
    assert instance["counters"] == {
        "adverts_sent": 1,
        "adverts_received": 2,
        "became_master": 3,
        "released_master": 4,
        "priority_zero_sent": 5,
        "priority_zero_received": 6,
        "announced": 7,
        "restored": 8,
    }
    assert status["sync_groups"][0]["state"] == "MASTER"
    assert status["sync_groups"][0]["members"] == ["VI_1"]
    assert (status["receive_errors"], status["lateness_max_ms"]) == ({"checksum": 1}, 2.0)


def test_what_is_not_fresh_is_unknown() -> None:
    status = view.status(CONFIG, SNAPSHOT, False, PROCESSES, CLOCK)
    for thing in (*status["instances"], *status["sync_groups"]):
        assert thing["state"] == "unknown"
        assert thing["last_known_state"] == "MASTER"
        assert thing["reason"].startswith("the engine does not answer; last known: ")


def test_before_the_first_answer_there_are_only_names() -> None:
    status = view.status(CONFIG, None, False, PROCESSES, CLOCK)
    assert (status["age_ms"], status["fresh"], status["receive_errors"]) == (None, False, {})
    never = {"state": "unknown", "reason": "the engine has not answered yet", "last_known_state": None}
    assert status["instances"] == [{"name": "VI_1", **never}]
    assert status["sync_groups"] == [{"name": "VG", **never}]


def test_an_instance_without_addresses() -> None:
    bare = EngineSnapshot(
        request_id=1,
        now_ns=NOW,
        instances=SNAPSHOT.instances,
        vips=(),
        groups=(),
        receive_errors={},
        lateness_max_ns=0,
        scheduling="",
    )
    (instance,) = view.status(CONFIG, bare, True, PROCESSES, CLOCK)["instances"]
    assert instance["vips"] == {"wanted": [], "present": [], "missing": [], "unexpected": []}
    assert instance["counters"]["announced"] == 0


def test_processes() -> None:
    parent, engine = view.status(CONFIG, SNAPSHOT, True, PROCESSES, CLOCK)["processes"]
    assert (parent["silent_ms"], engine["silent_ms"], engine["restarts"]) == (None, 1000, 3)


def test_a_line_of_the_history() -> None:
    change = Transition(
        kind="INSTANCE",
        name="VI_1",
        old=State.BACKUP,
        new=State.MASTER,
        priority=90,
        reason="because",
        evidence=("e",),
        time_ns=5,
        wall_time=1.23456,
    )
    assert view.transition(change) == {
        "time": 1.235,
        "kind": "INSTANCE",
        "name": "VI_1",
        "old": "BACKUP",
        "new": "MASTER",
        "priority": 90,
        "reason": "because",
        "evidence": ["e"],
    }
