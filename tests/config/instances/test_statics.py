"""Static addresses, routes and rules, track groups, paces of announcements, delays of links."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_MS, NS_PER_S
from alived.config.load import load_text
from alived.health.trackers_config import LinkDelay
from alived.vip.static_config import GarpGroup, TrackGroup
from tests.config.helpers import complaints, instance_text, understood

INSTANCE = instance_text()
GROUP = "track_group G {\ngroup {\nVI_1\n}\n}\n"


def test_addresses_have_an_interface_and_may_have_a_group() -> None:
    text = GROUP + "static_ipaddress {\n192.0.2.8/24 track_group G label eth0:1\n192.0.2.9 dev eth1\n}\n"
    config = understood(text + INSTANCE)
    first, second = config.static_addresses
    assert (first.address.address, first.address.interface, first.track_group) == ("192.0.2.8", "eth0", "G")
    assert first.address.label == "eth0:1"
    assert (second.address.interface, second.track_group) == ("eth1", "")
    assert config.track_groups == (TrackGroup("G", ("VI_1",)),)


def test_the_default_interface() -> None:
    text = "global_defs {\ndefault_interface eth7\n}\nstatic_ipaddress {\n192.0.2.8/24\n}\n"
    assert understood(text + INSTANCE).static_addresses[0].address.interface == "eth7"


def test_routes_and_rules() -> None:
    text = GROUP + "static_routes {\ndefault dev eth0 track_group G\n}\n"
    config = understood(
        text + "static_rules {\nfrom 192.0.2.1 table 5 preference 7 iif eth0 track_group G\n}\n" + INSTANCE
    )
    assert [one.track_group for one in (*config.static_routes, *config.static_rules)] == ["G", "G"]


def test_what_has_no_interface_cannot_be_tracked() -> None:
    text = GROUP + "static_routes {\ndefault via 192.0.2.1 track_group G\n}\n"
    assert complaints(text + INSTANCE) == [("track-group-skipped", 7)]
    loaded = load_text(text + INSTANCE)
    assert loaded.config is not None and loaded.config.static_routes[0].track_group == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("static_routes {\ndefault dev eth0 track_group Gx\n}\n", [("unknown-group", 7)]),
        ("static_ipaddress {\n192.0.2.8 track_group\n}\n", [("missing-argument", 7)]),
        ("static_ipaddress {\n192.0.2.8 dev a/b\n}\n", [("invalid-interface", 7)]),
        ("track_group H {\ngroup {\nVI_1x\n}\n}\n", [("unknown-member", 8)]),
        ("track_group H {\n}\n", [("empty-group", 6)]),
        ("track_group G {\ngroup {\nVI_1\n}\n}\n", [("duplicate-name", 6)]),
    ],
)
def test_references(text: str, expected: list[tuple[str, int]]) -> None:
    assert complaints(GROUP + text + INSTANCE) == expected


def test_paces() -> None:
    text = (
        "garp_group {\ngarp_interval 0.5\ninterface eth0\n}\ngarp_group {\ngna_interval 1\ninterfaces {\neth1\n}\n}\n"
    )
    config = understood(text + instance_text("virtual_ipaddress_excluded {\n192.0.2.50 dev eth1\n}"))
    assert config.garp_groups == (
        GarpGroup(interfaces=("eth0",), garp_interval_ns=500 * NS_PER_MS),
        GarpGroup(interfaces=("eth1",), gna_interval_ns=NS_PER_S),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("garp_group {\ngarp_interval 1\n}\n", [("empty-group", 1)]),
        ("garp_group {\ninterface eth0\n}\n", [("empty-group", 1)]),
        ("garp_group {\ngarp_interval 1\ninterface eth00\n}\n", [("unused-interface", 3)]),
        ("garp_group {\ngarp_interval 1\ninterface eth0\ninterfaces {\neth0\n}\n}\n", [("duplicate-entry", 5)]),
        ("garp_group {\ngarp_interval 61\ninterface eth0\n}\n", [("out-of-range", 2)]),
        ("garp_group {\ngarp_interval 1\ninterfaces {\neth0 {\n}\n}\n}\n", [("unexpected-block", 4)]),
    ],
)
def test_paces_that_are_of_no_use(text: str, expected: list[tuple[str, int]]) -> None:
    assert complaints(text + INSTANCE) == expected


def test_delays_of_links() -> None:
    config = understood("interface_up_down_delays {\neth0 1 1.5\neth1 0.25\n}\n" + INSTANCE)
    assert config.link_delays == (
        LinkDelay(interface="eth0", down_ns=NS_PER_S, up_ns=1500 * NS_PER_MS),
        LinkDelay(interface="eth1", down_ns=250 * NS_PER_MS),
    )


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("eth0", "missing-argument"),
        ("eth0 x", "invalid-value"),
        ("eth0 256", "invalid-value"),
        ("eth0 1 1 3", "extra-arguments"),
        ("eth0 1\neth0 1.5", "duplicate-entry"),
        ("eth0 2", "link-delay-reduced"),
        ("a/b 1", "invalid-interface"),
    ],
)
def test_delays_that_are_wrong(entry: str, code: str) -> None:
    assert [one for one, _ in complaints(f"interface_up_down_delays {{\n{entry}\n}}\n{INSTANCE}")] == [code]


def test_the_later_delay_counts() -> None:
    loaded = load_text("interface_up_down_delays {\neth0 0.5\neth0 1\n}\n" + INSTANCE)
    assert loaded.config is not None
    assert loaded.config.link_delays == (LinkDelay(interface="eth0", down_ns=NS_PER_S),)


def test_a_delay_is_shorter_than_the_patience_of_instances_there() -> None:
    loaded = load_text("interface_up_down_delays {\neth0 2 3\neth9 2 3\n}\n" + INSTANCE)
    assert loaded.config is not None
    limit_ns = 2 * NS_PER_S - NS_PER_S // 256
    assert loaded.config.link_delays == (
        LinkDelay(interface="eth0", down_ns=limit_ns, up_ns=limit_ns),
        LinkDelay(interface="eth9", down_ns=2 * NS_PER_S, up_ns=3 * NS_PER_S),
    )


def test_polled_links_are_checked_only() -> None:
    assert complaints("linkbeat_interfaces {\neth0\neth1 MII\n}\n" + INSTANCE) == []
    assert complaints("linkbeat_interfaces {\neth0 MIII\n}\n" + INSTANCE) == [("invalid-value", 2)]


def test_namespace_of_ipvs() -> None:
    assert understood(INSTANCE).net_namespace_ipvs is None
    assert understood("net_namespace_ipvs\n" + INSTANCE).net_namespace_ipvs == ""
    assert understood("net_namespace_ipvs red\n" + INSTANCE).net_namespace_ipvs == "red"


def test_without_an_instance_nothing_runs_but_it_is_read() -> None:
    text = "static_ipaddress {\n192.0.2.8 dev eth0\n}\n"
    assert complaints(text) == [("no-instance", 0)]
