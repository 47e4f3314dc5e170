"""What the plan says is what the engine does: random pairs of configurations on a kernel."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from alived.adapters.netlink import Monitor
from alived.config.model import Config, Instance
from alived.config.outlook import Fate
from alived.daemon.parent.plan import make_plan
from alived.daemon.shared.messages import Transition
from alived.vrrp.config import State, TrackedInterface, Vmac, VrrpSyncGroup
from alived.wire.inet import address_text
from alived.wire.rtnetlink import Address, Link
from tests.daemon.engine.engine_play import Play, address, config, instance, playing
from tests.daemon.engine.test_engine import claims_in
from tests.segment import Segment, addresses_of, drain

pytestmark = pytest.mark.lab

NAMES = "ABCD"
POOL = [f"192.0.2.{number}" for number in range(100, 106)]
SILENT_NS = 10**12
"""A start-up delay that keeps an instance BACKUP."""


def draw(rng: random.Random, before: Config | None) -> Config:
    """Instances of which the owners are MASTER at once and the others never; like `before` here and there."""
    known = {one.vrrp.name: one for one in before.instances} if before else {}
    grouped = rng.choice([(), (), ("A", "B"), ("A", "B", "C")])
    free = rng.sample(POOL, len(POOL))
    kept = {name for name in NAMES if name in known and rng.random() < 0.4 and not known[name].vrrp.sync_group}
    for name in kept - set(grouped):
        free = [text for text in free if text not in known[name].vrrp.addresses]
    found: list[Instance] = []
    for number, name in enumerate(NAMES):
        if name in kept and name not in grouped:
            found.append(known[name])
        elif rng.random() < 0.8:
            found.append(_draw_instance(rng, name, 51 + number, free, grouped))
    members = tuple(one.vrrp.name for one in found if one.vrrp.sync_group)
    return config(*found, groups=[VrrpSyncGroup(name="G", members=members)] if members else ())


def _draw_instance(rng: random.Random, name: str, number: int, free: list[str], grouped: tuple[str, ...]) -> Instance:
    vrid = number + (10 if rng.random() < 0.2 else 0)
    device = f"vrrp.{number}" if rng.random() < 0.15 else "eth0"
    label = "eth0:x" if device == "eth0" and rng.random() < 0.15 else ""
    vips = [address(free.pop(), device, label=label) for _ in range(min(rng.randint(0, 2), len(free)))]
    silent = rng.random() < 0.25 and name not in grouped
    return instance(
        name,
        vrid,
        *vips,
        priority=200 if silent else 255,
        startup_delay_ns=SILENT_NS if silent else 0,
        vmac=Vmac(name=device) if device != "eth0" else None,
        sync_group="G" if name in grouped else "",
        nopreempt=not silent and rng.random() < 0.3,
        track_interfaces=(TrackedInterface("eth1"),) if rng.random() < 0.2 else (),
    )


def settled(play: Play, wanted: Config) -> bool:
    """All owners are MASTER, have what they hold and have told the neighbours."""
    work = play.engine._wiring.holders.work
    if work._urgent or work._repeats:
        return False
    shown = play.snapshot()
    owners = {one.vrrp.name for one in wanted.instances if one.vrrp.priority == 255}
    held = all(set(vips.wanted) <= set(vips.present) for vips in shown.vips)
    return held and all(one.state is State.MASTER for one in shown.instances if one.name in owners)


def heard_by(monitor: Monitor) -> list[Link | Address]:
    found: list[Link | Address] = []
    while messages := monitor.read():
        found += messages
    monitor.close()
    return found


def all_addresses(wanted: Config) -> set[str]:
    devices = {va.interface for one in wanted.instances for va in one.vips.addresses} | {"eth0"}
    return {text for device in devices for text in addresses_of(device)}


@pytest.mark.parametrize("seed", range(40))
def test_the_engine_does_what_the_plan_says(segment: Segment, seed: int) -> None:
    rng = random.Random(seed)
    old = draw(rng, None)
    new = draw(rng, old)
    with playing(*old.instances, groups=[group.vrrp for group in old.sync_groups]) as play:
        play.until(lambda: settled(play, old), "the old configuration is carried out")
        play.turn_for(0.05)
        heard = segment.other_frames()
        before = dict(play.engine._wiring.instances.routers)
        sent = {one.name: one.adverts_sent for one in play.snapshot().instances}
        told = len(play.of(Transition))
        plan = make_plan(old, new, play.snapshot())
        monitor = Monitor()
        drain(heard)
        said = play.reload(new)
        play.turn_for(0.25)
        frames: list[bytes] = []
        kept = {one["address"].partition("/")[0] for one in plan["addresses"] if one["fate"] == Fate.KEPT}
        play.until(lambda: bool(frames.extend(drain(heard)) or kept <= {*claims_in(frames)}), f"{kept} are announced")
        claimed = {*claims_in(frames)}
        deleted = {address_text(m.local) for m in heard_by(monitor) if isinstance(m, Address) and m.deleted}
        moved = {change.name for change in play.of(Transition)[told:] if change.kind == "INSTANCE"}
        assert list(said) == [change["sentence"] for change in plan["changes"]]
        check_instances(play, plan, before, sent, moved)
        check_addresses(plan, old, new, deleted, claimed, all_addresses(new))


def check_instances(
    play: Play, plan: dict[str, Any], before: dict[str, Any], sent: dict[str, int], moved: set[str]
) -> None:
    routers = play.engine._wiring.instances.routers
    kinds = {c["name"]: c["kind"] for c in plan["changes"] if c["subject"] == "instance"}
    kinds |= dict.fromkeys(plan["unchanged"], "unchanged")
    may_move = {one["instance"] for one in plan["addresses"] if one["fate"] == Fate.MAY_MOVE}
    assert set(routers) == {name for name, kind in kinds.items() if kind != "removed"}
    for name, router in routers.items():
        lives_on = kinds[name] in ("changed", "unchanged")
        assert (router is before.get(name)) is lives_on, name
        if lives_on:
            assert play.show(name).adverts_sent >= sent[name], "counters live on"
        if kinds[name] == "unchanged" and name not in may_move:
            assert name not in moved or router.config.vrrp.sync_group, f"{name} stays what it is"


def check_addresses(
    plan: dict[str, Any], old: Config, new: Config, deleted: set[str], claimed: set[str], bound: set[str]
) -> None:
    fates = {one["address"].partition("/")[0]: one["fate"] for one in plan["addresses"]}
    here = {text.partition("/")[0] for text in bound}
    for text in POOL:
        match fates.get(text):
            case Fate.KEPT:
                assert text not in deleted and text in here and text in claimed, f"{text} moves without a gap"
            case Fate.GONE:
                assert text in deleted and text not in here, f"{text} goes"
            case Fate.INTERRUPTED:
                assert text in deleted, f"{text} is interrupted"
            case Fate.NEW:
                assert text not in deleted, f"{text} is new"
            case Fate.MAY_MOVE:
                pass
            case None:
                assert text not in deleted and text not in claimed, f"{text} stays as it was"


def test_the_pairs_are_worth_it() -> None:
    """Every fate and every kind of change is among them."""
    fates: set[str] = set()
    kinds: set[str] = set()
    for seed in range(40):
        rng = random.Random(seed)
        old = draw(rng, None)
        plan = make_plan(old, draw(rng, old), None)
        fates |= {one["fate"] for one in plan["addresses"]}
        kinds |= {change["kind"] for change in plan["changes"]}
    assert fates == set(Fate)
    assert kinds == {"added", "removed", "replaced", "changed"}


def test_a_plan_can_be_sent_as_json() -> None:
    rng = random.Random(0)
    old = draw(rng, None)
    plan = make_plan(old, draw(rng, old), None)
    assert msgspec.json.decode(msgspec.json.encode(plan)) == plan
