"""The packets of an instance, against the byte vectors of requirement section 6 and our own decoder."""

from __future__ import annotations

import msgspec
import pytest

from alived.base import Family
from alived.vrrp.authentication import ah_decode
from alived.vrrp.config import AuthType, Checksum, UnicastPeer, VrrpInstance
from alived.vrrp.packet import decode
from alived.vrrp.transmit import Transmitter
from alived.wire.inet import PROTOCOL_AH, PROTOCOL_VRRP, decode_ipv4

V3 = VrrpInstance(
    name="V",
    interface="eth0",
    virtual_router_id=60,
    version=3,
    priority=100,
    advert_interval_cs=50,
    addresses=("192.0.2.100", "192.0.2.101", "198.51.100.3"),
)
V2 = VrrpInstance(name="V", interface="eth0", virtual_router_id=7, priority=120, addresses=("192.0.2.100",))


def changed(instance: VrrpInstance, **fields: object) -> VrrpInstance:
    return msgspec.structs.replace(instance, **fields)


def only_packet(instance: VrrpInstance, priority: int, source: str = "192.0.2.1") -> tuple[str, bytes]:
    ((destination, packet),) = Transmitter(instance, source).packets(priority)
    return destination, packet


@pytest.mark.parametrize(
    ("priority", "message"),
    [
        (100, "313c6403003218f4c0000264c0000265c6336403"),
        (0, "313c000300327cf4c0000264c0000265c6336403"),
    ],
)
def test_p13_v3_ipv4_to_the_group_with_the_pseudo_header(priority: int, message: str) -> None:
    destination, packet = only_packet(V3, priority)
    header = decode_ipv4(packet)
    assert destination == header.destination == "224.0.0.18"
    assert (header.source, header.ttl, header.protocol) == ("192.0.2.1", 255, PROTOCOL_VRRP)
    assert header.total_length == len(packet)
    assert packet[header.header_length :].hex() == message


def test_p13_message_only_by_option() -> None:
    _, packet = only_packet(changed(V3, checksum=Checksum.MESSAGE_ONLY), 100)
    assert packet[20:].hex() == "313c64030032bb8cc0000264c0000265c6336403"


def test_p8_v2_with_a_password() -> None:
    _, packet = only_packet(changed(V2, auth_type=AuthType.PASS, auth_pass="secret12"), 120)
    assert packet[20:].hex() == "2107780101013613c00002647365637265743132"


def test_p12_ipv6_comes_without_a_header() -> None:
    instance = VrrpInstance(
        name="V",
        interface="eth0",
        virtual_router_id=51,
        family=Family.IPV6,
        version=3,
        addresses=("fe80::100", "2001:db8:0:1::100", "2001:db8:0:1::101"),
    )
    destination, message = only_packet(instance, 100, "fe80::5eff:fe10:1")
    assert destination == "ff02::12"
    assert message.hex() == (
        "313364030064b21ffe80000000000000000000000000010020010db8000000010000000000000100"
        "20010db8000000010000000000000101"
    )


def test_a_group_of_ones_own() -> None:
    destination, packet = only_packet(changed(V3, multicast_group="239.1.2.3"), 100)
    assert destination == decode_ipv4(packet).destination == "239.1.2.3"


def test_each_unicast_peer_gets_a_packet_of_its_own_with_the_configured_ttl() -> None:
    peers = (UnicastPeer("192.0.2.2"), UnicastPeer("192.0.2.3"))
    instance = changed(V3, unicast=True, unicast_peers=peers, unicast_ttl=64)
    packets = Transmitter(instance, "192.0.2.1").packets(100)
    assert [destination for destination, _ in packets] == ["192.0.2.2", "192.0.2.3"]
    for destination, packet in packets:
        header = decode_ipv4(packet)
        assert (header.destination, header.ttl) == (destination, 64)
        heard = decode(packet[20:], source="192.0.2.1", destination=destination, family=Family.IPV4)
        assert heard.addresses == instance.addresses


def test_unicast_without_peers_sends_nothing_and_never_falls_back_to_the_group() -> None:
    assert Transmitter(changed(V3, unicast=True), "192.0.2.1").packets(100) == []


def test_old_unicast_checksum_covers_the_group() -> None:
    instance = changed(V3, unicast=True, unicast_peers=(UnicastPeer("192.0.2.2"),))
    _, new = only_packet(instance, 100)
    _, old = only_packet(changed(instance, old_unicast_checksum=True), 100)
    assert old[20:].hex() == "313c6403003218f4c0000264c0000265c6336403"
    assert new[20:] != old[20:]


def test_ah_numbers_its_packets() -> None:
    instance = changed(V2, auth_type=AuthType.AH, auth_pass="secret")
    ((_, packet),) = Transmitter(instance, "192.0.2.1").packets(120, ah_sequence=41)
    assert decode_ipv4(packet).protocol == PROTOCOL_AH
    read = ah_decode(packet, key=b"secret")
    assert read.sequence == 41
    assert decode(read.message, source="192.0.2.1", destination="224.0.0.18", family=Family.IPV4).priority == 120


def test_version_3_has_no_authentication() -> None:
    _, with_password = only_packet(changed(V3, auth_type=AuthType.PASS, auth_pass="secret"), 100)
    assert with_password == only_packet(V3, 100)[1]
