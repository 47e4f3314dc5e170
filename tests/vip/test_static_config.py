"""What stays on the machine: values that are compared, to see what a reload changes."""

from __future__ import annotations

from alived.vip.static_config import GarpGroup, StaticAddress, TrackGroup
from tests.vip.playbook import A, B


def test_static_addresses_are_alike_if_they_say_the_same() -> None:
    assert StaticAddress(A) == StaticAddress(A, track_group="")
    assert len({StaticAddress(A), StaticAddress(B), StaticAddress(A, "G"), StaticAddress(A)}) == 3


def test_a_group_without_a_pace_of_its_own_has_that_of_all() -> None:
    group = GarpGroup(interfaces=("eth0", "eth1"))
    assert (group.garp_interval_ns, group.gna_interval_ns) == (None, None)
    assert TrackGroup("G", ("VI_1",)) != TrackGroup("G", ("VI_1", "VI_2"))
