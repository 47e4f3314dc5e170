"""Values of virtual servers, as sentences name them."""

from __future__ import annotations

from alived.lvs.config import Endpoint, Fwmark, GroupName
from alived.lvs.daemon_config import FlushOnStop, LvsDefaults


def test_what_a_service_is_called() -> None:
    assert str(Endpoint("192.0.2.1", 80)) == "192.0.2.1:80"
    assert str(Endpoint("2001:db8::1", 80)) == "[2001:db8::1]:80"
    assert str(Endpoint("2001:db8::1")) == "[2001:db8::1]"
    assert str(Endpoint("192.0.2.1")) == "192.0.2.1"
    assert str(Fwmark(5)) == "fwmark 5"
    assert str(GroupName("web")) == "group web"


def test_servers_are_removed_one_by_one_unless_said_otherwise() -> None:
    assert LvsDefaults().flush_on_stop is FlushOnStop.NO
