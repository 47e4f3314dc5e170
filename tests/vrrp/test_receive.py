"""alived.vrrp.receive: rows R of the VRRP requirements that depend on the configuration."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError, Family
from alived.vrrp.authentication import ah_encode
from alived.vrrp.config import AuthType, UnicastPeer, VrrpInstance
from alived.vrrp.events import AddressListDiffers, AdvertisementReceived
from alived.vrrp.packet import Advertisement, encode
from alived.vrrp.receive import Dispatcher, Heard, check

GROUP = "224.0.0.18"
SENDER, OTHER, OWN = "192.0.2.2", "192.0.2.3", "192.0.2.1"
VIPS = ("192.0.2.100", "192.0.2.101")


def instance(**options: Any) -> VrrpInstance:
    defaults: dict[str, Any] = {"name": "VI_1", "interface": "eth0", "virtual_router_id": 51, "addresses": VIPS}
    return VrrpInstance(**{**defaults, **options})


def advertisement(version: int = 2, **options: Any) -> Advertisement:
    defaults: dict[str, Any] = {"virtual_router_id": 51, "priority": 150, "interval_cs": 100, "addresses": VIPS}
    return Advertisement(version=version, **{**defaults, **options})


def hear(
    config: VrrpInstance,
    advert: Advertisement | None = None,
    *,
    source: str = SENDER,
    destination: str = GROUP,
    ttl: int = 255,
    **options: Any,
) -> Heard:
    message = encode(advert or advertisement(config.version), source=source, destination=destination)
    return check(config, source=source, destination=destination, ttl=ttl, message=message, **options)


def reason_of(config: VrrpInstance, advert: Advertisement | None = None, **options: Any) -> str:
    with pytest.raises(DecodeError) as error:
        hear(config, advert, **options)
    return error.value.reason


def unicast(*peers: UnicastPeer, **options: Any) -> VrrpInstance:
    return instance(unicast=True, unicast_peers=peers, **options)


@pytest.mark.parametrize("version", [2, 3])
def test_a_good_advertisement(version: int) -> None:
    assert hear(instance(version=version)) == (AdvertisementReceived(SENDER, 150, 100, VIPS),)


def test_a_good_advertisement_over_ipv6() -> None:
    addresses = ("fe80::100", "2001:db8::100")
    config = instance(family=Family.IPV6, version=3, addresses=addresses)
    heard = hear(config, advertisement(3, addresses=addresses), source="fe80::2", destination="ff02::12")
    assert heard == (AdvertisementReceived("fe80::2", 150, 100, addresses),)


# -- R1 --


@pytest.mark.parametrize("ttl", [0, 1, 64, 254])
def test_R1_multicast_from_afar(ttl: int) -> None:
    assert reason_of(instance(), ttl=ttl) == "ip-ttl-error"


def test_R1_unicast_may_come_from_afar() -> None:
    assert hear(unicast(UnicastPeer(SENDER)), ttl=1, destination=OWN)


@pytest.mark.parametrize(("ttl", "accepted"), [(99, False), (100, True), (200, True), (201, False)])
def test_R1_unicast_within_the_limits_of_the_peer(ttl: int, accepted: bool) -> None:
    config = unicast(UnicastPeer(OTHER), UnicastPeer(SENDER, min_ttl=100, max_ttl=200))
    if accepted:
        assert hear(config, ttl=ttl, destination=OWN)
    else:
        assert reason_of(config, ttl=ttl, destination=OWN) == "ip-ttl-error"


# -- R2 to R7 --


def test_R2_the_version_is_the_configured_one() -> None:
    assert reason_of(instance(version=3), advertisement(2)) == "version-error"
    assert reason_of(instance(version=2), advertisement(3)) == "version-error"


def test_R3_R4_R5_what_the_packet_alone_decides_is_checked_first() -> None:
    message = encode(advertisement(), source=SENDER, destination=GROUP)
    for damaged, reason in (
        (b"\x22" + message[1:], "type-error"),
        (message[:-1], "packet-length-error"),
        (message[:-1] + b"\1", "checksum-error"),
    ):
        with pytest.raises(DecodeError) as error:
            check(instance(), source=SENDER, destination=GROUP, ttl=255, message=damaged)
        assert error.value.reason == reason


def test_R6_another_virtual_router() -> None:
    assert reason_of(instance(virtual_router_id=52)) == "vrid-error"


def test_R7_an_owner_listens_too() -> None:
    """Erratum 8298: the receiver being the owner is logged, not dropped; the core decides between two owners."""
    assert hear(instance(priority=255)) == (AdvertisementReceived(SENDER, 150, 100, VIPS),)


# -- R8 --


def with_password(password: str = "secret12") -> VrrpInstance:
    return instance(auth_type=AuthType.PASS, auth_pass=password)


def test_R8_the_type_of_authentication_is_the_configured_one() -> None:
    password = advertisement(auth_type=1, auth_data=b"secret12")
    assert reason_of(with_password()) == "auth-type-error"
    assert reason_of(instance(), password) == "auth-type-error"
    assert reason_of(instance(), advertisement(auth_type=3)) == "auth-type-error"


@pytest.mark.parametrize("password", ["secret12", "a", "secret12 and more"])
def test_R8_the_password_is_compared_in_8_octets(password: str) -> None:
    data = password.encode()[:8]
    assert hear(with_password(password), advertisement(auth_type=1, auth_data=data))


@pytest.mark.parametrize("data", [b"", b"secret1", b"secret13", b"SECRET12"])
def test_R8_a_wrong_password(data: bytes) -> None:
    assert reason_of(with_password(), advertisement(auth_type=1, auth_data=data)) == "authentication-error"


def test_R8_v3_knows_no_password() -> None:
    assert hear(instance(version=3, auth_type=AuthType.PASS, auth_pass="secret12"))


AH = instance(auth_type=AuthType.AH, auth_pass="ahsecret")


def ah_packet(sequence: int = 5, key: bytes = b"ahsecret") -> bytes:
    message = encode(advertisement(auth_type=2), source=SENDER, destination=GROUP)
    return ah_encode(message, source=SENDER, destination=GROUP, sequence=sequence, key=key)


def test_R8_authentication_header() -> None:
    assert hear(AH, advertisement(auth_type=2), ah_packet=ah_packet(), ah_sequence=4)


def test_R8_authentication_header_with_another_key() -> None:
    packet = ah_packet(key=b"other")
    assert reason_of(AH, advertisement(auth_type=2), ah_packet=packet) == "authentication-error"


@pytest.mark.parametrize("heard", [5, 6, 2**32 - 1])
def test_R8_a_replayed_authentication_header(heard: int) -> None:
    reason = reason_of(AH, advertisement(auth_type=2), ah_packet=ah_packet(5), ah_sequence=heard)
    assert reason == "authentication-error"


def test_R8_an_authentication_header_is_there_if_and_only_if_it_is_configured() -> None:
    assert reason_of(AH, advertisement(auth_type=2)) == "auth-type-error"
    assert reason_of(instance(), ah_packet=ah_packet()) == "auth-type-error"


# -- R9 to R13 --


def test_R9_v2_interval_has_to_be_ours() -> None:
    assert reason_of(instance(), advertisement(interval_cs=200)) == "interval-error"


def test_R10_v3_interval_0_is_refused() -> None:
    assert reason_of(instance(version=3), advertisement(3, interval_cs=0)) == "interval-error"


def test_R11_v3_interval_may_be_another() -> None:
    assert hear(instance(version=3), advertisement(3, interval_cs=150)) == (
        AdvertisementReceived(SENDER, 150, 150, VIPS),
    )


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("addresses", [VIPS[:1], (*VIPS, "192.0.2.102"), ("192.0.2.100", "192.0.2.102")])
def test_R12_another_list_of_addresses_is_told_but_believed(version: int, addresses: tuple[str, ...]) -> None:
    assert hear(instance(version=version), advertisement(version, addresses=addresses)) == (
        AdvertisementReceived(SENDER, 150, 100, addresses),
        AddressListDiffers(SENDER, addresses),
    )


def test_R12_the_order_of_addresses_means_nothing() -> None:
    assert len(hear(instance(), advertisement(addresses=VIPS[::-1]))) == 1


def test_R12_strict_mode_refuses_another_list_unless_it_is_the_owners() -> None:
    strict = instance(strict_mode=True)
    assert reason_of(strict, advertisement(addresses=VIPS[:1])) == "address-list-error"
    owner = hear(strict, advertisement(addresses=VIPS[:1], priority=255))
    assert owner[1:] == (AddressListDiffers(SENDER, VIPS[:1]),)


@pytest.mark.parametrize("strict_mode", [True, False])
def test_R12_skip_check_adv_addr_says_nothing(strict_mode: bool) -> None:
    config = instance(strict_mode=strict_mode, skip_check_adv_addr=True)
    assert hear(config, advertisement(addresses=VIPS[:1])) == (AdvertisementReceived(SENDER, 150, 100, VIPS[:1]),)


def test_P16_a_list_without_addresses_only_among_those_who_have_none() -> None:
    empty = advertisement(addresses=())
    assert reason_of(instance(), empty) == "address-list-error"
    assert hear(instance(addresses=()), empty) == (AdvertisementReceived(SENDER, 150, 100, ()),)
    assert reason_of(instance(addresses=(), strict_mode=True), empty) == "address-list-error"


def test_R13_our_own_packet_is_not_heard() -> None:
    assert reason_of(instance(), source=OWN, own_address=OWN) == "own-address"
    assert hear(instance(), own_address=OWN)


# -- multicast and unicast --


def test_unicast_is_not_heard_by_a_multicast_instance_nor_the_other_way_round() -> None:
    assert reason_of(instance(), destination=OWN) == "destination-error"
    assert reason_of(unicast(UnicastPeer(SENDER))) == "destination-error"


def test_check_unicast_src() -> None:
    assert reason_of(unicast(UnicastPeer(OTHER), check_unicast_src=True), destination=OWN) == "peer-error"
    assert hear(unicast(UnicastPeer(SENDER), check_unicast_src=True), destination=OWN)
    assert hear(unicast(UnicastPeer(OTHER)), destination=OWN), "by default anybody may be the master"


# -- Dispatcher --


def test_V16_lookup_by_virtual_router() -> None:
    one, two = instance(name="one"), instance(name="two", virtual_router_id=52)
    dispatcher = Dispatcher([one, two])
    assert dispatcher.lookup(51, SENDER) is one
    assert dispatcher.lookup(52, SENDER, GROUP) is two
    assert dispatcher.lookup(53, SENDER) is None


def test_V16_unicast_instances_with_the_same_virtual_router_are_told_apart_by_their_peers() -> None:
    one = unicast(UnicastPeer(SENDER), name="one")
    two = unicast(UnicastPeer(OTHER), name="two")
    dispatcher = Dispatcher([one, two])
    assert dispatcher.lookup(51, SENDER, OWN) is one
    assert dispatcher.lookup(51, OTHER, OWN) is two
    assert dispatcher.lookup(51, "192.0.2.99", OWN) is None, "nobody knows this sender"


def test_V16_a_stranger_is_for_the_only_instance_that_listens_to_strangers() -> None:
    picky = unicast(UnicastPeer(SENDER), name="picky", check_unicast_src=True)
    open_minded = unicast(UnicastPeer(OTHER), name="open")
    assert Dispatcher([picky, open_minded]).lookup(51, "192.0.2.99", OWN) is open_minded


def test_V16_a_peer_of_two_instances_is_for_neither() -> None:
    dispatcher = Dispatcher([unicast(UnicastPeer(SENDER), name="one"), unicast(UnicastPeer(SENDER), name="two")])
    assert dispatcher.lookup(51, SENDER, OWN) is None


def test_V16_multicast_and_unicast_with_the_same_virtual_router() -> None:
    multicast, single = instance(name="multicast"), unicast(UnicastPeer(SENDER), name="unicast")
    dispatcher = Dispatcher([multicast, single])
    assert dispatcher.lookup(51, SENDER, GROUP) is multicast
    assert dispatcher.lookup(51, SENDER, OWN) is single
    assert dispatcher.lookup(51, SENDER) is single, "without a destination the peer decides"


def test_R6_find_raises_for_foreign_virtual_routers() -> None:
    dispatcher = Dispatcher([instance()])
    message = encode(advertisement(), source=SENDER, destination=GROUP)
    assert dispatcher.find(message, SENDER, GROUP).name == "VI_1"
    for damaged, reason in (
        (b"\x21\x34", "vrid-error"),
        (b"\x21", "packet-length-error"),
        (b"", "packet-length-error"),
    ):
        with pytest.raises(DecodeError) as error:
            dispatcher.find(damaged, SENDER, GROUP)
        assert error.value.reason == reason


@given(st.binary(max_size=80), st.sampled_from([GROUP, OWN]), st.integers(0, 255), st.binary(max_size=80))
def test_random_bytes_raise_nothing_but_decode_errors(
    message: bytes, destination: str, ttl: int, packet: bytes
) -> None:
    for config in (instance(), AH, with_password(), instance(version=3), unicast(UnicastPeer(SENDER))):
        try:
            check(config, source=SENDER, destination=destination, ttl=ttl, message=message, ah_packet=packet)
        except DecodeError as error:
            assert error.reason
