"""What keepalived calls servers in its log, its pipes and its mail."""

from __future__ import annotations

from typing import assert_never

from alived.lvs.config import Endpoint, Fwmark, GroupName, Protocol, Service


def service_name(service: Service, protocol: Protocol | None, nth: int = 0) -> str:
    """[192.0.2.1]:tcp:80, FWM 5, [group]:0. nth: how many virtual servers before it have the same group."""
    match service:
        case Endpoint():
            return server_name(service, protocol)
        case Fwmark(mark):
            return f"FWM {mark}"
        case GroupName(name):
            return f"[{name}]:{nth}"
        case _:
            assert_never(service)


def server_name(endpoint: Endpoint, protocol: Protocol | None) -> str:
    """[192.0.2.7]:tcp:80. protocol None: of marked packets, whatever it is."""
    return f"[{endpoint.address}]:{protocol.lower() if protocol else 'none'}:{endpoint.port}"
