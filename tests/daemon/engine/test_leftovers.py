"""What a dead engine left in the kernel, and what it did not."""

from __future__ import annotations

import socket

import pytest

from alived.adapters.netlink import Requests
from alived.daemon.engine import leftovers
from alived.vip.config import VirtualAddress
from alived.vip.kernel import IFA_PROTO_ALIVED, address_request
from alived.vrrp.config import Vmac
from alived.wire import rtnetlink
from tests.config.test_change import vrrp
from tests.daemon.engine.engine_play import address, config, instance
from tests.daemon.engine.owned_play import by_hooks, group, owned_config
from tests.segment import Segment, addresses_of, ip

pytestmark = pytest.mark.lab

VIP, VIP6 = address("192.0.2.100"), address("2001:db8::100")
POINT = address("192.0.2.101", peer="198.51.100.7/30")


def leave_behind(*vips: VirtualAddress) -> None:
    requests = Requests()
    for va in vips:
        wanted = address_request(va, socket.if_nametoindex(va.interface), 3600)
        requests.request(rtnetlink.address_message(rtnetlink.RTM_NEWADDR, 0, **wanted))
    requests.close()


def test_what_carries_our_mark_and_is_configured_is_removed(segment: Segment) -> None:
    before = addresses_of("eth0")
    leave_behind(VIP, VIP6, POINT)
    assert len(addresses_of("eth0")) == len(before) + 3
    said = leftovers.remove(config(instance("A", 51, VIP, POINT), instance("B", 52, VIP6)))
    assert sorted(said) == [
        "removed the leftover address 192.0.2.100/32 from eth0",
        "removed the leftover address 192.0.2.101/32 from eth0",
        "removed the leftover address 2001:db8::100/128 from eth0",
    ]
    assert addresses_of("eth0") == before


def test_groups_elected_by_raft_leave_nothing_either(segment: Segment) -> None:
    leave_behind(VIP, POINT)
    ours, theirs = group("web", VIP), by_hooks(group("db", POINT))
    assert leftovers.remove(owned_config(ours, theirs)) == ["removed the leftover address 192.0.2.100/32 from eth0"]
    assert any("192.0.2.101" in bound for bound in addresses_of("eth0")), "what hooks bind, hooks remove"


def test_what_an_operator_has_bound_stays(segment: Segment) -> None:
    ip("addr add 192.0.2.100/32 dev eth0")
    assert leftovers.remove(config(instance("A", 51, VIP))) == []
    assert "192.0.2.100/32" in addresses_of("eth0")


def test_what_is_ours_but_not_configured_stays(segment: Segment) -> None:
    leave_behind(VIP)
    assert leftovers.remove(config(instance("A", 51, address("192.0.2.100", prefix_length=24)))) == []
    assert leftovers.remove(config(instance("A", 51, address("192.0.2.100", "eth1")))) == []
    assert "192.0.2.100/32" in addresses_of("eth0")


def test_more_than_a_batch(segment: Segment) -> None:
    vips = [address(f"10.9.{number // 200}.{number % 200 + 1}") for number in range(leftovers.BATCH + 10)]
    leave_behind(*vips)
    assert len(leftovers.remove(config(instance("A", 51, *vips)))) == len(vips)
    assert not [text for text in addresses_of("eth0") if text.startswith("10.9.")]


def test_a_device_of_ours_goes_and_one_of_another_mac_stays(segment: Segment) -> None:
    ip(
        "link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 type macvlan",
        "link add link eth0 name vrrp.52 address 02:00:00:00:09:09 type macvlan",
    )
    instances = [vrrp(instance(f"I{vrid}", vrid), vmac=Vmac(name=f"vrrp.{vrid}")) for vrid in (51, 52, 53)]
    assert leftovers.remove(config(*instances)) == ["removed the leftover virtual MAC device vrrp.51"]
    names = [name for _, name in socket.if_nameindex()]
    assert "vrrp.51" not in names
    assert "vrrp.52" in names


def test_what_the_kernel_does_not_let_go_is_not_called_removed(
    segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_behind(VIP, VIP6)

    def refuse(self: Requests, messages: list[bytes]) -> dict[int, int]:
        return {0: 1, 1: 99}  # EPERM; EADDRNOTAVAIL: it has gone by itself

    monkeypatch.setattr(Requests, "transact", refuse)
    said = leftovers.remove(config(instance("A", 51, VIP, VIP6)))
    assert len(said) == 1
    assert said[0].startswith("cannot remove the leftover address")
    assert said[0].endswith("Operation not permitted")


def test_a_device_that_goes_by_itself_or_stays(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    ip("link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 type macvlan")
    wanted = config(vrrp(instance("A", 51), vmac=Vmac(name="vrrp.51")))
    for code, sentences in (
        (19, []),
        (1, ["cannot remove the leftover virtual MAC device vrrp.51: Operation not permitted"]),
    ):

        def refuse(requests: Requests, link: object, code: int = code) -> None:
            raise OSError(code, "no")

        monkeypatch.setattr(leftovers.vmac, "remove", refuse)
        assert leftovers.remove(wanted) == sentences


def test_the_mark_is_what_the_kernel_keeps(segment: Segment) -> None:
    leave_behind(VIP)
    requests = Requests()
    found = [one for one in requests.dump(rtnetlink.RTM_GETADDR) if isinstance(one, rtnetlink.Address)]
    requests.close()
    assert [one.proto for one in found if one.local == socket.inet_aton("192.0.2.100")] == [IFA_PROTO_ALIVED]
