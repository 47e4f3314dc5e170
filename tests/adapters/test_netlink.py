"""Requests and monitor on a kernel."""

from __future__ import annotations

import contextlib
import errno
import itertools
import socket
from collections.abc import Iterator

import pytest

from alived.adapters import netlink
from alived.adapters.netlink import Monitor, Requests
from alived.base import Family
from alived.wire import rtnetlink
from alived.wire.inet import pack_address
from alived.wire.rtnetlink import Address, Done, Link
from tests.segment import Segment, addresses_of, ip, wait_for

pytestmark = pytest.mark.lab


@pytest.fixture
def requests(segment: Segment) -> Iterator[Requests]:
    with contextlib.closing(Requests()) as requests:
        yield requests


def message(kind: int, text: str, index: int) -> bytes:
    return rtnetlink.address_message(
        kind, 0, family=Family.IPV4, index=index, prefix_length=32, local=pack_address(text)
    )


def test_a_batch_tells_of_what_failed_by_its_position(requests: Requests) -> None:
    eth0 = socket.if_nametoindex("eth0")
    wanted = [
        message(rtnetlink.RTM_NEWADDR, "192.0.2.100", eth0),
        message(rtnetlink.RTM_NEWADDR, "192.0.2.101", 999),
        message(rtnetlink.RTM_NEWADDR, "192.0.2.102", eth0),
        message(rtnetlink.RTM_DELADDR, "192.0.2.250", eth0),
        message(rtnetlink.RTM_NEWADDR, "192.0.2.103", eth0),
    ]
    assert requests.transact(wanted) == {1: errno.ENODEV, 3: errno.EADDRNOTAVAIL}
    assert {f"192.0.2.{n}/32" for n in (100, 102, 103)} <= set(addresses_of("eth0"))


def test_the_last_of_a_batch_may_fail_and_the_next_batch_counts_anew(requests: Requests) -> None:
    bad = message(rtnetlink.RTM_DELADDR, "192.0.2.250", socket.if_nametoindex("eth0"))
    assert requests.transact([bad, bad]) == {0: errno.EADDRNOTAVAIL, 1: errno.EADDRNOTAVAIL}
    assert requests.transact([bad]) == {0: errno.EADDRNOTAVAIL}


def test_the_sequence_starts_again_before_it_overflows(requests: Requests) -> None:
    bad = message(rtnetlink.RTM_DELADDR, "192.0.2.250", socket.if_nametoindex("eth0"))
    requests._sequence = (1 << 31) - 1
    for _ in range(3):
        assert requests.transact([bad, bad]) == {0: errno.EADDRNOTAVAIL, 1: errno.EADDRNOTAVAIL}
    assert requests._sequence < 10


def test_nothing_to_ask_is_not_waited_for(requests: Requests) -> None:
    assert requests.transact([]) == {}


def test_a_refused_request_is_an_oserror(requests: Requests) -> None:
    with pytest.raises(OSError, match="No such device") as caught:
        requests.request(rtnetlink.delete_link_message(0, 999))
    assert caught.value.errno == errno.ENODEV


def test_a_dump_is_all_links_or_all_addresses(requests: Requests) -> None:
    links = [link for link in requests.dump(rtnetlink.RTM_GETLINK) if isinstance(link, Link)]
    assert {link.name for link in links} == {name for _, name in socket.if_nameindex()}
    found = [one for one in requests.dump(rtnetlink.RTM_GETADDR) if isinstance(one, Address)]
    assert pack_address("192.0.2.1") in {one.local for one in found}
    only = requests.dump(rtnetlink.RTM_GETADDR, Family.IPV6)
    assert {one.family for one in only if isinstance(one, Address)} == {Family.IPV6}


def test_one_link_by_its_name(requests: Requests) -> None:
    found = requests.link("eth1")
    assert found
    assert (found.name, found.index, found.up) == ("eth1", socket.if_nametoindex("eth1"), True)
    assert requests.link("eth9") is None
    assert requests.link("eth0") is not None, "the socket is in step after a refusal"


def test_a_dump_longer_than_a_buffer_is_complete(requests: Requests) -> None:
    ip(*[f"addr add 10.9.{n // 200}.{n % 200 + 1}/32 dev lo" for n in range(2000)])
    found = requests.dump(rtnetlink.RTM_GETADDR, Family.IPV4)
    assert sum(one.local[0] == 10 for one in found if isinstance(one, Address)) == 2000


def test_an_interrupted_dump_is_asked_for_again(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted = itertools.chain([True, True], itertools.repeat(False))
    asked = []

    def parse(buffer: bytes) -> list[rtnetlink.Message]:
        found = rtnetlink.parse(buffer)
        done = [Done(one.sequence, 0, next(interrupted)) for one in found if isinstance(one, Done)]
        asked.extend(done)
        return [*(one for one in found if not isinstance(one, Done)), *done]

    class Wire:
        Ack, Address, Done, Link = rtnetlink.Ack, Address, Done, Link
        dump_request = staticmethod(rtnetlink.dump_request)

    wire = Wire()
    wire.parse = parse  # type: ignore[attr-defined]
    monkeypatch.setattr(netlink, "rtnetlink", wire)
    found = requests.dump(rtnetlink.RTM_GETLINK)
    assert len(asked) == 3
    assert len(found) == len(socket.if_nameindex()), "what the interrupted ones said is not there twice"


def test_the_monitor_hears_of_links_and_addresses_of_both_families(segment: Segment) -> None:
    with contextlib.closing(Monitor()) as monitor:
        ip("link set eth1 mtu 1400", "addr add 192.0.2.100/32 dev eth0", "addr add 2001:db8::100/128 dev eth0")
        wanted = {"eth1 1400", pack_address("192.0.2.100"), pack_address("2001:db8::100")}
        told: set[str | bytes] = set()
        while not wanted <= told:
            wait_for(monitor)
            told |= {f"{n.name} {n.mtu}" if isinstance(n, Link) else n.local for n in monitor.read() or []}
        while news := monitor.read():
            pass
        assert news == [], "nothing waits, nor does it"


def test_a_monitor_that_lost_something_says_none_and_forgets_what_is_older(segment: Segment) -> None:
    with contextlib.closing(Monitor()) as monitor:
        monitor._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        ip(*[f"addr add 10.9.1.{n}/32 dev lo" for n in range(1, 100)])
        assert monitor.read() is None
        ip("addr add 192.0.2.100/32 dev eth0")
        told: list[bytes] = []
        while pack_address("192.0.2.100") not in told:
            wait_for(monitor)
            told += [one.local for one in monitor.read() or [] if isinstance(one, Address)]
        assert not [local for local in told if local.startswith(pack_address("10.9.1.0")[:3])]
