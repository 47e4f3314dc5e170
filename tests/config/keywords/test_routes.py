"""Routes and routing rules: the grammar of iproute2 as keepalived reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import Family
from alived.config.load import load_text
from alived.vip.routes_config import Encapsulation, InsertMode, NextHop, RouteMetric, VirtualRoute, VirtualRule
from tests.config.helpers import complaints, instance_text, understood


def route(line: str) -> VirtualRoute:
    (instance,) = understood(instance_text(f"virtual_routes {{\n{line}\n}}")).instances
    (one,) = instance.vips.routes
    return one


def rule(line: str) -> VirtualRule:
    (instance,) = understood(instance_text(f"virtual_rules {{\n{line}\n}}")).instances
    (one,) = instance.vips.rules
    return one


def wrong(block: str, line: str) -> list[str]:
    return [code for code, _ in complaints(instance_text(f"{block} {{\n{line}\n}}"))]


class TestRoute:
    @pytest.mark.parametrize(
        ("line", "destination", "family"),
        [
            ("198.51.100.0/24 dev eth0", "198.51.100.0/24", Family.IPV4),
            ("198.51.100.7", "198.51.100.7/32", Family.IPV4),
            ("2001:db8::/32 dev eth0", "2001:db8::/32", Family.IPV6),
            ("default via 192.0.2.1", "default", Family.IPV4),
            ("src 192.0.2.9 to any via 192.0.2.1", "default", Family.IPV4),
            ("inet6 default dev eth0", "default", Family.IPV6),
            ("default via inet6 fe80::1 dev eth0", "default", Family.IPV6),
        ],
    )
    def test_destination_and_family(self, line: str, destination: str, family: Family) -> None:
        found = route(line)
        assert (found.destination, found.family) == (destination, family)

    def test_most_options(self) -> None:
        line = (
            "198.51.100.0/24 src 192.0.2.9 via 192.0.2.1 dev eth0 table 6909 tos 0x04 protocol bird scope link "
            "priority 12 realms PQA/0x14 vrf blue features ecn congctl lock cubic ttl-propagate enabled onlink append "
            "no_track"
        )
        assert route(line) == VirtualRoute(
            destination="198.51.100.0/24",
            preferred_source="192.0.2.9",
            via="192.0.2.1",
            interface="eth0",
            table="6909",
            tos="0x04",
            protocol="bird",
            scope="link",
            metric=12,
            realms="PQA/0x14",
            vrf="blue",
            ecn=True,
            congctl="cubic",
            congctl_lock=True,
            ttl_propagate=True,
            onlink=True,
            insert=InsertMode.APPEND,
            no_track=True,
        )

    def test_options_of_ipv6(self) -> None:
        found = route("2001:db8::/32 from 2001:db8:1::/48 dev eth0 expires 60 pref high")
        assert (found.source, found.expires_s, found.preference) == ("2001:db8:1::/48", 60, "high")
        assert route("inet6 default dev eth0 pref 7").preference == "7"

    def test_metrics_are_in_units_of_the_kernel(self) -> None:
        line = (
            "default via 192.0.2.1 mtu lock 1400 hoplimit 9 rtt 250ms rttvar 2s rto_min 300 ssthresh lock 5 quickack 1"
        )
        assert dict(route(line).metrics) == {
            "mtu": RouteMetric(1400, True),
            "hoplimit": RouteMetric(9),
            "rtt": RouteMetric(2000),
            "rttvar": RouteMetric(8000),
            "rto_min": RouteMetric(300),
            "ssthresh": RouteMetric(5, True),
            "quickack": RouteMetric(1),
        }

    def test_next_hops(self) -> None:
        line = "default table 9 nexthop via 192.0.2.1 dev eth0 weight 2 onlink nexthop via 192.0.2.2 realms 7"
        found = route(line)
        assert found.table == "9" and found.next_hops == (
            NextHop(via="192.0.2.1", interface="eth0", weight=2, onlink=True),
            NextHop(via="192.0.2.2", realms="7"),
        )

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("ip id 5 dst 192.0.2.7 src 192.0.2.8 tos 4 ttl 9 flags 3", {"kind": "ip", "id": 5, "dst": "192.0.2.7"}),
            ("ip6 dst fe80::7 tc 4 hoplimit 9", {"kind": "ip6", "dst": "fe80::7", "tos": "4", "ttl": 9}),
            ("mpls 100/200", {"kind": "mpls", "labels": (100, 200)}),
            ("ila 1:2:3:4", {"kind": "ila", "locator": "1:2:3:4"}),
        ],
    )
    def test_tunnels(self, text: str, expected: dict[str, object]) -> None:
        found = route(f"198.51.100.0/24 encap {text} dev eth0")
        assert isinstance(found.encap, Encapsulation) and found.interface == "eth0"
        assert {name: getattr(found.encap, name) for name in expected} == expected

    @pytest.mark.parametrize("kind", ["unicast", "blackhole", "throw", "unreachable", "prohibit", "local"])
    def test_types(self, kind: str) -> None:
        assert route(f"{kind} 198.51.100.0/24").type == kind
        assert route(f"{kind} to 198.51.100.0/24").type == kind

    def test_brd_is_broadcast(self) -> None:
        assert route("brd 198.51.100.255").type == "broadcast"

    def test_old_words_are_understood(self) -> None:
        assert route("default gw 192.0.2.1").via == "192.0.2.1"
        assert route("default via 192.0.2.1 or 192.0.2.2").next_hops == (
            NextHop(via="192.0.2.1"),
            NextHop(via="192.0.2.2"),
        )
        found = route("default6 dev eth0")
        assert (found.destination, found.family) == ("default", Family.IPV6)

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("via 192.0.2.1", "missing-argument"),
            ("default via", "missing-argument"),
            ("default via 192.0.2.0/24", "invalid-address"),
            ("default via fe80::1 src 192.0.2.1", "family-mismatch"),
            ("192.0.2.0/33", "out-of-range"),
            ("192.0.2.0/x", "invalid-value"),
            ("default dev a/b", "invalid-interface"),
            ("default via 192.0.2.1 metrik 5", "unknown-option"),
            ("default via 192.0.2.1 metric 5000000000", "out-of-range"),
            ("default via 192.0.2.1 metric x", "invalid-value"),
            ("default via 192.0.2.1 table 99999999999", "out-of-range"),
            ("default via 192.0.2.1 expires 5", "family-mismatch"),
            ("198.51.100.0/24 from 2001:db8::/32", "family-mismatch"),
            ("default via 192.0.2.1 rtt 200s", "invalid-value"),
            ("default via 192.0.2.1 rtt soon", "invalid-value"),
            ("default via 192.0.2.1 realms /5", "invalid-value"),
            ("default via 192.0.2.1 ttl-propagate maybe", "invalid-value"),
            ("default via 192.0.2.1 features esn", "invalid-value"),
            ("default nexthop via 192.0.2.1 weight 257", "out-of-range"),
            ("default nexthop via 192.0.2.1 wait 5", "unknown-option"),
            ("default via 192.0.2.1 or 192.0.2.2 nexthop via 192.0.2.3", "family-mismatch"),
            ("default encap ip tos 5", "missing-argument"),
            ("default encap ip dst fe80::1", "family-mismatch"),
            ("default encap gre 5", "invalid-value"),
            ("default encap mpls 1/x", "invalid-value"),
            ("default encap mpls " + "/".join(["1"] * 17), "out-of-range"),
            ("default encap mpls 1048576", "out-of-range"),
            ("default encap ila 1:2:3", "invalid-value"),
            ("default encap", "missing-argument"),
            ("default via 192.0.2.1 track_group G", "unknown-option"),
            ("default {\n}", "unexpected-block"),
            ("unreachable", "missing-argument"),
            ("to", "missing-argument"),
            ("to dev eth0", "unknown-option"),
        ],
    )
    def test_what_is_wrong(self, line: str, code: str) -> None:
        assert [one for one in wrong("virtual_routes", line) if one != "deprecated"] == [code]

    def test_the_near_word_is_said(self) -> None:
        text = instance_text("virtual_routes {\n198.51.100.0/24 via 192.0.2.1 metrik 5\n}")
        (found,) = [one for one in load_text(text).diagnostics if one.code == "unknown-option"]
        assert found.hint == "did you mean 'metric'?"
        assert str(found.location).endswith(":6:31")


class TestRule:
    def test_most_options(self) -> None:
        line = (
            "not from 192.0.2.0/24 to 198.51.100.0/26 table small iif eth0 oif eth1 tos 22 fwmark 0x18/12 "
            "preference 39 realms 30/20 suppress_prefixlength 0 sup_group 3 tunnel-id 5 uidrange 100-200 "
            "protocol 18 ipproto tcp sport 10-20 dport 80 no_track"
        )
        assert rule(line) == VirtualRule(
            action="table",
            inverted=True,
            source="192.0.2.0/24",
            destination="198.51.100.0/26",
            table="small",
            input_interface="eth0",
            output_interface="eth1",
            tos="22",
            fwmark=24,
            fwmask=12,
            preference=39,
            realms="30/20",
            suppress_prefix_length=0,
            suppress_interface_group="3",
            tunnel_id=5,
            user_ids=(100, 200),
            protocol=18,
            ip_protocol="tcp",
            source_ports=(10, 20),
            destination_ports=(80, 80),
            no_track=True,
        )

    @pytest.mark.parametrize(
        ("line", "action"),
        [
            ("from 192.0.2.1 lookup main", "table"),
            ("from 192.0.2.1 goto 200", "goto"),
            ("from 192.0.2.1 type goto 200", "goto"),
            ("from 192.0.2.1 nop", "nop"),
            ("from 192.0.2.1 type blackhole", "blackhole"),
            ("from fe80::1 prohibit", "prohibit"),
            ("inet6 unreachable", "unreachable"),
            ("from 192.0.2.1 l3mdev", "l3mdev"),
        ],
    )
    def test_actions(self, line: str, action: str) -> None:
        found = rule(line + " preference 100")
        assert found.action == action
        assert found.goto == (200 if action == "goto" else None)
        assert found.family is (Family.IPV6 if ":" in line or "inet6" in line else Family.IPV4)

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("from 192.0.2.1 preference 5", "missing-argument"),
            ("from 192.0.2.1 table 1", "no-preference"),
            ("from 192.0.2.1 table 0 preference 5", "out-of-range"),
            ("from 192.0.2.1 table 1 blackhole preference 5", "two-actions"),
            ("from 192.0.2.1 goto 100 preference 100", "out-of-range"),
            ("from 192.0.2.1 goto 100", "out-of-range"),
            ("from 192.0.2.1 nop realms 5 preference 100", "unknown-option"),
            ("from 192.0.2.1 to fe80::1 nop preference 1", "family-mismatch"),
            ("from fe80::1 realms 5 table 1 preference 1", "family-mismatch"),
            ("from 192.0.2.1 tabel 1 preference 1", "unknown-option"),
            ("from 192.0.2.1 type multicast preference 1", "unknown-option"),
            ("from 192.0.2.1 type", "missing-argument"),
            ("from 192.0.2.1 nop uidrange 5-3 preference 1", "out-of-range"),
            ("from 192.0.2.1 nop sport 70000 preference 1", "out-of-range"),
            ("from 192.0.2.1 nop fwmark", "missing-argument"),
            ("from 192.0.2.1 nop fwmark 1/x preference 1", "invalid-value"),
            ("nop {\n}", "unexpected-block"),
        ],
    )
    def test_what_is_wrong(self, line: str, code: str) -> None:
        assert wrong("virtual_rules", line) == [code]


WORDS = [
    "default",
    "to",
    "192.0.2.0/24",
    "fe80::1",
    "via",
    "dev",
    "eth0",
    "nexthop",
    "or",
    "encap",
    "ip",
    "mpls",
    "1/2",
    "id",
    "dst",
    "realms",
    "1/",
    "rtt",
    "5ms",
    "lock",
    "mtu",
    "weight",
    "0",
    "table",
    "goto",
    "nop",
    "not",
    "fwmark",
    "uidrange",
    "1-",
    "type",
    "from",
    "sport",
    "-1",
    "99999999999999999999999",
    "inet6",
    "blackhole",
    "features",
    "ecn",
]
BLOCKS = ["virtual_routes", "virtual_rules", "static_routes", "static_rules"]


@given(st.sampled_from(BLOCKS), st.lists(st.sampled_from(WORDS)))
def test_any_words(block: str, words: list[str]) -> None:
    """Whatever stands in a line: a value or a finding in that line, never a crash."""
    lines = f"{block} {{\n{' '.join(words)}\n}}\n"
    text = instance_text(lines) if block.startswith("virtual") else lines + instance_text()
    line = 6 if block.startswith("virtual") else 2
    assert {found_line for _, found_line in complaints(text)} <= {line}
