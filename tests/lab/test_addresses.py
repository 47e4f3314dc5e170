"""What the kernel does with the addresses that we ask of it: the facts on which `alived.vip` and ADR 0003 are built."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from alived.adapters.netlink import Monitor, Requests
from alived.adapters.netns import Network, inside, run_ip
from alived.base import Family
from alived.vip.config import INFINITE_LIFETIME, VirtualAddress
from alived.vip.kernel import IFA_PROTO_ALIVED, address_request
from alived.wire import rtnetlink
from alived.wire.inet import pack_address
from alived.wire.rtnetlink import IFA_F_DEPRECATED, IFA_F_PERMANENT, IFA_F_TENTATIVE, Address, Link

pytestmark = pytest.mark.lab

PATIENCE_S = 20
VIP4 = VirtualAddress(address="192.0.2.100", prefix_length=32, interface="eth0")
VIP6 = VirtualAddress(address="2001:db8::100", prefix_length=128, interface="eth0", family=Family.IPV6)


class Node:
    """A node with one interface, and a netlink socket in it."""

    def __init__(self, network: Network) -> None:
        self.namespace = network.namespace("n1")
        with inside(self.namespace):
            self.requests = Requests()
            self.monitor = Monitor()
        links = [link for link in self.requests.dump(rtnetlink.RTM_GETLINK) if isinstance(link, Link)]
        self.index = next(link.index for link in links if link.name == "eth0")

    def close(self) -> None:
        self.requests.close()
        self.monitor.close()

    def ip(self, *arguments: str) -> str:
        return run_ip(["-n", self.namespace, *arguments])

    def ask(self, va: VirtualAddress, lifetime_s: int = 60, message_type: int = rtnetlink.RTM_NEWADDR) -> None:
        request = address_request(va, self.index, lifetime_s)
        failed = self.requests.transact([rtnetlink.address_message(message_type, 0, **request)])
        assert not failed

    def find(self, va: VirtualAddress) -> Address | None:
        local = pack_address(va.address)
        found = self.requests.dump(rtnetlink.RTM_GETADDR)
        return next((a for a in found if isinstance(a, Address) and a.local == local), None)

    def there(self, va: VirtualAddress) -> Address:
        found = self.find(va)
        assert found, f"{va.address} is not there"
        return found

    def source_to(self, destination: str) -> str:
        """The source address of a new connection."""
        words = self.ip("route", "get", destination).split()
        return words[words.index("src") + 1]


@pytest.fixture
def node() -> Iterator[Node]:
    with Network(["n1"], lambda _node, _segment: ["192.0.2.1/24", "2001:db8::1/64"], ipv6=True) as network:
        node = Node(network)
        yield node
        node.close()


@pytest.mark.parametrize("va", [VIP4, VIP6], ids=["IPv4", "IPv6"])
def test_mark_lifetime_and_flags_arrive(node: Node, va: VirtualAddress) -> None:
    """N25: the mark is IFA_PROTO."""
    node.ask(va, 60)
    there = node.there(va)
    assert (there.proto, there.prefix_length) == (IFA_PROTO_ALIVED, va.prefix_length)
    assert 0 < there.valid_lft <= 60
    assert not there.flags & (IFA_F_PERMANENT | IFA_F_TENTATIVE)
    assert bool(there.flags & IFA_F_DEPRECATED) == (va is VIP6)


@pytest.mark.parametrize("va", [VIP4, VIP6], ids=["IPv4", "IPv6"])
def test_the_kernel_takes_an_address_away_that_nobody_renews(node: Node, va: VirtualAddress) -> None:
    begin = time.monotonic()
    node.ask(va, 1)
    while node.find(va):
        assert time.monotonic() < begin + PATIENCE_S
        time.sleep(0.02)
    assert time.monotonic() - begin > 0.9, "never before its time"


@pytest.mark.parametrize("va", [VIP4, VIP6], ids=["IPv4", "IPv6"])
def test_a_renewal_sets_the_lifetime_and_nothing_else(node: Node, va: VirtualAddress) -> None:
    node.ask(va, 60)
    before = node.there(va)
    for lifetime_s in (600, 0, 600):
        node.ask(va, lifetime_s)
        after = node.there(va)
        expected = lifetime_s or INFINITE_LIFETIME
        assert expected - 5 <= after.valid_lft <= expected
        assert after.flags & ~IFA_F_PERMANENT == before.flags
        assert not after.flags & IFA_F_TENTATIVE, "no detection anew"


@pytest.mark.parametrize("va", [VIP4, VIP6], ids=["IPv4", "IPv6"])
def test_a_claim_takes_over_what_somebody_else_bound(node: Node, va: VirtualAddress) -> None:
    node.ip("address", "add", f"{va.address}/{va.prefix_length}", "dev", "eth0")
    assert (node.there(va).proto, node.there(va).valid_lft) == (0, INFINITE_LIFETIME)
    node.ask(va, 60)
    assert node.there(va).proto == IFA_PROTO_ALIVED
    assert node.there(va).valid_lft <= 60


# -- N24: the virtual address never becomes the source of new connections --


@pytest.mark.parametrize("first", [True, False], ids=["bound before the host's own", "bound after it"])
def test_an_ipv4_32_is_no_source_in_its_subnet_nor_beyond_a_gateway(node: Node, first: bool) -> None:
    node.ip("address", "flush", "dev", "eth0", "scope", "global")
    if first:
        node.ask(VIP4)
    node.ip("address", "add", "192.0.2.1/24", "dev", "eth0")
    node.ask(VIP4)
    node.ip("route", "add", "default", "via", "192.0.2.254")
    assert node.source_to("192.0.2.7") == "192.0.2.1"
    assert node.source_to("198.51.100.1") == "192.0.2.1"


def test_an_ipv4_32_that_was_bound_first_is_the_source_over_a_route_without_gateway(node: Node) -> None:
    """The limit of it: the kernel takes the interface's first address, deprecated (preferred_lft 0) or not."""
    deprecated = VirtualAddress(address="192.0.2.100", prefix_length=32, interface="eth0", preferred_lft=0)
    node.ip("address", "flush", "dev", "eth0", "scope", "global")
    node.ask(deprecated)
    node.ip("address", "add", "192.0.2.1/24", "dev", "eth0")
    node.ip("route", "add", "198.51.100.0/24", "dev", "eth0")
    assert node.source_to("198.51.100.1") == "192.0.2.100"
    node.ask(deprecated, message_type=rtnetlink.RTM_DELADDR)
    node.ask(deprecated)
    assert node.source_to("198.51.100.1") == "192.0.2.1", "bound after the host's own it is not"


def test_an_ipv6_128_is_deprecated_and_so_no_source(node: Node) -> None:
    """RFC 6724 rule 3. A VIP that is not deprecated wins by the longest prefix."""
    node.ask(VIP6)
    assert node.source_to("2001:db8::101") == "2001:db8::1"
    preferred = VirtualAddress(
        address="2001:db8::100",
        prefix_length=128,
        interface="eth0",
        family=Family.IPV6,
        preferred_lft=INFINITE_LIFETIME,
    )
    node.ask(preferred)
    assert node.source_to("2001:db8::101") == "2001:db8::100"


def test_an_ipv4_address_with_the_prefix_of_the_host_s_is_secondary_to_it(node: Node) -> None:
    """So its removal takes no other address along; bound first it would be the primary one."""
    secondary = VirtualAddress(address="192.0.2.100", prefix_length=24, interface="eth0")
    node.ask(secondary)
    assert node.source_to("192.0.2.7") == "192.0.2.1"
    node.ask(secondary, message_type=rtnetlink.RTM_DELADDR)
    assert "192.0.2.1/24" in node.ip("address", "show", "dev", "eth0")


# -- links --


def test_a_link_that_is_set_down_takes_ipv6_addresses_and_says_so_first(node: Node) -> None:
    """On this order rests that addresses which vanish with a link are not taken for stolen."""
    node.ask(VIP4)
    node.ask(VIP6)
    while node.monitor.read():
        pass
    node.ip("link", "set", "eth0", "down")
    news = []
    begin = time.monotonic()
    gone = [isinstance(n, Address) and n.deleted and n.local == pack_address(VIP6.address) for n in news]
    while not any(gone):
        assert time.monotonic() < begin + PATIENCE_S
        news += node.monitor.read() or []
        gone = [isinstance(n, Address) and n.deleted and n.local == pack_address(VIP6.address) for n in news]
    # Other news may come first: the host's own addresses may have just passed duplicate address detection.
    down = [isinstance(n, Link) and not n.up for n in news]
    assert down.index(True) < gone.index(True)
    assert node.find(VIP6) is None
    assert node.find(VIP4)
