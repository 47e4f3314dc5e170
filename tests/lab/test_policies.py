"""What an operator may choose: accept mode, conflict check, tracked interfaces, reload."""

from __future__ import annotations

import time

import pytest

from alived.cli.demo_wire import Kind
from tests.lab.lab import CALM, CLIENT, VIP4, VIP6, Lab, answers, instance, instance6

pytestmark = pytest.mark.lab


def ping_replies(lab: Lab, address: str) -> int:
    """Replies to ten pings of the client."""
    begin_ns = time.time_ns()
    for _ in range(10):
        lab.ping(address)
        lab.hear(0.03)
    return sum(f.seen.kind is Kind.PING and f.seen.address == address and f.seen.time_ns > begin_ns for f in lab.frames)


@pytest.mark.parametrize(("build", "address"), [(instance, VIP4), (instance6, VIP6)], ids=["ipv4", "ipv6"])
def test_no_accept_answers_the_neighbours_and_nothing_else(lab: Lab, build: type, address: str) -> None:
    """RFC 9568 section 6.1, Accept_Mode: packets to the address are dropped, ARP and ND are answered."""
    lab.start("n1", build(150, "no_accept"))
    lab.until_owner("n1", address)
    assert ping_replies(lab, address) == 0
    assert set(answers(lab.hear_asking(address, seconds=0.3), address)) == {"n1"}


@pytest.mark.parametrize(("build", "address"), [(instance, VIP4), (instance6, VIP6)], ids=["ipv4", "ipv6"])
def test_accept_is_the_default(lab: Lab, build: type, address: str) -> None:
    lab.start("n1", build(150))
    lab.until_owner("n1", address)
    assert ping_replies(lab, address) > 0


def test_conflict_check_abort_does_not_take_an_address_in_use(lab: Lab) -> None:
    """The client, who is no router at all, has the address already."""
    lab.ip(CLIENT, "address", "add", f"{VIP4}/24", "dev", "eth0")
    lab.start("n1", instance(150, "conflict_check abort"))
    lab.until(lambda: lab.status("n1")["instances"][0]["state"] == "FAULT", "n1 sees the conflict")
    fault = lab.status("n1")["instances"][0]["faults"][0]
    assert "02:00:00:00:03:00" in fault["reason"]
    assert not lab.has_address("n1", VIP4)
    assert not lab.announcements("n1")


def test_conflict_check_take_reports_who_else_has_the_address(lab: Lab) -> None:
    lab.ip(CLIENT, "address", "add", f"{VIP4}/24", "dev", "eth0")
    lab.start("n1", instance(150))
    lab.until(lambda: lab.has_address("n1", VIP4), "n1 takes it")
    lab.until(lambda: "02:00:00:00:03:00" in lab.daemons["n1"].log, "the log names the other")


def test_a_tracked_interface_is_a_fault_while_it_is_down(lab: Lab) -> None:
    lab.ip("n1", "link", "add", "uplink", "type", "veth", "peer", "name", "farend")
    lab.ip("n1", "link", "set", "uplink", "up")
    lab.ip("n1", "link", "set", "farend", "up")
    lab.start("n1", instance(150, "track_interface {", "  uplink", "}"))
    lab.start("n2", instance(100))
    lab.until_owner("n1")
    lab.ip("n1", "link", "set", "farend", "down")
    lab.until_owner("n2")
    assert "uplink" in lab.status("n1")["instances"][0]["faults"][0]["reason"]
    lab.ip("n1", "link", "set", "farend", "up")
    lab.until_owner("n1")


def test_a_weight_of_a_tracked_interface_changes_the_priority(lab: Lab) -> None:
    lab.ip("n1", "link", "add", "uplink", "type", "veth", "peer", "name", "farend")
    lab.ip("n1", "link", "set", "uplink", "up")
    lab.ip("n1", "link", "set", "farend", "up")
    lab.start("n1", instance(120, "track_interface {", "  uplink weight -50", "}"))
    lab.start("n2", instance(100))
    lab.until_owner("n1")
    lab.ip("n1", "link", "set", "farend", "down")
    lab.until_owner("n2")
    assert lab.status("n1")["instances"][0]["priority"] == 70
    lab.ip("n1", "link", "set", "farend", "up")
    lab.until_owner("n1")
    assert lab.adverts("n1")[-1].priority == 120


def test_a_reload_without_changes_is_not_seen_by_anybody(lab: Lab) -> None:
    lab.start("n1", instance(150, advert_int=CALM))
    lab.start("n2", instance(100, advert_int=CALM))
    lab.until_owner("n1", seconds=1.0)
    settled_ns = time.time_ns()
    for _ in range(3):
        lab.daemons["n1"].reload()
        lab.hear_asking(VIP4, seconds=0.5)
    assert not lab.adverts("n2", since_ns=settled_ns)
    assert all(advert.priority == 150 for advert in lab.adverts("n1", since_ns=settled_ns))
    lab.until_owner("n1")


def test_a_reload_adds_and_removes_addresses_without_a_fail_over(lab: Lab) -> None:
    added = "192.0.2.101"
    lab.start("n1", instance(150, advert_int=CALM))
    lab.start("n2", instance(100, advert_int=CALM))
    lab.until_owner("n1", seconds=1.0)
    settled_ns = time.time_ns()
    lab.configure("n1", instance(150, advert_int=CALM, addresses=[f"{VIP4}/24", f"{added}/24"]))
    lab.daemons["n1"].reload()
    lab.until(lambda: lab.has_address("n1", added), "the new address is there")
    lab.until(lambda: lab.announcements("n1", added), "it is announced")
    lab.configure("n1", instance(150, advert_int=CALM))
    lab.daemons["n1"].reload()
    lab.until(lambda: not lab.has_address("n1", added), "it is gone")
    assert lab.has_address("n1", VIP4)
    assert not lab.adverts("n2", since_ns=settled_ns)


def test_a_reload_to_a_lower_priority_gives_the_address_away(lab: Lab) -> None:
    lab.start("n1", instance(150))
    lab.start("n2", instance(100))
    lab.until_owner("n1")
    lab.configure("n1", instance(50))
    lab.daemons["n1"].reload()
    lab.until_owner("n2")


def test_a_reload_of_nonsense_changes_nothing(lab: Lab) -> None:
    lab.start("n1", instance(150))
    lab.until_owner("n1")
    lab.configure("n1", instance(150, "prioritty 3"), instance(999, name="VJ"))
    lab.daemons["n1"].reload()
    lab.until(lambda: "999" in lab.daemons["n1"].log, "the log says what is wrong")
    lab.until_owner("n1")
    lab.configure("n1", instance(140))
    lab.daemons["n1"].reload()
    lab.until(lambda: lab.adverts("n1")[-1].priority == 140, "a good configuration is taken afterwards")
