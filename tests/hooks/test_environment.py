"""What a hook is told."""

from __future__ import annotations

from alived.hooks.config import Hook, HookEvent, OnFailure, Script
from alived.hooks.environment import hook_environment
from alived.hooks.events import Facts, HooksDue, Kind

FACTS = Facts(
    node_id="node1",
    raft_addr="192.0.2.1:7946",
    old="BACKUP",
    new="MASTER",
    reason="a lease until then",
    priority=120,
    term=7,
    vips=("192.0.2.10/24", "2001:db8::10/64"),
    interface="eth0",
    peers=("node2", "node3"),
)


def environment(*own: tuple[str, str], facts: Facts = FACTS, by_hand: bool = False) -> dict[str, str]:
    event = HookEvent.TO_MASTER
    hook = Hook(event=event, script=Script(argv=("/m", "x")), on_failure=OnFailure.ABORT, environment=own)
    due = HooksDue(
        kind=Kind.RAFT, name="web", event=event, event_id="5f-1", hooks=(hook,), facts=facts, by_hand=by_hand
    )
    return hook_environment(due, hook)


def test_the_state_of_the_object() -> None:
    assert environment() == {
        "ALIVED_KIND": "RAFT",
        "ALIVED_NAME": "web",
        "ALIVED_GROUP": "web",
        "ALIVED_EVENT": "ToMaster",
        "ALIVED_EVENT_ID": "5f-1",
        "ALIVED_OLD_STATE": "BACKUP",
        "ALIVED_STATE": "MASTER",
        "ALIVED_REASON": "a lease until then",
        "ALIVED_PRIORITY": "120",
        "ALIVED_TERM": "7",
        "ALIVED_VIPS": "192.0.2.10/24 2001:db8::10/64",
        "ALIVED_VIP": "192.0.2.10/24",
        "ALIVED_INTERFACE": "eth0",
        "ALIVED_NODE_ID": "node1",
        "ALIVED_PEERS": "node2 node3",
        "ALIVED_BY_HAND": "",
        "ALIVED_SCRIPT": "/m",
    }


def test_without_addresses_and_by_hand() -> None:
    found = environment(facts=Facts(), by_hand=True)
    assert (found["ALIVED_VIP"], found["ALIVED_VIPS"], found["ALIVED_BY_HAND"]) == ("", "", "1")


def test_variables_of_the_operator_are_expanded_and_win() -> None:
    found = environment(("WHO", "{{.NodeID}}/{{.Group}}"), ("WHERE", "{{.RaftAddr}} {{.Event}}"), ("ALIVED_TERM", "x"))
    assert found["WHO"] == "node1/web"
    assert found["WHERE"] == "192.0.2.1:7946 ToMaster"
    assert found["ALIVED_TERM"] == "x"
