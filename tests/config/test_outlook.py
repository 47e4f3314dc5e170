"""What a change of configuration means for the addresses. That it comes true is tested on a kernel, in
tests/daemon/test_plan_and_engine.py."""

from __future__ import annotations

import msgspec
import pytest

from alived.config.change import compare
from alived.config.model import Config, Instance
from alived.config.outlook import Fate, Outlook, outlook
from alived.vrrp.config import AuthType, State, TrackedInterface, Vmac, VrrpSyncGroup
from alived.vrrp.events import InstanceSnapshot, PeerSnapshot
from alived.vrrp.instance import Instance as Core
from tests.config.test_change import vrrp
from tests.daemon.engine.engine_play import address, config, instance

VIP, OTHER = "192.0.2.100", "192.0.2.101"
A, B = vrrp(instance("A", 51, VIP), priority=150), vrrp(instance("B", 52, OTHER), priority=150)
PEER = PeerSnapshot(address="192.0.2.2", priority=120, last_heard_ns=0, interval_cs=10, adverts=9, missed=0)


def now(known: Config, **states: State) -> dict[str, InstanceSnapshot]:
    """The instances as they are: MASTER unless told otherwise; a BACKUP follows PEER."""
    found = {}
    for one in known.instances:
        state = states.get(one.vrrp.name, State.MASTER)
        snapshot = msgspec.structs.replace(Core(one.vrrp).snapshot(), state=state)
        if state is State.BACKUP:
            snapshot = msgspec.structs.replace(snapshot, master=PEER.address, peers=(PEER,))
        found[one.vrrp.name] = snapshot
    return found


def seen(old: Config, new: Config, **states: State) -> list[tuple[str, Fate]]:
    return [(one.address.partition("/")[0], one.fate) for one in all_of(old, new, **states)]


def all_of(old: Config, new: Config, **states: State) -> tuple[Outlook, ...]:
    return outlook(old, new, compare(old, new), now(old, **states))


def test_what_stays_is_not_told() -> None:
    assert seen(config(A, B), config(B, A)) == []
    assert seen(config(A), config(vrrp(A, advert_interval_cs=50))) == [], "v3 follows the MASTER's interval"


def test_an_instance_comes() -> None:
    (one,) = all_of(config(A), config(A, B))
    assert (one.instance, one.fate) == ("B", Fate.NEW)
    assert str(one) == f"{OTHER}/32 dev eth0 new: B listens 0.341 s for another MASTER first"
    (one,) = all_of(config(A), config(A, vrrp(B, priority=255)))
    assert one.sentence == "B takes over at once (priority 255)"


def test_an_instance_goes() -> None:
    (one,) = all_of(config(A, B), config(A))
    assert (one.fate, one.sentence) == (Fate.GONE, "taken away from this node: B is removed")
    assert seen(config(A, B), config(A), B=State.BACKUP) == [], "it is not here"


def test_an_address_comes_and_goes_with_an_instance_that_stays() -> None:
    both = vrrp(instance("A", 51, VIP, OTHER), priority=150)
    assert seen(config(A), config(both)) == [(OTHER, Fate.NEW)]
    assert seen(config(both), config(A)) == [(OTHER, Fate.GONE)]
    assert all_of(config(A), config(both), A=State.BACKUP)[0].sentence == "bound here when A is MASTER"


def test_another_virtual_router_is_an_interruption_unless_it_is_the_owner() -> None:
    (one,) = all_of(config(A), config(vrrp(A, virtual_router_id=61)))
    assert one.fate is Fate.INTERRUPTED
    assert "another virtual router: A listens" in one.sentence
    owner = vrrp(A, priority=255)
    assert seen(config(owner), config(vrrp(owner, virtual_router_id=61))) == [(VIP, Fate.KEPT)]
    assert seen(config(A), config(vrrp(A, virtual_router_id=61)), A=State.BACKUP) == [(VIP, Fate.MAY_MOVE)]
    assert seen(config(A), config(vrrp(owner, virtual_router_id=61)), A=State.BACKUP) == [(VIP, Fate.NEW)]


def test_a_virtual_mac_device_takes_its_addresses_along() -> None:
    device = Vmac(name="vrrp.51")
    owner = instance("A", 51, address(VIP, device.name), vmac=device)
    (one,) = all_of(config(owner), config(vrrp(owner, version=2, advert_interval_cs=100)))
    assert one.fate is Fate.INTERRUPTED
    assert one.sentence.endswith("vrrp.51 is made anew")


@pytest.mark.parametrize(
    ("giver", "taker", "fates"),
    [
        (State.MASTER, State.MASTER, [(OTHER, Fate.KEPT)]),
        (State.MASTER, State.BACKUP, [(OTHER, Fate.INTERRUPTED)]),
        (State.BACKUP, State.MASTER, [(OTHER, Fate.NEW)]),
        (State.BACKUP, State.BACKUP, []),
    ],
)
def test_an_address_moves_between_instances(giver: State, taker: State, fates: list[tuple[str, Fate]]) -> None:
    old, new = (
        config(A, B),
        config(vrrp(instance("A", 51, VIP, OTHER), priority=150), vrrp(instance("B", 52), priority=150)),
    )
    assert seen(old, new, B=giver, A=taker) == fates


def test_an_address_moves_to_an_instance_that_starts() -> None:
    new = vrrp(instance("C", 53, VIP), priority=150)
    assert seen(config(A), config(new)) == [(VIP, Fate.INTERRUPTED)]
    assert seen(config(A), config(vrrp(new, priority=255))) == [(VIP, Fate.KEPT)]
    assert seen(config(A), config(vrrp(new, priority=255)), A=State.BACKUP) == [(VIP, Fate.NEW)]


def test_other_attributes_are_a_short_interruption() -> None:
    labelled = vrrp(instance("A", 51, address(VIP, label="eth0:1")), priority=150)
    assert seen(config(A), config(labelled)) == [(VIP, Fate.INTERRUPTED)]
    longer = vrrp(instance("A", 51, address(VIP, prefix_length=24)), priority=150)
    assert seen(config(A), config(longer)) == [(VIP, Fate.INTERRUPTED)]


def test_priorities() -> None:
    (one,) = all_of(config(A), config(vrrp(A, priority=90)))
    assert (one.fate, one.sentence) == (Fate.MAY_MOVE, "a router with a priority above 90 takes over from A")
    assert seen(config(A), config(vrrp(A, priority=200))) == []
    (one,) = all_of(config(vrrp(A, priority=100)), config(A), A=State.BACKUP)
    assert one.sentence == "A takes over from 192.0.2.2: 150 > 120"
    assert seen(config(vrrp(A, priority=100)), config(vrrp(A, nopreempt=True)), A=State.BACKUP) == []
    assert seen(config(vrrp(A, priority=100)), config(vrrp(A, priority=110)), A=State.BACKUP) == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"auth_type": AuthType.PASS, "auth_pass": "x"}, "the other routers need the same auth_pass, auth_type"),
        ({"track_interfaces": (TrackedInterface("eth1"),)}, "what is tracked differs"),
        ({"version": 2, "advert_interval_cs": 200}, "the other routers need the same advert_int"),
    ],
)
def test_what_the_others_must_have_too(fields: dict[str, object], sentence: str) -> None:
    before = vrrp(A, version=fields.get("version", 3), advert_interval_cs=100)
    (one,) = all_of(config(before), config(vrrp(before, **fields)))
    assert one.fate is Fate.MAY_MOVE
    assert one.sentence.startswith(sentence)


def members(*found: Instance) -> Config:
    group = VrrpSyncGroup(name="G", members=tuple(one.vrrp.name for one in found))
    return config(*(vrrp(one, sync_group="G") for one in found), groups=[group])


def test_a_member_that_starts_takes_its_group_along() -> None:
    told = {one.instance: one for one in all_of(members(A, B), members(A, vrrp(B, virtual_router_id=62)))}
    assert told["B"].fate is Fate.INTERRUPTED
    assert told["A"].sentence == "B starts as BACKUP and takes sync group G along"
    assert told["A"].fate is Fate.MAY_MOVE


def test_who_comes_to_a_group_moves_with_it() -> None:
    assert seen(config(A, B), members(A, B)) == [], "all of them are MASTER"
    told = all_of(config(A, B), members(A, B), B=State.BACKUP)
    assert [(one.instance, one.fate) for one in told] == [("A", Fate.MAY_MOVE)]
    assert told[0].sentence == "A comes to sync group G, which is MASTER as a whole or not at all"
    moving = vrrp(instance("A", 51, VIP, OTHER), priority=150), vrrp(instance("B", 52), priority=150)
    assert seen(config(A, B), members(*moving)) == [(OTHER, Fate.KEPT)]
    assert (OTHER, Fate.KEPT) not in seen(config(A, B), members(*moving, instance("C", 53)))


def test_without_states_it_is_told_for_a_master() -> None:
    old, new = config(A, B), config(vrrp(A, priority=90))
    told = {one.instance: one.sentence for one in outlook(old, new, compare(old, new))}
    assert told["A"] == "if A is MASTER here: a router with a priority above 90 takes over from A"
    assert told["B"] == "if B is MASTER here: taken away from this node: B is removed"
