"""Gateways and units: from the text to the values that a worker takes."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_MS, NS_PER_S
from alived.config.load import load_text
from alived.health.trackers_config import FlapDamping, GatewayMethod, Tracked, TrackGateway, TrackUnit, Weight
from tests.config.helpers import complaints, instance_text, understood

TRACKED = instance_text("track_gateway {\nuplink\n}\ntrack_unit {\nweb weight -20\n}")
UNIT = "unit web {\nsystemd_unit nginx.service\n}\n"
GATEWAY = "gateway uplink {\ntarget default\n}\n"


def gateway(body: str) -> TrackGateway:
    (one,) = understood(f"gateway uplink {{\n{body}\n}}\n{UNIT}{TRACKED}").gateways
    return one


def unit(body: str) -> TrackUnit:
    (one,) = understood(f"unit web {{\n{body}\n}}\n{GATEWAY}{TRACKED}").units
    return one


def test_a_gateway_that_says_nothing_else() -> None:
    assert gateway("target default") == TrackGateway(name="uplink", targets=("default",))
    assert gateway("target 192.0.2.1 2001:db8::1\ninterface eth0").targets == ("192.0.2.1", "2001:db8::1")


def test_a_gateway_that_says_everything() -> None:
    text = "target 192.0.2.1\ntarget 192.0.2.2\nquorum 2\ninterface eth0\nmethod icmp\ninterval 0.5\ntimeout 0.2\n"
    assert gateway(text + "rise 4\nfall 5\nweight -30\nflap_damping 10 20") == TrackGateway(
        name="uplink",
        targets=("192.0.2.1", "192.0.2.2"),
        quorum=2,
        interface="eth0",
        method=GatewayMethod.ICMP,
        interval_ns=500 * NS_PER_MS,
        timeout_ns=200 * NS_PER_MS,
        rise=4,
        fall=5,
        weight=Weight(-30),
        flap_damping=FlapDamping(10 * NS_PER_S, 20 * NS_PER_S),
    )


def test_the_timeout_is_the_interval_and_a_second_at_most() -> None:
    assert gateway("target default\ninterval 0.2").timeout_ns == 200 * NS_PER_MS
    assert gateway("target default\ninterval 5").timeout_ns == NS_PER_S


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ("quorum 1", [("missing-keyword", 1)]),
        ("target", [("missing-argument", 2)]),
        ("target router", [("invalid-address", 2)]),
        ("target 192.0.2.1", [("missing-keyword", 1)]),
        ("target 192.0.2.1\nmethod icmp", []),
        ("target default default", [("duplicate-entry", 2)]),
        ("target default\nquorum 2", [("out-of-range", 3)]),
        ("target default6\nmethod arp", [("wrong-family", 3)]),
        ("target 2001:db8::1\ninterface eth0\nmethod arp", [("wrong-family", 4)]),
        ("target 192.0.2.1\ninterface eth0\nmethod ndp", [("wrong-family", 4)]),
        ("target default\nmethod tcp", [("invalid-value", 3)]),
        ("target default\ninterval 1\ntimeout 2", [("timeout-above-interval", 4)]),
    ],
)
def test_gateways_that_are_wrong(body: str, codes: list[tuple[str, int]]) -> None:
    assert complaints(f"gateway uplink {{\n{body}\n}}\n{UNIT}{TRACKED}") == codes


def test_a_unit() -> None:
    assert unit("systemd_unit nginx.service") == TrackUnit(name="web", unit="nginx.service")
    assert unit("systemd_unit nginx\ninterval 2\nrise 2\nfall 3\nweight 5") == TrackUnit(
        name="web", unit="nginx.service", interval_ns=2 * NS_PER_S, rise=2, fall=3, weight=Weight(5)
    )
    assert unit("systemd_unit network-online.target").unit == "network-online.target"
    assert complaints(f"unit web {{\nrise 1\n}}\n{GATEWAY}{TRACKED}") == [("missing-keyword", 1)]


def test_instances_track_them() -> None:
    (instance,) = understood(UNIT + GATEWAY + TRACKED).instances
    assert instance.tracking.gateways == (Tracked("uplink", Weight()),)
    assert instance.tracking.units == (Tracked("web", Weight(-20)),)


def test_what_nobody_tracks_is_said() -> None:
    found = load_text(UNIT + GATEWAY + instance_text()).diagnostics
    assert [(one.code, one.location.line) for one in found] == [("unused-tracker", 1), ("unused-tracker", 4)]


def test_combinations_count_them() -> None:
    text = "check both {\nall gateway uplink unit web\n}\n"
    assert complaints(text + UNIT + GATEWAY + instance_text("track_check {\nboth\n}")) == []
