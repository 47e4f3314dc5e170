"""alived.wire.neighbour: ARP and neighbour discovery, rows A1-A4 of the VRRP requirements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.wire import inet, neighbour
from tests.corpus import captured, with_key

VIRTUAL_MAC = bytes.fromhex("00005e000133")
OTHER_MAC = bytes.fromhex("02005e100001")
BROADCAST = b"\xff" * 6
VIP4 = inet.pack_address("192.0.2.100")
VIP6 = inet.pack_address("2001:db8:0:1::100")
LINK_LOCAL = inet.pack_address("fe80::100")

macs = st.binary(min_size=6, max_size=6)
addresses4 = st.binary(min_size=4, max_size=4)
unicast6 = st.binary(min_size=16, max_size=16).filter(lambda packed: packed[0] != 0xFF and any(packed))
link_layers = macs | st.just(b"")
arps = st.builds(neighbour.Arp, st.sampled_from([1, 2]), macs, addresses4, macs, addresses4, macs, macs)
solicitations = st.builds(
    neighbour.NeighbourSolicitation, unicast6, unicast6, st.binary(min_size=16, max_size=16), link_layers, macs, macs
)
advertisements = st.builds(
    neighbour.NeighbourAdvertisement,
    unicast6, unicast6, unicast6, st.booleans(), st.booleans(), st.booleans(), link_layers, macs, macs,
)  # fmt: skip


def reason_of(frame: bytes) -> str:
    with pytest.raises(DecodeError) as error:
        neighbour.decode(frame)
    return error.value.reason


def discovery(message: bytes, *, hop_limit: int = 255, source: bytes = LINK_LOCAL, group: str = "ff02::1") -> bytes:
    """A frame around an ICMPv6 message, with its checksum put right."""
    destination = inet.pack_address(group)
    total = inet.icmpv6_checksum(source, destination, message[:2] + b"\0\0" + message[4:])
    return (
        inet.ethernet_header(inet.multicast_mac(destination), OTHER_MAC, inet.ETHERTYPE_IPV6)
        + inet.ipv6_header(inet.address_text(source), group, len(message), 58, hop_limit)
        + message[:2] + total.to_bytes(2, "big") + message[4:]
    )  # fmt: skip


def test_A1_gratuitous_arp_is_a_broadcast_request_about_oneself_from_the_virtual_mac() -> None:
    frame = neighbour.gratuitous_arp(VIRTUAL_MAC, VIP4)
    assert frame.hex(" ", 2).replace(" ", "") == (
        "ffffffffffff00005e0001330806000108000604000100005e000133c0000264ffffffffffffc0000264"
    )
    decoded = neighbour.decode(frame)
    assert decoded == neighbour.Arp(1, VIRTUAL_MAC, VIP4, BROADCAST, VIP4, VIRTUAL_MAC, BROADCAST)
    assert isinstance(decoded, neighbour.Arp)
    assert decoded.gratuitous
    assert not decoded.probe


def test_A1_every_captured_gratuitous_arp_is_what_we_would_send() -> None:
    found = [packet for packet in with_key("arp") if packet.expected["arp"]["gratuitous"]]
    assert found
    for packet in found:
        arp = packet.expected["arp"]
        mac = bytes.fromhex(arp["sender_mac"].replace(":", ""))
        assert neighbour.gratuitous_arp(mac, inet.pack_address(arp["sender_ip"])) == packet.frame, packet.where


def test_A2_one_frame_an_address_is_what_the_rfc_asks_for_and_repeats_are_equal() -> None:
    assert neighbour.gratuitous_arp(VIRTUAL_MAC, VIP4) == neighbour.gratuitous_arp(VIRTUAL_MAC, VIP4)
    assert neighbour.gratuitous_arp(VIRTUAL_MAC, VIP4) != neighbour.gratuitous_arp(VIRTUAL_MAC, bytes(4))


@pytest.mark.parametrize("router", [True, False])
def test_A3_unsolicited_na_goes_to_all_nodes_with_override_and_the_virtual_mac(router: bool) -> None:
    frame = neighbour.unsolicited_na(VIRTUAL_MAC, LINK_LOCAL, VIP6, router)
    header = inet.decode_ipv6(frame[14:])
    assert (header.destination, header.hop_limit, header.next_header) == ("ff02::1", 255, 58)
    assert inet.icmpv6_checksum(LINK_LOCAL, inet.pack_address("ff02::1"), frame[54:]) == 0
    assert neighbour.decode(frame) == neighbour.NeighbourAdvertisement(
        target=VIP6,
        source=LINK_LOCAL,
        destination=inet.pack_address("ff02::1"),
        router=router,
        solicited=False,
        override=True,
        link_layer=VIRTUAL_MAC,
        frame_source=VIRTUAL_MAC,
        frame_destination=bytes.fromhex("333300000001"),
    )


def test_A3_every_captured_unsolicited_na_is_what_we_would_send() -> None:
    count = 0
    for packet in with_key("icmpv6"):
        na = packet.expected["icmpv6"]
        if na["type"] == 136 and not na["solicited"]:
            mac = bytes.fromhex(na["target_link_layer"].replace(":", ""))
            source = inet.pack_address(packet.expected["ip"]["src"])
            frame = neighbour.unsolicited_na(mac, source, inet.pack_address(na["target"]), na["router"])
            assert frame == packet.frame, packet.where
            count += 1
    assert count


def test_A4_nothing_but_the_given_mac_is_in_what_we_say_about_an_address() -> None:
    for frame in (
        neighbour.gratuitous_arp(VIRTUAL_MAC, VIP4),
        neighbour.arp_reply(VIRTUAL_MAC, VIP4, OTHER_MAC, bytes(4)),
        neighbour.unsolicited_na(VIRTUAL_MAC, VIP6, VIP6, True),
    ):
        packet = neighbour.decode(frame)
        assert packet.frame_source == VIRTUAL_MAC
        claimed = packet.sender_mac if isinstance(packet, neighbour.Arp) else packet.link_layer
        assert claimed == VIRTUAL_MAC


def test_arp_probe_claims_nothing() -> None:
    """RFC 5227 section 2.1.1: sender address all zero, target hardware address zero, broadcast."""
    packet = neighbour.decode(neighbour.arp_probe(OTHER_MAC, VIP4))
    assert packet == neighbour.Arp(1, OTHER_MAC, bytes(4), bytes(6), VIP4, OTHER_MAC, BROADCAST)
    assert isinstance(packet, neighbour.Arp)
    assert packet.probe
    assert not packet.gratuitous


def test_arp_request_and_reply() -> None:
    own = inet.pack_address("192.0.2.1")
    request = neighbour.decode(neighbour.arp_request(OTHER_MAC, own, VIP4))
    assert request == neighbour.Arp(1, OTHER_MAC, own, bytes(6), VIP4, OTHER_MAC, BROADCAST)
    reply = neighbour.decode(neighbour.arp_reply(VIRTUAL_MAC, VIP4, OTHER_MAC, own))
    assert reply == neighbour.Arp(2, VIRTUAL_MAC, VIP4, OTHER_MAC, own, VIRTUAL_MAC, OTHER_MAC)
    assert isinstance(reply, neighbour.Arp)
    assert not reply.probe


@given(arps | solicitations | advertisements)
def test_decode_of_encode_is_the_packet(packet: neighbour.Neighbour) -> None:
    assert neighbour.decode(neighbour.encode(packet)) == packet


def test_every_captured_packet_encodes_to_the_same_bytes() -> None:
    for packet in [*with_key("arp"), *with_key("icmpv6")]:
        assert neighbour.encode(neighbour.decode(packet.frame)) == packet.frame, packet.where


def test_captured_arp_decodes_to_tsharks_values() -> None:
    for packet in with_key("arp"):
        arp, want = neighbour.decode(packet.frame), packet.expected["arp"]
        assert isinstance(arp, neighbour.Arp)
        assert arp.operation == want["opcode"], packet.where
        assert inet.mac_text(arp.sender_mac) == want["sender_mac"], packet.where
        assert inet.mac_text(arp.target_mac) == want["target_mac"], packet.where
        assert inet.address_text(arp.sender) == want["sender_ip"], packet.where
        assert inet.address_text(arp.target) == want["target_ip"], packet.where
        assert arp.gratuitous is want["gratuitous"], packet.where


def test_captured_discovery_decodes_to_tsharks_values() -> None:
    for packet in with_key("icmpv6"):
        got, want = neighbour.decode(packet.frame), packet.expected["icmpv6"]
        assert not isinstance(got, neighbour.Arp)
        assert inet.address_text(got.target) == want["target"], packet.where
        assert isinstance(got, neighbour.NeighbourAdvertisement) is (want["type"] == 136), packet.where
        if isinstance(got, neighbour.NeighbourAdvertisement):
            assert (got.router, got.solicited, got.override) == (
                want["router"], want["solicited"], want["override"],
            ), packet.where  # fmt: skip
            assert inet.mac_text(got.link_layer) == want["target_link_layer"], packet.where


def test_a_frame_behind_a_vlan_tag_and_with_padding() -> None:
    frame = neighbour.gratuitous_arp(VIRTUAL_MAC, VIP4)
    tagged = frame[:12] + bytes.fromhex("81000005") + frame[12:] + bytes(18)
    assert neighbour.decode(tagged) == neighbour.decode(frame)
    advertisement = neighbour.unsolicited_na(VIRTUAL_MAC, VIP6, VIP6, False)
    assert neighbour.decode(advertisement + bytes(4)) == neighbour.decode(advertisement)


# -- what is refused --


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (bytes(5), "packet-length-error"),
        (inet.ethernet_header(BROADCAST, OTHER_MAC, 0x0800) + bytes(40), "not-neighbour"),
        (neighbour.gratuitous_arp(OTHER_MAC, VIP4)[:-1], "packet-length-error"),
        (inet.ethernet_header(BROADCAST, OTHER_MAC, 0x0806) + bytes(28), "arp-format-error"),
        (neighbour.gratuitous_arp(OTHER_MAC, VIP4)[:21] + b"\x03" + bytes(20), "arp-format-error"),
        (discovery(bytes.fromhex("80000000") + bytes(20)), "not-neighbour"),  # echo request
        (discovery(bytes.fromhex("88000000") + bytes(19)), "packet-length-error"),
    ],
)
def test_frames_that_are_refused(frame: bytes, reason: str) -> None:
    assert reason_of(frame) == reason


def test_udp_over_ipv6_is_not_ours() -> None:
    header = inet.ipv6_header("fe80::1", "ff02::1", 24, 17)
    frame = inet.ethernet_header(BROADCAST, OTHER_MAC, 0x86DD) + header + b"\x88" + bytes(23)
    assert reason_of(frame) == "not-neighbour"


def test_neighbour_discovery_from_afar_is_refused() -> None:
    """RFC 4861 sections 7.1.1 and 7.1.2: "The IP Hop Limit field has a value of 255"."""
    assert reason_of(discovery(b"\x88\0\0\0" + bytes(4) + VIP6, hop_limit=254)) == "ip-ttl-error"


def test_neighbour_discovery_with_a_wrong_checksum_is_refused() -> None:
    frame = bytearray(neighbour.unsolicited_na(OTHER_MAC, VIP6, VIP6, False))
    frame[-1] ^= 1
    assert reason_of(bytes(frame)) == "checksum-error"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x88\1\0\0" + bytes(4) + VIP6, "icmpv6-code-error"),
        (b"\x88\0\0\0" + bytes(4) + inet.pack_address("ff02::5"), "target-error"),
        (b"\x88\0\0\0\x60\0\0\0" + VIP6, "target-error"),  # solicited, to a group
        (b"\x88\0\0\0" + bytes(4) + VIP6 + b"\2\0" + bytes(6), "option-error"),  # length 0
        (b"\x88\0\0\0" + bytes(4) + VIP6 + b"\2", "option-error"),  # cut
        (b"\x88\0\0\0" + bytes(4) + VIP6 + b"\2\2" + bytes(6), "option-error"),  # longer than the message
    ],
)
def test_neighbour_discovery_that_is_wrong(message: bytes, reason: str) -> None:
    assert reason_of(discovery(message)) == reason


def test_duplicate_address_detection_carries_no_link_layer_address() -> None:
    """RFC 4861 section 7.1.1: from the unspecified address there is no source link-layer address option."""
    message = b"\x87\0\0\0" + bytes(4) + VIP6
    probe = neighbour.decode(discovery(message, source=bytes(16), group="ff02::1:ff00:100"))
    assert isinstance(probe, neighbour.NeighbourSolicitation)
    assert (probe.source, probe.target, probe.link_layer) == (bytes(16), VIP6, b"")
    wrong = discovery(message + b"\1\1" + OTHER_MAC, source=bytes(16), group="ff02::1:ff00:100")
    assert reason_of(wrong) == "option-error"


def test_unknown_options_are_skipped_and_the_first_of_a_kind_counts() -> None:
    options = b"\x0e\1" + bytes(6) + b"\2\1" + VIRTUAL_MAC + b"\2\1" + OTHER_MAC
    packet = neighbour.decode(discovery(b"\x88\0\0\0" + bytes(4) + VIP6 + options))
    assert isinstance(packet, neighbour.NeighbourAdvertisement)
    assert packet.link_layer == VIRTUAL_MAC


@given(st.binary(max_size=120))
def test_random_bytes_raise_nothing_but_decode_errors(frame: bytes) -> None:
    for data in (frame, frame[:12] + b"\x08\x06" + frame[12:], frame[:12] + b"\x86\xdd\x60" + frame[12:]):
        try:
            neighbour.decode(data)
        except DecodeError as error:
            assert error.reason


@given(st.data())
def test_mutated_captures_raise_nothing_but_decode_errors(data: st.DataObject) -> None:
    packet = data.draw(st.sampled_from(captured()))
    frame = bytearray(packet.frame[: data.draw(st.integers(0, len(packet.frame)))])
    for _ in range(data.draw(st.integers(0, 3))):
        if frame:
            frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = neighbour.decode(bytes(frame))
    except DecodeError as error:
        assert error.reason
    else:
        assert neighbour.decode(neighbour.encode(decoded)) == decoded


@given(macs, unicast6, unicast6, st.booleans())
def test_unsolicited_na_is_the_encoding_of_its_description(
    mac: bytes, source: bytes, address: bytes, router: bool
) -> None:
    """The fail-over path builds its frame directly; it has to be what `encode` would build."""
    frame = neighbour.unsolicited_na(mac, source, address, router)
    assert frame == neighbour.encode(neighbour.decode(frame))
