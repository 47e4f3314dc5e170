"""Names as keepalived's FMT_VS and FMT_RS make them."""

from __future__ import annotations

import pytest

from alived.base import Family
from alived.lvs.config import Endpoint, Fwmark, GroupName, Protocol, Service
from alived.lvs.names import server_name, service_name


@pytest.mark.parametrize(
    ("service", "protocol", "name"),
    [
        (Endpoint("192.0.2.1", 80), Protocol.TCP, "[192.0.2.1]:tcp:80"),
        (Endpoint("2001:db8::1", 53), Protocol.UDP, "[2001:db8::1]:udp:53"),
        (Endpoint("192.0.2.1"), Protocol.SCTP, "[192.0.2.1]:sctp:0"),
        (Fwmark(5, Family.IPV6), None, "FWM 5"),
        (GroupName("web"), Protocol.TCP, "[web]:1"),
    ],
)
def test_of_virtual_servers(service: Service, protocol: Protocol | None, name: str) -> None:
    assert service_name(service, protocol, 1) == name


def test_of_real_servers() -> None:
    assert server_name(Endpoint("192.0.2.7", 8080), Protocol.TCP) == "[192.0.2.7]:tcp:8080"
    assert server_name(Endpoint("192.0.2.7", 80), None) == "[192.0.2.7]:none:80"
