"""What a reload changes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.config.model import Config, Instance, SyncGroup
from alived.daemon.changes import IDENTITY, Change, Kind, compare
from alived.hooks.config import NotifyScripts, Script
from alived.vrrp.config import TrackedInterface, Vmac, VrrpSyncGroup
from tests.daemon.engine_play import config, instance

A, B = instance("A", 51, "192.0.2.100"), instance("B", 52, "192.0.2.101")


def vrrp(known: Instance, **fields: object) -> Instance:
    return msgspec.structs.replace(known, vrrp=msgspec.structs.replace(known.vrrp, **fields))


def said(old: Config, new: Config) -> list[str]:
    return [change.sentence for change in compare(old, new)]


def test_nothing() -> None:
    assert compare(config(A, B), config(B, A)) == []


def test_added_and_removed() -> None:
    assert compare(config(A), config(B)) == [
        Change(Kind.REMOVED, "A", "instance A removed"),
        Change(Kind.ADDED, "B", "instance B added"),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"interface": "eth1"},
        {"virtual_router_id": 61},
        {"version": 2},
        {"vmac": Vmac(name="vrrp.51")},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_another_virtual_router_is_started_anew(fields: dict[str, object]) -> None:
    (change,) = compare(config(A), config(vrrp(A, **fields)))
    assert (change.kind, change.sentence) == (
        Kind.REPLACED,
        f"instance A started anew: {next(iter(fields))} changed",
    )


def test_everything_else_is_changed_in_place_and_named() -> None:
    assert said(config(A), config(vrrp(A, priority=99, nopreempt=True))) == ["instance A changed: priority, nopreempt"]
    more = instance("A", 51, "192.0.2.100", "192.0.2.102")
    assert said(config(A), config(more)) == ["instance A changed: addresses, virtual addresses or their announcement"]
    told = msgspec.structs.replace(A, notify=NotifyScripts(master=Script(argv=("/bin/true",))))
    assert said(config(A), config(told)) == ["instance A changed: notify scripts"]
    flagged = msgspec.structs.replace(A, notify_priority_changes=True)
    assert said(config(A), config(flagged)) == ["instance A changed: options"]


def test_what_a_group_tracks_concerns_its_members_and_nobody_else() -> None:
    member = vrrp(A, sync_group="G")
    plain = VrrpSyncGroup(name="G", members=("A",))
    tracking = VrrpSyncGroup(name="G", members=("A",), track_interfaces=(TrackedInterface("eth1"),))
    assert said(config(member, B, groups=[plain]), config(member, B, groups=[tracking])) == [
        "instance A changed: what sync group G tracks"
    ]


def test_what_goes_goes_first() -> None:
    """An address can move from a removed or replaced instance to any other."""
    old, new = config(A, B, instance("C", 53)), config(vrrp(A, priority=9), vrrp(B, virtual_router_id=9))
    assert [change.kind for change in compare(old, new)] == [Kind.REMOVED, Kind.REPLACED, Kind.CHANGED]


instances = st.builds(
    lambda name, vrid, priority, group, vips: vrrp(instance(name, vrid, *vips), priority=priority, sync_group=group),
    st.sampled_from("ABCD"),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["", "G"]),
    st.lists(st.sampled_from(["192.0.2.100", "192.0.2.101"]), unique=True),
)
configs = st.builds(
    lambda found, tracked: Config(
        instances=tuple(found),
        sync_groups=(
            SyncGroup(
                vrrp=VrrpSyncGroup(name="G", members=("A",), track_interfaces=tuple(map(TrackedInterface, tracked)))
            ),
        ),
    ),
    st.lists(instances, unique_by=lambda one: one.vrrp.name),
    st.lists(st.sampled_from(["eth0", "eth1"]), unique=True),
)


@given(configs, configs)
def test_carrying_out_the_changes_leads_from_one_configuration_to_the_other(old: Config, new: Config) -> None:
    running = {one.vrrp.name: one for one in old.instances}
    wanted = {one.vrrp.name: one for one in new.instances}
    for change in compare(old, new):
        known = running.get(change.name)
        if change.kind is Kind.ADDED:
            assert known is None
        else:
            assert known is not None
        if change.kind is Kind.CHANGED:
            assert known
            same = [getattr(known.vrrp, field) == getattr(wanted[change.name].vrrp, field) for field in IDENTITY]
            assert all(same)
        if change.kind in (Kind.REMOVED, Kind.REPLACED):
            del running[change.name]
        if change.kind is not Kind.REMOVED:
            running[change.name] = wanted[change.name]
    assert running == wanted


@given(configs)
def test_no_instance_changes_if_nothing_does_and_each_at_most_once_otherwise(one: Config) -> None:
    assert compare(one, one) == []
    names = [change.name for change in compare(Config(), one)]
    assert names == [found.vrrp.name for found in one.instances]
