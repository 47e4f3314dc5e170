"""Files of several nodes: which belong together, and what must hold between them."""

from __future__ import annotations

import pytest

from alived.base import Diagnostic
from alived.config.instances.plan import Plan
from alived.config.load import load_text
from alived.config.rules.nodes import clusters, routers
from alived.config.rules.rivalry import compare, unknown_nodes
from tests.config.helpers import instance_text


def plan(text: str, file: str) -> Plan:
    loaded = load_text(text, file)
    assert loaded.config is not None, loaded.diagnostics
    assert loaded.plan is not None
    return loaded.plan


def nodes(*texts: str) -> list[Plan]:
    return [plan(text, f"node{number}.conf") for number, text in enumerate(texts, 1)]


def found(*texts: str) -> list[Diagnostic]:
    return [diagnostic for _, diagnostic in compare(nodes(*texts))]


def codes(*texts: str) -> list[str]:
    return [diagnostic.code for diagnostic in found(*texts)]


def node(body: str = "", priority: int = 100, **parts: object) -> str:
    return instance_text(body, **parts).replace("priority 100", f"priority {priority}")  # type: ignore[arg-type]


def unicast(source: str, *peers: str, priority: int = 100) -> str:
    own = f"unicast_src_ip {source}\n" if source else ""
    return node(own + "unicast_peer {\n" + "\n".join(peers) + "\n}", priority)


FIRST = node(priority=150)


class TestWhichBelongTogether:
    def count(self, *texts: str) -> list[int]:
        return [len(cluster) for cluster in clusters(nodes(*texts))]

    def test_a_shared_address_with_the_same_vrid_or_name(self) -> None:
        assert self.count(FIRST, node(name="OTHER")) == [2]
        assert self.count(FIRST, node(vrid=9)) == [2]

    def test_a_shared_address_alone_says_nothing(self) -> None:
        assert self.count(FIRST, node(name="OTHER", vrid=9)) == [1, 1]

    def test_the_same_name_and_vrid_say_nothing(self) -> None:
        assert self.count(FIRST, node(vip="192.0.2.99")) == [1, 1]

    def test_a_link_local_address_says_nothing(self) -> None:
        assert self.count(node(vip="fe80::1"), node(vip="fe80::1")) == [1, 1]

    def test_peers_of_the_same_virtual_router(self) -> None:
        first = unicast("192.0.2.1", "192.0.2.2")
        second = unicast("192.0.2.2", "192.0.2.1").replace("192.0.2.10", "192.0.2.99")
        assert self.count(first, second) == [2]
        assert self.count(first, second.replace("_id 51", "_id 52")) == [1, 1]

    def test_a_third_file_joins_two_clusters(self) -> None:
        assert self.count(node(), node(vip="192.0.2.99"), node(vip="192.0.2.10\n192.0.2.99")) == [3]

    def test_instances_meet_by_address_before_vrid(self) -> None:
        one = node(name="A", vip="192.0.2.10") + node(name="B", vrid=52, vip="192.0.2.11")
        swapped = node(name="A", vrid=52, vip="192.0.2.10") + node(name="B", vip="192.0.2.11")
        pairs = [[member.one.name for member in router] for router in routers(nodes(one, swapped))]
        assert pairs == [["A", "A"], ["B", "B"]]


def test_nodes_that_agree_have_no_findings() -> None:
    assert codes(FIRST, node(), node(priority=50)) == []
    assert codes(unicast("192.0.2.1", "192.0.2.2", priority=150), unicast("192.0.2.2", "192.0.2.1")) == []


@pytest.mark.parametrize(
    ("here", "there", "code", "severity"),
    [
        (node(vrid=52), FIRST, "vrid-differs", "error"),
        (node("version 3"), FIRST, "version-differs", "error"),
        (node("mcast_dst_ip 224.0.0.99"), FIRST, "transport-differs", "error"),
        (node("unicast_peer {\n192.0.2.2\n}"), FIRST, "transport-differs", "error"),
        (node("authentication {\nauth_type PASS\nauth_pass abc\n}"), FIRST, "auth-differs", "error"),
        (node("advert_int 2"), FIRST, "interval-differs", "error"),
        (node("version 3\nadvert_int 2"), node("version 3", 150), "interval-differs", "warning"),
        (node("down_timer_adverts 5"), FIRST, "down-timer-differs", "warning"),
        (node("all_unhealthy best"), FIRST, "all-unhealthy-differs", "warning"),
        (node(vip="192.0.2.10/24"), FIRST, "prefix-differs", "warning"),
        (node(vip="192.0.2.10\n192.0.2.11"), FIRST, "vips-differ", "warning"),
        (node("virtual_ipaddress_excluded {\n192.0.2.11\n}"), FIRST, "vips-differ", "warning"),
        (node(priority=150), FIRST, "equal-priority", "warning"),
        (node(priority=255), node(priority=255), "equal-priority", "error"),
        (node("state MASTER"), node("state MASTER", 150), "several-masters", "warning"),
        (node("nopreempt"), FIRST, "nopreempt-differs", "warning"),
        (node("mcast_src_ip 192.0.2.1"), node("mcast_src_ip 192.0.2.1", 150), "same-source", "warning"),
    ],
)
def test_what_differs_is_said_with_both_places(here: str, there: str, code: str, severity: str) -> None:
    (diagnostic,) = found(there, here)
    assert (diagnostic.code, diagnostic.severity) == (code, severity)
    assert diagnostic.location.file == "node2.conf" and diagnostic.location.line > 0
    assert "node1.conf:" in diagnostic.message
    assert diagnostic.hint


def test_the_odd_one_of_three_is_named() -> None:
    (diagnostic,) = found(node("advert_int 2", 150), node(), node(priority=50))
    assert diagnostic.location.file == "node1.conf" and "node2.conf:" in diagnostic.message


def test_a_password_is_never_in_the_report() -> None:
    first = node("authentication {\nauth_type PASS\nauth_pass topsecr1\n}", 150)
    (diagnostic,) = found(first, first.replace("topsecr1", "topsecr2").replace("150", "100"))
    assert diagnostic.code == "auth-differs" and "topsecr" not in str(diagnostic)


def test_long_lists_are_cut() -> None:
    many = "\n".join(f"192.0.2.{number}" for number in range(10, 30))
    (diagnostic,) = found(FIRST, node(vip=many))
    assert "and 14 more" in diagnostic.message


def test_an_instance_without_partner_is_said() -> None:
    (diagnostic,) = found(FIRST + node(name="B", vrid=52, vip="192.0.2.11"), node())
    assert (diagnostic.code, diagnostic.location.line) == ("one-node-only", 10)


def test_two_instances_of_a_file_are_two_routers_even_with_one_vrid() -> None:
    both = node(name="A", vip="192.0.2.10") + node(name="B", vip="192.0.2.11").replace("eth0", "eth1")
    pairs = [
        [member.one.name for member in router] for router in routers(nodes(both, node(name="C", vip="192.0.2.10")))
    ]
    assert pairs == [["A", "C"], ["B"]]
    doubled = node(name="C", vip="192.0.2.10") + node(name="D", vip="192.0.2.12").replace("eth0", "eth1")
    pairs = [[member.one.name for member in router] for router in routers(nodes(both, doubled))]
    assert pairs == [["A", "C"], ["B", "D"]]


def test_nopreempt_among_equals_is_no_matter_of_nopreempt() -> None:
    assert codes(node(), node("nopreempt")) == ["equal-priority"]


def test_nopreempt_on_the_highest_node_is_enough() -> None:
    assert codes(node("nopreempt", 150), node()) == []


class TestPeers:
    def test_a_node_that_is_not_sent_to(self) -> None:
        (diagnostic,) = found(
            unicast("192.0.2.1", "192.0.2.2", priority=150),
            unicast("192.0.2.2", "192.0.2.1"),
            unicast("192.0.2.3", "192.0.2.1", "192.0.2.2", priority=50),
        )[:1]
        assert (diagnostic.code, diagnostic.location.file) == ("missing-peer", "node1.conf")
        assert diagnostic.hint == "add 192.0.2.3 to unicast_peer"

    def test_what_cannot_be_judged_is_listed(self) -> None:
        plans = nodes(unicast("", "192.0.2.2", priority=150), unicast("192.0.2.2", "192.0.2.1", "192.0.2.3"))
        assert list(compare(plans)) == []
        assert [(one.kind, one.name) for _, one in unknown_nodes(plans)] == [("source", "VI_1")]
        plans = nodes(unicast("192.0.2.1", "192.0.2.2", "192.0.2.3"), unicast("192.0.2.2", "192.0.2.1", "192.0.2.3"))
        assert [(one.kind, one.name) for _, one in unknown_nodes(plans)] == [("peer", "192.0.2.3")] * 2

    def test_multicast_needs_no_addresses(self) -> None:
        assert list(unknown_nodes(nodes(FIRST, node()))) == []


class TestWeights:
    TRACK = "track_interface {{\neth1 weight {}\n}}"

    @pytest.mark.parametrize("weight", [-50, -20])
    def test_too_small_to_move_anything(self, weight: int) -> None:
        (diagnostic,) = found(node(self.TRACK.format(weight), 150), node())
        assert diagnostic.code == "weight-too-small" and "more than 50" in diagnostic.hint

    def test_large_enough(self) -> None:
        assert codes(node(self.TRACK.format(-51), 150), node()) == []

    def test_a_positive_weight_is_on_both_nodes(self) -> None:
        assert codes(node(self.TRACK.format(60), 150), node(self.TRACK.format(60))) == []
        assert codes(node(self.TRACK.format(50), 150), node(self.TRACK.format(50))) == ["weight-too-small"]

    def test_a_reversed_one_counts_the_other_way_round(self) -> None:
        text = self.TRACK.format("-50 reverse")
        assert codes(node(text, 150), node(text)) == ["weight-too-small"]
        assert codes(node(self.TRACK.format("60 reverse"), 150), node()) == []

    def test_the_other_node_has_none(self) -> None:
        assert codes(node(self.TRACK.format(20), 150), node()) == ["weight-too-small"]


def test_a_group_has_one_preferred_node() -> None:
    group = "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\n"

    def both(first: int, second: int) -> str:
        return group + node(name="A", priority=first) + node(name="B", vrid=52, vip="192.0.2.11", priority=second)

    assert codes(both(150, 150), both(100, 100)) == []
    assert codes(both(150, 100), both(100, 150)) == ["split-group", "split-group"]


def test_thousands_of_instances_are_compared_in_one_pass() -> None:
    text = "".join(
        node(name=f"V{number}", vip=f"10.1.{number // 250}.{number % 250}").replace("eth0", f"eth{number}")
        for number in range(1000)
    )
    plans = nodes(text, text.replace("priority 100", "priority 90"))
    assert len(clusters(plans)) == 1
    assert [len(router) for router in routers(plans)] == [2] * 1000
    assert list(compare(plans)) == []
