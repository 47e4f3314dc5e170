"""The packets of an instance: one advert for the multicast group, or one for each unicast peer."""

from __future__ import annotations

from alived.base import Family
from alived.vrrp.authentication import ah_encode
from alived.vrrp.config import AuthType, VrrpInstance
from alived.vrrp.packet import AUTH_AH, AUTH_NONE, AUTH_PASS, Advertisement, encode
from alived.wire.inet import PROTOCOL_VRRP, ipv4_header

_AUTH = {AuthType.NONE: AUTH_NONE, AuthType.PASS: AUTH_PASS, AuthType.AH: AUTH_AH}


class Transmitter:
    """Builds the adverts that leave from one source address (canonical text)."""

    def __init__(self, config: VrrpInstance, source: str) -> None:
        self._config = config
        self._source = source

    def packets(self, priority: int, ah_sequence: int = 0) -> list[tuple[str, bytes]]:
        """(destination, packet) of an advert with this priority (0: we stop being MASTER); IPv4 packets with their
        IP header, IPv6 packets without. ah_sequence: of the authentication header, if there is one."""
        config = self._config
        destinations = [peer.address for peer in config.unicast_peers] if config.unicast else [config.group]
        return [(destination, self._packet(priority, destination, ah_sequence)) for destination in destinations]

    def _packet(self, priority: int, destination: str, ah_sequence: int) -> bytes:
        config = self._config
        advertisement = Advertisement(
            version=config.version,
            virtual_router_id=config.virtual_router_id,
            priority=priority,
            interval_cs=config.advert_interval_cs,
            addresses=config.addresses,
            auth_type=_AUTH[config.auth_type] if config.version == 2 else AUTH_NONE,
            auth_data=config.auth_pass.encode()[:8] if config.auth_type is AuthType.PASS else b"",
        )
        # keepalived before 1.3.6 put the multicast group into the pseudo header of unicast adverts.
        summed = config.group if config.unicast and config.old_unicast_checksum else destination
        message = encode(advertisement, source=self._source, destination=summed, checksum=config.checksum)
        if config.family is Family.IPV6:
            return message
        ttl = config.unicast_ttl if config.unicast else 255
        if config.auth_type is AuthType.AH and config.version == 2:
            return ah_encode(
                message,
                source=self._source,
                destination=destination,
                sequence=ah_sequence,
                key=config.auth_pass.encode(),
                ttl=ttl,
            )
        header = ipv4_header(self._source, destination, len(message), PROTOCOL_VRRP, ttl=ttl)
        return header + message
