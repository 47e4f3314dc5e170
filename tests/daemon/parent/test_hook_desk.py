"""What operators ask of hooks, and what they are told."""

from __future__ import annotations

from typing import Any

import pytest

from alived.base import NS_PER_S
from alived.config.model import Config, Instance, RaftGroup
from alived.daemon.parent.hook_desk import HookDesk
from alived.daemon.parent.hook_relay import HookRelay
from alived.daemon.shared.control_messages import Answer, Request
from alived.daemon.shared.messages import BusMessage, HookDue, HookOutcome, HookRan
from alived.daemon.status.hook_runs import KEPT
from alived.hooks.config import Hook, HookEvent, OnFailure, Script
from alived.owner import State
from alived.raft.config import Cluster, Member, RaftInstance
from alived.vip.config import VipGroup, VirtualAddress
from alived.vrrp.config import UnicastPeer, VrrpInstance

READY, MASTER, SLAVE = HookEvent.TO_READY, HookEvent.TO_MASTER, HookEvent.TO_SLAVE


def hook(event: HookEvent, program: str, on_failure: OnFailure = OnFailure.ABORT, **more: Any) -> Hook:
    script = Script(argv=(program, "x"), user="root", timeout_ns=10 * NS_PER_S)
    return Hook(event=event, script=script, on_failure=on_failure, **more)


def vips(name: str, address: str) -> VipGroup:
    return VipGroup(name=name, addresses=(VirtualAddress(address=address, prefix_length=24, interface="eth0"),))


OWN = (hook(MASTER, "/db/on-master.sh"),)
CONFIG = Config(
    instances=(
        Instance(
            vrrp=VrrpInstance(
                name="VI_1",
                interface="eth1",
                virtual_router_id=1,
                version=3,
                unicast_peers=(UnicastPeer(address="192.0.2.2"),),
            ),
            vips=vips("VI_1", "192.0.2.7"),
        ),
    ),
    raft_groups=(
        RaftGroup(raft=RaftInstance(name="web", interface="eth0"), vips=vips("web", "192.0.2.8")),
        RaftGroup(raft=RaftInstance(name="db"), vips=vips("db", "192.0.2.9"), hooks=OWN),
    ),
    cluster=Cluster(
        node_id="n1",
        data_dir="/d",
        members=(Member(id="n1", address="192.0.2.1"), Member(id="n2", address="192.0.2.2")),
    ),
    hooks=(
        hook(READY, "/all/on-ready.sh", OnFailure.CONTINUE, sha256="0" * 64),
        hook(MASTER, "/all/on-master.sh"),
        hook(SLAVE, "/all/on-slave.sh", OnFailure.RETRY, retries=5),
    ),
)


class Play:
    def __init__(self) -> None:
        self.worker: list[BusMessage] = []
        self.engine: list[BusMessage] = []
        self.relay = HookRelay(
            "x", lambda: self.config, self.engine.append, self.worker.append, lambda *_: None, lambda _: None
        )
        self.relay.worker_began()
        self.config = CONFIG
        self.desk = HookDesk(self.relay, lambda: self.config)
        self.answers: list[Answer] = []

    def ask(self, command: str, **arguments: Any) -> Answer | None:
        """None: there is no answer yet."""
        self.answers.clear()
        self.desk.handle(Request(command=command, arguments=arguments), self.answers.append)
        return self.answers[0] if self.answers else None

    def refusal(self, command: str, **arguments: Any) -> str:
        answer = self.ask(command, **arguments)
        assert answer is not None and not answer.ok
        return answer.error

    def listed(self) -> list[dict[str, Any]]:
        answer = self.ask("hooks")
        assert answer is not None and answer.ok
        return list(answer.result)

    @property
    def asked(self) -> HookDue:
        last = self.worker[-1]
        assert isinstance(last, HookDue)
        return last


def ran(kind: str = "RAFT", name: str = "web", label: str = "ToMaster", **changes: Any) -> HookRan:
    values: dict[str, Any] = {
        "run": 3,
        "program": "/all/on-master.sh",
        "event_id": "x-1",
        "trigger": "elected",
        "by_hand": False,
        "attempt": 1,
        "wall_time": 1000.1234,
        "duration_ns": NS_PER_S // 2,
        "failure": "",
        "status": 0,
        "output": ("bound",),
    }
    return HookRan(kind=kind, name=name, label=label, **(values | changes))


RAN_JSON = {
    "time": 1000.123,
    "run": 3,
    "kind": "RAFT",
    "name": "web",
    "label": "ToMaster",
    "program": "/all/on-master.sh",
    "event_id": "x-1",
    "trigger": "elected",
    "by_hand": False,
    "attempt": 1,
    "duration_ms": 500,
    "ok": True,
    "failure": "",
    "exit_status": 0,
    "output": ["bound"],
}


@pytest.fixture
def play() -> Play:
    return Play()


def test_each_object_is_listed_with_its_hooks(play: Play) -> None:
    assert [(one["kind"], one["name"], one["label"], one["command"][0]) for one in play.listed()] == [
        ("", "", "ToReady", "/all/on-ready.sh"),
        ("INSTANCE", "VI_1", "ToMaster", "/all/on-master.sh"),
        ("INSTANCE", "VI_1", "ToSlave", "/all/on-slave.sh"),
        ("RAFT", "web", "ToMaster", "/all/on-master.sh"),
        ("RAFT", "web", "ToSlave", "/all/on-slave.sh"),
        ("RAFT", "db", "ToMaster", "/db/on-master.sh"),
    ]


def test_a_hook_with_its_runs(play: Play) -> None:
    play.relay.runs.add(ran(failure="ended with status 1", status=1))
    play.relay.runs.add(ran())
    play.relay.due(HookDue(kind="RAFT", name="web", event=MASTER))
    assert play.listed()[3] == {
        "kind": "RAFT",
        "name": "web",
        "label": "ToMaster",
        "command": ["/all/on-master.sh", "x"],
        "user": "root",
        "timeout_s": 10.0,
        "on_failure": "abort",
        "retries": 0,
        "pinned": False,
        "due": True,
        "runs": 2,
        "failures": 1,
        "duration_s": 1.0,
        "last": RAN_JSON,
    }
    ready, slave = play.listed()[0], play.listed()[4]
    assert (ready["pinned"], ready["runs"], ready["last"], ready["due"]) == (True, 0, None, False)
    assert slave["retries"] == 5


def test_notify_scripts_that_ran_are_listed_too(play: Play) -> None:
    play.relay.runs.add(ran(label="notify_master", program="/n"))
    last = play.listed()[-1]
    assert (last["label"], last["command"], last["runs"]) == ("notify_master", ["/n"], 1)
    assert "on_failure" not in last


def test_history_is_in_the_order_of_time_and_bounded(play: Play) -> None:
    for number in range(KEPT + 5):
        play.relay.runs.add(ran(wall_time=2000.0 + number))
    play.relay.runs.add(ran(label="ToSlave", wall_time=1.0))
    answer = play.ask("hooks-history", count=100)
    assert answer is not None
    assert [one["time"] for one in answer.result] == [1.0, *(2005.0 + number for number in range(KEPT))]
    answer = play.ask("hooks-history", count=2)
    assert answer is not None and [one["time"] for one in answer.result] == [2013.0, 2014.0]


def test_totals_by_label(play: Play) -> None:
    play.relay.runs.add(ran(failure="ended with status 1", status=1))
    play.relay.runs.add(ran(name="db"))
    play.relay.runs.add(ran(label="notify"))
    assert play.desk.totals() == {
        "ToMaster": {"runs": 2, "failures": 1, "duration_s": 1.0},
        "notify": {"runs": 1, "failures": 0, "duration_s": 0.5},
    }


def test_questions_that_make_no_sense(play: Play) -> None:
    assert "Expected `int` >= 1" in play.refusal("hooks-history", count=0)
    assert "Expected `int`" in play.refusal("hooks-history", count="many")
    assert "required field `hook`" in play.refusal("hooks-run")
    assert "Invalid enum value 'ToNowhere'" in play.refusal("hooks-run", hook="x", event="ToNowhere")


@pytest.mark.parametrize("name", ["ToMaster", "on-master.sh", "/all/on-master.sh"])
def test_a_hook_is_named_by_its_event_or_its_program(play: Play, name: str) -> None:
    assert play.ask("hooks-run", hook=name, group="web") is None
    assert (play.asked.kind, play.asked.name, play.asked.event) == ("RAFT", "web", MASTER)
    assert (play.asked.by_hand, play.asked.number) == ("/all/on-master.sh", 0)


def test_of_the_daemon_itself(play: Play) -> None:
    assert play.ask("hooks-run", hook="ToReady") is None
    assert (play.asked.kind, play.asked.name) == ("", "")
    assert play.asked.vips == ("192.0.2.7/24", "192.0.2.8/24", "192.0.2.9/24")


def test_one_that_is_not_there_or_not_clear(play: Play) -> None:
    assert play.refusal("hooks-run", hook="ToNowhere").startswith(
        "there is no such hook; there are ToReady of the daemon, ToMaster of VI_1, "
    )
    assert play.refusal("hooks-run", hook="ToMaster", group="nowhere") == (
        "there is no such hook; there are ToMaster of VI_1, ToMaster of web, ToMaster of db"
    )
    assert play.refusal("hooks-run", hook="ToMaster", event="ToSlave", group="web").startswith("there is no such hook")
    assert play.refusal("hooks-run", hook="ToSlave") == (
        "2 hooks fit: say --group or --event; there are ToSlave of VI_1, ToSlave of web"
    )
    play.config = Config()
    assert play.refusal("hooks-run", hook="ToMaster") == "no hooks are configured"


def test_many_are_not_all_named(play: Play) -> None:
    play.config = Config(
        hooks=(hook(MASTER, "/m"),),
        raft_groups=tuple(
            RaftGroup(raft=RaftInstance(name=f"g{number}"), vips=VipGroup(name=f"g{number}")) for number in range(10)
        ),
    )
    assert play.refusal("hooks-run", hook="ToMaster").endswith("ToMaster of g7 and 2 more")


def test_by_hand_it_is_told_the_state_that_was_last_heard_of(play: Play) -> None:
    play.relay.due(
        HookDue(
            kind="RAFT", name="web", event=SLAVE, number=4, old=State.MASTER, new=State.BACKUP, term=9, reason="lost"
        )
    )
    assert play.ask("hooks-run", hook="ToMaster", group="web") is None
    asked = play.asked
    assert (asked.event, asked.number, asked.old, asked.new, asked.term) == (MASTER, 0, State.MASTER, State.BACKUP, 9)
    assert asked.reason == "run by hand"


@pytest.mark.parametrize(
    ("group", "address", "interface", "peers"),
    [("web", "192.0.2.8/24", "eth0", ("n2",)), ("VI_1", "192.0.2.7/24", "eth1", ("192.0.2.2",))],
)
def test_by_hand_before_anything_was_heard_it_is_told_what_is_configured(
    play: Play, group: str, address: str, interface: str, peers: tuple[str, ...]
) -> None:
    assert play.ask("hooks-run", hook="ToSlave", group=group) is None
    assert (play.asked.vips, play.asked.interface, play.asked.peers) == ((address,), interface, peers)


def test_the_answer_has_the_runs(play: Play) -> None:
    assert play.ask("hooks-run", hook="ToMaster", group="web") is None
    play.relay.runs.add(ran(by_hand=True, failure="ended with status 1", status=1))
    play.relay.ended(
        HookOutcome(kind="RAFT", name="web", event=MASTER, number=0, ok=False, reason="why", event_id="x-1")
    )
    assert [answer.result for answer in play.answers] == [
        {
            "name": "web",
            "event": "ToMaster",
            "ok": False,
            "reason": "why",
            "runs": [RAN_JSON | {"by_hand": True, "ok": False, "failure": "ended with status 1", "exit_status": 1}],
        }
    ]
    assert play.engine == []
