"""Instances that must be on the same node move together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from alived.cli.demo_daemons import InstanceText
from tests.lab.lab import VIP4, Lab, has_peer, instance

pytestmark = pytest.mark.lab

OUTER = "198.51.100.100"
GROUP = ["vrrp_sync_group G {", "  group {", "    VI", "    VO", "  }", "}"]


def both_sides(priority: int) -> list[InstanceText]:
    outside = instance(priority, name="VO", interface="eth1", virtual_router_id=52, addresses=[f"{OUTER}/24"])
    return [instance(priority), outside]


@pytest.mark.parametrize(
    "kinds", [("alived", "alived"), ("alived", "keepalived"), ("keepalived", "alived")], ids="-".join
)
def test_a_fault_on_one_side_moves_both(make_lab: Callable[..., Lab], kinds: tuple[str, str]) -> None:
    if "keepalived" in kinds and not has_peer("keepalived"):
        pytest.skip("keepalived is not installed")
    lab = make_lab("n1", "n2", segments=2)
    for node, kind, priority in zip(lab.nodes, kinds, (150, 100)):
        lab.start(node, *both_sides(priority), kind=kind, blocks=GROUP)
    until_both(lab, "n1")
    lab.network.set_cable("n1", plugged=False, segment=1)
    until_both(lab, "n2")
    assert not lab.has_address("n1", VIP4)
    lab.network.set_cable("n1", plugged=True, segment=1)
    until_both(lab, "n1")


def until_both(lab: Lab, node: str) -> None:
    lab.until_owner(node, VIP4)
    lab.until_owner(node, OUTER, segment=1)
    lab.until_owner(node, VIP4)


def test_without_a_group_only_the_side_with_the_fault_moves(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("n1", "n2", segments=2)
    for node, priority in zip(lab.nodes, (150, 100)):
        lab.start(node, *both_sides(priority))
    lab.until(lambda: lab.has_address("n1", VIP4) and lab.has_address("n1", OUTER), "n1 has both")
    lab.network.set_cable("n1", plugged=False, segment=1)
    lab.until(lambda: lab.has_address("n2", OUTER), "n2 has the outer one")
    lab.hear(0.5)
    assert lab.has_address("n1", VIP4)
