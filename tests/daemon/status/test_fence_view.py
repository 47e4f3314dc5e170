"""What silences the addresses of a group, from values to values."""

from __future__ import annotations

import msgspec
import pytest

from alived.config.model import Config, RaftGroup
from alived.daemon.status.fence_view import fences
from alived.raft.config import BoundBy, Cluster, Member, Profile, RaftInstance
from alived.vip.config import VipGroup, VirtualAddress

WHY = "cannot run nft"
ADDRESS = VirtualAddress(address="192.0.2.100", prefix_length=24, interface="eth0")


def group(bound_by: BoundBy = BoundBy.DAEMON, lifetime_s: int | None = None) -> RaftGroup:
    vips = VipGroup(name="web", addresses=(ADDRESS,), lifetime_s=lifetime_s)
    return RaftGroup(raft=RaftInstance(name="web", bound_by=bound_by), vips=vips)


def config(one: RaftGroup, profile: Profile = Profile.LAN) -> Config:
    members = (Member(id="n1", address="192.0.2.1"),)
    return Config(cluster=Cluster(node_id="n1", data_dir="/d", members=members, profile=profile), raft_groups=(one,))


@pytest.mark.parametrize(("profile", "within_ms"), [(Profile.LAN, 168), (Profile.RELAXED, 882)])
@pytest.mark.parametrize("bound_by", BoundBy)
def test_the_kernels_lease_covers_whoever_binds(bound_by: BoundBy, profile: Profile, within_ms: int) -> None:
    assert fences(config(group(bound_by), profile), True, "") == [
        {"group": "web", "fence": "kernel lease", "silent_after_ms": within_ms, "missing": ""}
    ]


@pytest.mark.parametrize(("lifetime_s", "silent_after_ms"), [(2, 3000), (None, 4000)])
def test_without_it_addresses_of_ours_die_by_themselves(lifetime_s: int | None, silent_after_ms: int) -> None:
    assert fences(config(group(lifetime_s=lifetime_s)), False, WHY) == [
        {"group": "web", "fence": "address lifetime", "silent_after_ms": silent_after_ms, "missing": WHY}
    ]


@pytest.mark.parametrize("one", [group(BoundBy.HOOKS), group(lifetime_s=0)])
def test_those_of_hooks_and_those_without_a_lifetime_do_not(one: RaftGroup) -> None:
    assert fences(config(one), False, WHY) == [
        {"group": "web", "fence": "none", "silent_after_ms": None, "missing": WHY}
    ]


def test_addresses_that_nobody_has_told_us_cannot_be_fenced() -> None:
    unknown = msgspec.structs.replace(group(BoundBy.HOOKS), vips=VipGroup(name="web"))
    [fence] = fences(config(unknown), True, "")
    assert fence["fence"] == "none"
    assert "vip.conf" in fence["missing"]


def test_without_a_cluster_there_is_nothing_to_fence() -> None:
    assert fences(Config(), False, "") == []
