"""What changes when one configuration takes the place of another."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.config.change import (
    CLUSTER_IDENTITY,
    IDENTITY,
    MEMBERS_STAY,
    Change,
    Kind,
    Subject,
    automatic_lifetime_s,
    compare,
    instance_changes,
    raft_changes,
)
from alived.config.model import Config, GlobalDefs, Instance, SyncGroup
from alived.hooks.config import NotifyScripts, Script
from alived.raft.config import Cluster, Member, Profile, Tls
from alived.vip.config import GarpPolicy
from alived.vrrp.config import AuthType, TrackedInterface, UnicastPeer, Vmac, VrrpSyncGroup
from tests.config.helpers import good, instance_text
from tests.daemon.engine.engine_play import address, config, instance
from tests.daemon.engine.owned_play import by_hooks, group, owned_config
from tests.daemon.tracked_scripts import shell, tracking

A, B = instance("A", 51, "192.0.2.100"), instance("B", 52, "192.0.2.101")


def vrrp(known: Instance, **fields: object) -> Instance:
    return msgspec.structs.replace(known, vrrp=msgspec.structs.replace(known.vrrp, **fields))


def vips(known: Instance, **fields: object) -> Instance:
    return msgspec.structs.replace(known, vips=msgspec.structs.replace(known.vips, **fields))


def said(old: Config, new: Config) -> list[str]:
    return [str(change) for change in compare(old, new)]


def test_nothing() -> None:
    assert compare(config(A, B), config(B, A)) == ()


def test_added_and_removed() -> None:
    assert said(config(A), config(B)) == ["instance A removed", "instance B added"]
    assert [(change.kind, change.name) for change in compare(config(A), config(B))] == [
        (Kind.REMOVED, "A"),
        (Kind.ADDED, "B"),
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"interface": "eth1"}, "interface eth0 -> eth1"),
        ({"virtual_router_id": 61}, "virtual_router_id 51 -> 61"),
        ({"version": 2}, "version 3 -> 2"),
        ({"vmac": Vmac(name="vrrp.51")}, "use_vmac + vrrp.51"),
    ],
    ids=IDENTITY[:2] + IDENTITY[3:],
)
def test_another_virtual_router_is_started_anew(fields: dict[str, object], sentence: str) -> None:
    (change,) = compare(config(A), config(vrrp(A, **fields)))
    assert (change.kind, str(change)) == (Kind.REPLACED, f"instance A started anew: {sentence}")


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (vrrp(A, priority=99, nopreempt=True), "priority 255 -> 99; nopreempt off -> on"),
        (vrrp(A, advert_interval_cs=150), "advert_int 0.1 s -> 1.5 s"),
        (vrrp(A, preempt_delay_ns=5 * 10**9), "preempt_delay 0 s -> 5 s"),
        (vrrp(A, auth_type=AuthType.PASS, auth_pass="tell-no1"), "auth_type none -> PASS; auth_pass changed"),
        (vrrp(A, unicast_peers=(UnicastPeer("192.0.2.2", min_ttl=3),)), "unicast_peer + 192.0.2.2 min_ttl 3"),
        (vrrp(A, track_interfaces=(TrackedInterface("eth1", 5),)), "track_interface + eth1 weight 5"),
        (vips(A, garp=GarpPolicy(master_delay_ns=0, master_repeat=3)), "garp.master_repeat 5 -> 3"),
        (vips(A, lifetime_s=9), "lifetime automatic -> 9 s"),
        (instance("A", 51, "192.0.2.100", "192.0.2.102"), "virtual_ipaddress + 192.0.2.102/32 dev eth0"),
        (instance("A", 51), "virtual_ipaddress - 192.0.2.100/32 dev eth0"),
        (
            instance("A", 51, address("192.0.2.100", label="eth0:1")),
            "virtual_ipaddress[192.0.2.100/32 dev eth0].label none -> eth0:1",
        ),
        (vrrp(A, addresses=()), "virtual_ipaddress - 192.0.2.100"),
        (
            msgspec.structs.replace(A, notify=NotifyScripts(master=Script(argv=("/bin/true", "x")))),
            "notify.master + /bin/true x",
        ),
        (msgspec.structs.replace(A, notify_priority_changes=True), "notify_priority_changes off -> on"),
    ],
)
def test_everything_else_is_changed_in_place_and_named(new: Instance, sentence: str) -> None:
    (change,) = compare(config(A), config(new))
    assert (change.kind, str(change)) == (Kind.CHANGED, f"instance A: {sentence}")


def test_another_order_of_addresses_is_a_change_of_what_is_advertised() -> None:
    one, other = instance("A", 51, "192.0.2.1", "192.0.2.2"), instance("A", 51, "192.0.2.2", "192.0.2.1")
    assert said(config(one), config(other)) == ["instance A: order of virtual_ipaddress changed"]


def test_what_a_group_tracks_concerns_its_members_and_nobody_else() -> None:
    member = vrrp(A, sync_group="G")
    plain = VrrpSyncGroup(name="G", members=("A",))
    tracking = VrrpSyncGroup(name="G", members=("A",), track_interfaces=(TrackedInterface("eth1"),))
    assert said(config(member, B, groups=[plain]), config(member, B, groups=[tracking])) == [
        "instance A: what sync group G tracks changed",
        "sync group G: track_interface + eth1",
    ]


def test_groups_come_and_go() -> None:
    group = VrrpSyncGroup(name="G", members=("A",))
    assert said(config(A), config(A, groups=[group])) == ["sync group G added"]
    assert said(config(A, groups=[group]), config(A)) == ["sync group G removed"]


def test_a_script_is_something_that_runs() -> None:
    old, new = Config(vrrp_scripts=(shell("true"),)), Config(vrrp_scripts=(shell("true", fall=3),))
    (change,) = compare(old, new)
    assert (change.subject, change.runs) == (Subject.SCRIPT, True)
    assert str(change) == "vrrp_script chk: fall 1 -> 3"


def test_what_a_group_tracks_changes_its_members() -> None:
    member, group = vrrp(A, sync_group="G"), VrrpSyncGroup(name="G", members=("A",))
    old, new = (
        Config(instances=(member,), sync_groups=(SyncGroup(vrrp=group, tracking=tracking(*names)),))
        for names in ((), ("chk",))
    )
    assert [change.name for change in instance_changes(compare(old, new))] == ["A"]


MEMBERS = tuple(Member(id=f"n{number}", address=f"192.0.2.{number}") for number in (1, 2, 3))
CLUSTER = Cluster(node_id="n1", data_dir="/var/lib/alived", members=MEMBERS)


def cluster_change(**fields: object) -> Change:
    (change,) = compare(Config(cluster=CLUSTER), Config(cluster=msgspec.structs.replace(CLUSTER, **fields)))
    return change


def test_a_cluster_comes_and_goes() -> None:
    assert said(Config(), Config(cluster=CLUSTER)) == ["cluster added"]
    assert said(Config(cluster=CLUSTER), Config()) == ["cluster removed"]


@pytest.mark.parametrize("field", CLUSTER_IDENTITY)
def test_another_member_of_a_cluster_begins_anew(field: str) -> None:
    others = {"listen_port": 8000, "profile": Profile.WAN, "tls": Tls(ca_file="/c", cert_file="/d", key_file="/k")}
    change = cluster_change(**{field: others.get(field, "other")})
    assert (change.kind, change.runs) == (Kind.REPLACED, True)
    assert str(change).startswith("cluster started anew: ")


def test_the_rest_of_a_cluster_changes_in_place() -> None:
    change = cluster_change(spread_groups=True, key_files=("/etc/key",))
    assert change.kind is Kind.CHANGED
    assert "spread_groups" in str(change) and "started anew" not in str(change)


def test_other_members_in_the_file_are_not_promised() -> None:
    assert MEMBERS_STAY in str(cluster_change(members=MEMBERS[:2]))


def test_global_defs() -> None:
    old, new = Config(), Config(global_defs=GlobalDefs(rt_priority=5, router_id="n1"))
    (change,) = compare(old, new)
    assert (change.subject, change.runs) == (Subject.GLOBAL_DEFS, True)
    assert str(change) == "global_defs: router_id none -> n1; rt_priority automatic -> 5"


def test_the_lifetime_of_those_that_stay_depends_on_all() -> None:
    """64 addresses are renewed seldom, one often: what was chosen by count changes for whoever stays."""
    many = instance("M", 60, *(f"192.0.2.{number}" for number in range(1, 65)))
    assert said(config(A), config(A, many)) == [
        "instance M added",
        "address lifetime: chosen by count 3 s -> 5 s",
    ]
    assert said(config(vips(A, lifetime_s=9)), config(vips(A, lifetime_s=9), many)) == ["instance M added"]


def test_what_goes_goes_first() -> None:
    old, new = config(A, B, instance("C", 53)), config(vrrp(A, priority=9), vrrp(B, virtual_router_id=9))
    assert next(change.kind for change in instance_changes(compare(old, new))) is Kind.REMOVED


instances = st.builds(
    lambda name, vrid, priority, group, addresses: vrrp(
        instance(name, vrid, *addresses), priority=priority, sync_group=group
    ),
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
    for change in instance_changes(compare(old, new)):
        known = running.get(change.name)
        assert (known is None) is (change.kind is Kind.ADDED)
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
    assert compare(one, one) == ()
    names = [change.name for change in instance_changes(compare(Config(), one))]
    assert names == [found.vrrp.name for found in one.instances]


# -- groups elected by Raft --

WEB, DB = group("web", "192.0.2.100"), group("db", "192.0.2.101")


def test_groups_come_go_and_change_in_place() -> None:
    assert said(owned_config(WEB), owned_config(DB)) == ["raft_instance web removed", "raft_instance db added"]
    other = msgspec.structs.replace(WEB, raft=msgspec.structs.replace(WEB.raft, nopreempt=True))
    changes = compare(owned_config(WEB), owned_config(other))
    assert [str(change) for change in changes] == ["raft_instance web: nopreempt off -> on"]
    assert [change.kind for change in raft_changes(changes)] == [Kind.CHANGED]
    assert all(change.runs for change in changes)


def test_addresses_of_a_group_are_told_once() -> None:
    more = group("web", "192.0.2.100", "192.0.2.102")
    assert said(owned_config(WEB), owned_config(more)) == [
        "raft_instance web: virtual_ipaddress + 192.0.2.102/32 dev eth0"
    ]


def test_who_binds_the_addresses_makes_another_group() -> None:
    (change,) = compare(owned_config(WEB), owned_config(by_hooks(WEB)))
    assert (change.kind, change.subject) == (Kind.REPLACED, Subject.RAFT_INSTANCE)


def test_addresses_of_groups_count_for_the_lifetime_of_all() -> None:
    many = group("many", *(f"10.9.0.{number}" for number in range(1, 97)))
    assert automatic_lifetime_s(owned_config(WEB)) == 3
    assert automatic_lifetime_s(owned_config(WEB, many)) == 7
    assert automatic_lifetime_s(owned_config(WEB, by_hooks(many))) == 3
    assert "address lifetime: chosen by count 3 s -> 7 s" in said(owned_config(WEB), owned_config(WEB, many))


def test_checks_run_and_combinations_of_them_too() -> None:
    def text(check: str, counts: str) -> str:
        both = f"check both {{\n{counts}\n}}\n"
        pings = "".join(f"check {name} {{\nping {{\ntarget 192.0.2.1\n}}\n{check}\n}}\n" for name in ("a", "b"))
        return pings + both + instance_text("track_check {\nboth\n}")

    before = good(text("", "all a b"))
    (change,) = compare(before, good(text("", "any a b")))
    assert str(change) == "check both: quorum 2 -> 1" and change.runs
    first, second = compare(before, good(text("flap_damping 10", "all a b")))
    assert str(first) == "check a: flap_damping + 10 s max_hold 320 s" and second.name == "b" and first.runs
