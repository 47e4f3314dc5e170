"""Who becomes master, beside a live keepalived and with itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.lab.lab import CALM, VIP4, Lab, advertisers, answers, has_peer, instance, master_down_interval_ns

pytestmark = pytest.mark.lab

BOTH_ROLES = pytest.mark.parametrize(
    "kinds", [("alived", "keepalived"), ("keepalived", "alived"), ("alived", "alived")], ids="-".join
)
GRAIN_NS = 2_000_000
"""Frames are stamped a little after they are sent."""


@pytest.fixture(autouse=True)
def _peers(request: pytest.FixtureRequest) -> None:
    kinds = getattr(request.node, "callspec", None)
    if kinds is not None and "keepalived" in kinds.params.get("kinds", ()) and not has_peer("keepalived"):
        pytest.skip("keepalived is not installed")


@BOTH_ROLES
def test_of_two_masters_with_equal_priority_the_greater_address_stays(lab: Lab, kinds: tuple[str, str]) -> None:
    """RFC 9568 section 6.4.3: equal priority, and the sender's address is greater than ours: we give way."""
    lab.partition()
    for node, kind in zip(lab.nodes, kinds):
        lab.start(node, instance(100), kind=kind)
    lab.until(lambda: lab.adverts("n1") and lab.adverts("n2"), "both are masters of their part")
    lab.drop()
    lab.until_owner("n2")


@BOTH_ROLES
def test_nopreempt_leaves_the_lower_priority_master(lab: Lab, kinds: tuple[str, str]) -> None:
    """RFC 9568 section 6.4.2, Preempt_Mode false."""
    lab.start("n2", instance(100, advert_int=CALM), kind=kinds[1])
    lab.until_owner("n2", seconds=1.0)
    lab.start("n1", instance(150, "nopreempt", advert_int=CALM), kind=kinds[0])
    lab.hear_asking(VIP4, seconds=2.0)
    assert not lab.adverts("n1")
    lab.until_owner("n2", seconds=1.0)
    lab.kill("n2")
    lab.network.reset_addresses("n2")
    lab.until_owner("n1", seconds=1.0)


@BOTH_ROLES
def test_preempt_delay_is_waited_for(lab: Lab, kinds: tuple[str, str]) -> None:
    lab.start("n2", instance(100), kind=kinds[1])
    lab.until_owner("n2")
    begin_ns = time.time_ns()
    lab.start("n1", instance(150, "preempt_delay 2"), kind=kinds[0])
    lab.until(lambda: lab.adverts("n1"), "n1 preempts")
    assert lab.adverts("n1")[0].time_ns - begin_ns >= 2_000_000_000
    lab.until_owner("n1")


@BOTH_ROLES
def test_the_owner_of_the_address_preempts_whatever_others_say(lab: Lab, kinds: tuple[str, str]) -> None:
    """RFC 9568 section 6.4.2: priority 255 always takes over; it starts as master."""
    lab.start("n2", instance(254), kind=kinds[1])
    lab.until_owner("n2")
    lab.start("n1", instance(255, state="MASTER"), kind=kinds[0])
    lab.until_owner("n1")
    assert {advert.priority for advert in lab.adverts("n1")} == {255}


@BOTH_ROLES
def test_a_backup_waits_by_the_interval_of_the_master(lab: Lab, kinds: tuple[str, str]) -> None:
    """RFC 9568 section 6.4.2: Active_Adver_Interval is the one in the adverts of the master, not our own."""
    lab.start("n2", instance(100, advert_int=0.1), kind=kinds[1])
    lab.until_owner("n2")
    lab.start("n1", instance(150, advert_int=1.0), kind=kinds[0])
    lab.until_owner("n1", seconds=1.5)
    settled_ns = time.time_ns()
    lab.hear_asking(VIP4, seconds=3.0)
    assert not lab.adverts("n2", since_ns=settled_ns)
    lab.kill("n1")
    lab.until(lambda: lab.adverts("n2", since_ns=settled_ns), "n2 takes over")
    silence_ns = lab.adverts("n2", since_ns=settled_ns)[0].time_ns - lab.adverts("n1")[-1].time_ns
    assert silence_ns >= master_down_interval_ns(100, 1.0) - GRAIN_NS


def test_of_three_the_highest_priority_wins_and_the_next_follows(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("n1", "n2", "n3")
    for node, priority in ("n1", 10), ("n2", 200), ("n3", 250):  # Skew_Times 0.2 s apart
        lab.start(node, instance(priority, advert_int=CALM))
    lab.until_owner("n3", seconds=1.0)
    settled_ns = time.time_ns()
    lab.kill("n3")
    lab.network.reset_addresses("n3")
    lab.until_owner("n2", seconds=1.0)
    assert not lab.adverts("n1", since_ns=settled_ns)


def test_several_virtual_routers_on_one_interface_share_the_load(lab: Lab) -> None:
    """Each VRID has its own election: every node is master of one and backup of the other."""
    other = "192.0.2.101"
    for node, first, second in ("n1", 150, 100), ("n2", 100, 150):
        lab.start(node, instance(first), instance(second, name="VJ", virtual_router_id=52, addresses=[f"{other}/24"]))

    def settled() -> bool:
        fresh = lab.hear_asking(VIP4, other, seconds=0.5)
        return (
            set(answers(fresh, VIP4)) == {"n1"}
            and set(answers(fresh, other)) == {"n2"}
            and len(advertisers(fresh)) == 2
        )

    lab.until(settled, "n1 has the first VIP and n2 the second")
    lab.kill("n1")
    lab.network.reset_addresses("n1")
    lab.until_owner("n2", VIP4)
    lab.until_owner("n2", other)
