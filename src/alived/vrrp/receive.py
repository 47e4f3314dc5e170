"""Which instance a received advert is for, and whether that instance may believe it (RFC 9568 section 7.1).

`alived.vrrp.packet` has made the checks that need no configuration; these are the others, in keepalived's words.

A different list of addresses is *not* a reason to refuse an advert, unless `strict_mode` is on: keepalived refuses
it, so that one forgotten line on one node gives two masters (`skip_check_adv_addr` only helps once they have met).
RFC 9568 leaves it open; we believe the advert and say that the lists differ. RFC 3768 demands a v2 advert to be
dropped for it unless its sender is the owner: `strict_mode` does that.

Reasons of a DecodeError beyond those of `alived.vrrp.packet`: destination-error (multicast where unicast is
configured, or the other way round), own-address (it comes from us, or somebody else uses our address), peer-error
(`check_unicast_src`: not from a peer).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from alived.base import DecodeError
from alived.vrrp.authentication import ah_decode
from alived.vrrp.config import OWNER_PRIORITY, AuthType, UnicastPeer, VrrpInstance
from alived.vrrp.events import AddressListDiffers, AdvertisementReceived
from alived.vrrp.packet import AUTH_AH, AUTH_DATA_LENGTH, AUTH_NONE, AUTH_PASS, Advertisement, decode
from alived.wire.inet import LENGTH_ERROR, is_multicast, pack_address

Heard = tuple[AdvertisementReceived] | tuple[AdvertisementReceived, AddressListDiffers]

_AUTH_NUMBER = {AuthType.NONE: AUTH_NONE, AuthType.PASS: AUTH_PASS, AuthType.AH: AUTH_AH}
_TTL = 255


def check(
    instance: VrrpInstance,
    *,
    source: str,
    destination: str,
    ttl: int,
    message: bytes,
    own_address: str = "",
    ah_packet: bytes = b"",
    ah_sequence: int = 0,
) -> Heard:
    """What `instance` hears, or DecodeError with the reason why it must not listen.

    source, destination, ttl: of the IP header (canonical text). own_address: ours on this interface, "" if unknown.
    ah_packet: the whole IPv4 packet if the message came behind an authentication header; ah_sequence: the highest
    sequence number that this virtual router has sent or accepted, so that a replay is refused.
    """
    _check_path(instance, source, destination, ttl, own_address)
    advertisement = decode(
        message,
        source=source,
        destination=destination,
        family=instance.family,
        allow_empty=not instance.addresses and not instance.strict_mode,
    )
    if advertisement.version != instance.version:
        raise DecodeError("version-error", f"version {advertisement.version} instead of {instance.version}")
    if advertisement.virtual_router_id != instance.virtual_router_id:
        raise DecodeError("vrid-error", f"virtual router {advertisement.virtual_router_id}")
    if advertisement.version == 2:
        _authenticate(instance, advertisement, ah_packet, ah_sequence)
        if advertisement.interval_cs != instance.advert_interval_cs:
            raise DecodeError(
                "interval-error",
                f"interval {advertisement.interval_cs // 100} s, ours {instance.advert_interval_cs // 100} s",
            )
    received = AdvertisementReceived(source, advertisement.priority, advertisement.interval_cs, advertisement.addresses)
    if instance.skip_check_adv_addr or _same_addresses(advertisement.addresses, instance.addresses):
        return (received,)
    if instance.strict_mode and advertisement.priority != OWNER_PRIORITY:
        raise DecodeError("address-list-error", f"addresses {' '.join(advertisement.addresses)} are not ours")
    return received, AddressListDiffers(source, advertisement.addresses)


def _check_path(instance: VrrpInstance, source: str, destination: str, ttl: int, own_address: str) -> None:
    """Checks of the IP header: to whom, from whom, from how far."""
    if source == own_address:
        raise DecodeError("own-address", f"advert from our own address {source}")
    if is_multicast(pack_address(destination)) == instance.unicast:
        raise DecodeError("destination-error", f"advert to {destination}, which is not how this instance is configured")
    if not instance.unicast:
        _check_ttl(ttl, _TTL, _TTL)
        return
    peer = _find_peer(instance.unicast_peers, source)
    if peer is not None:
        _check_ttl(ttl, peer.min_ttl, peer.max_ttl)
    elif instance.check_unicast_src:
        raise DecodeError("peer-error", f"{source} is not a unicast peer")


def _check_ttl(ttl: int, lowest: int, highest: int) -> None:
    if not lowest <= ttl <= highest:
        wanted = f"{lowest}" if lowest == highest else f"{lowest} to {highest}"
        raise DecodeError("ip-ttl-error", f"TTL {ttl} instead of {wanted}")


def _find_peer(peers: Sequence[UnicastPeer], address: str) -> UnicastPeer | None:
    for peer in peers:
        if peer.address == address:
            return peer
    return None


def _authenticate(instance: VrrpInstance, advertisement: Advertisement, ah_packet: bytes, ah_sequence: int) -> None:
    """RFC 2338 section 7.1 as keepalived does it: the configured type and no other, then the secret."""
    expected = _AUTH_NUMBER[instance.auth_type]
    if advertisement.auth_type != expected:
        raise DecodeError("auth-type-error", f"authentication type {advertisement.auth_type} instead of {expected}")
    if bool(ah_packet) != (instance.auth_type is AuthType.AH):
        raise DecodeError("auth-type-error", "authentication header " + ("not expected" if ah_packet else "missing"))
    secret = instance.auth_pass.encode()[:AUTH_DATA_LENGTH]
    if instance.auth_type is AuthType.PASS and advertisement.auth_data != secret.rstrip(b"\0"):
        # No constant-time comparison: the password goes over this very network in the clear.
        raise DecodeError("authentication-error", "wrong password")
    if instance.auth_type is AuthType.AH:
        sequence = ah_decode(ah_packet, key=secret).sequence
        if sequence <= ah_sequence:
            raise DecodeError("authentication-error", f"replay of sequence number {sequence}, {ah_sequence} was heard")


def _same_addresses(theirs: tuple[str, ...], ours: tuple[str, ...]) -> bool:
    """The order means nothing."""
    return theirs == ours or sorted(theirs) == sorted(ours)


class Dispatcher:
    """The instances of one interface and family, by virtual router.

    Several unicast instances may have the same VRID if their sets of peers differ, and a multicast instance may
    have it too: they are told apart by the sender and by how the advert was sent.
    """

    def __init__(self, instances: Iterable[VrrpInstance]) -> None:
        by_vrid: dict[int, list[VrrpInstance]] = {}
        for instance in instances:
            by_vrid.setdefault(instance.virtual_router_id, []).append(instance)
        self._by_vrid = {vrid: tuple(found) for vrid, found in by_vrid.items()}

    def lookup(self, virtual_router_id: int, source: str, destination: str = "") -> VrrpInstance | None:
        """The instance that an advert of this virtual router from this sender is for; None: nobody's here.

        With one instance it is that one, whoever the sender is: whether to believe him is for `check`. With more,
        destination ("": unknown) tells multicast from unicast, then the instance that has the sender as a peer
        counts, then the only one that takes adverts from anybody.
        """
        found: Sequence[VrrpInstance] = self._by_vrid.get(virtual_router_id, ())
        if len(found) > 1 and destination:
            unicast = not is_multicast(pack_address(destination))
            found = [instance for instance in found if instance.unicast == unicast]
        if len(found) > 1:
            known = [instance for instance in found if _find_peer(instance.unicast_peers, source)]
            found = known or [instance for instance in found if not instance.check_unicast_src]
        return found[0] if len(found) == 1 else None

    def find(self, message: bytes, source: str, destination: str = "") -> VrrpInstance:
        """The instance that a VRRP message is for. DecodeError: packet-length-error, vrid-error (nobody's here)."""
        if len(message) < 2:
            raise DecodeError(LENGTH_ERROR, f"{len(message)} octets are no VRRP header")
        instance = self.lookup(message[1], source, destination)
        if instance is None:
            raise DecodeError("vrid-error", f"virtual router {message[1]} of {source} is not configured here")
        return instance
