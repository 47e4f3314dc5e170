"""Files of the nodes of one Raft cluster: what they must agree upon."""

from __future__ import annotations

import pytest

from alived.base import Diagnostic
from alived.config.instances.plan import Plan
from alived.config.load import load_text
from alived.config.rules.nodes import clusters
from alived.config.rules.rivalry import compare, unknown_nodes

NODES = "{id: a, addr: 192.0.2.1}, {id: b, addr: 192.0.2.2}, {id: c, addr: 192.0.2.3}"


def text(name: str = "a", nodes: str = NODES, more: str = "", groups: str = "") -> str:
    return (
        f"node: {{id: {name}, raft_addr: ':7946', data_dir: /var}}\n"
        f"cluster: {{key_file: /key, nodes: [{nodes}]{more}}}\n{groups}"
    )


def plans(*texts: str) -> list[Plan]:
    found = [load_text(one, f"{number}.yaml") for number, one in enumerate(texts, 1)]
    assert all(one.config is not None for one in found), [one.diagnostics for one in found]
    return [one.plan for one in found if one.plan is not None]


def found(*texts: str) -> list[Diagnostic]:
    return [diagnostic for _, diagnostic in compare(plans(*texts))]


def group(addresses: str, name: str = "g") -> str:
    return f"raft_instances: {{{name}: {{interface: eth0, virtual_ipaddress: {addresses}}}}}\n"


def test_files_that_agree_say_nothing() -> None:
    groups = group("192.0.2.9/24")
    assert found(text("a", groups=groups), text("b", groups=groups), text("c", groups=groups)) == []


def test_files_belong_together_if_they_name_a_node_in_common() -> None:
    other = "{id: x, addr: 192.0.2.7}, {id: y, addr: 192.0.2.8}, {id: z, addr: 192.0.2.3}"
    alone = other.replace("192.0.2.3", "192.0.2.6")
    assert [len(one) for one in clusters(plans(text("a"), text("b"), text("x", other)))] == [3]
    assert [len(one) for one in clusters(plans(text("a"), text("x", alone)))] == [1, 1]


@pytest.mark.parametrize(
    ("other", "code", "severity"),
    [
        (text("a"), "same-node", "error"),
        (text("b", NODES + ", {id: d, addr: 192.0.2.4}"), "nodes-differ", "error"),
        (text("b", NODES.replace("192.0.2.3", "192.0.2.4")), "nodes-differ", "error"),
        (text("b", NODES.replace("192.0.2.3", "'192.0.2.3:7947'")), "nodes-differ", "error"),
        (text("b", NODES.replace("192.0.2.3", "192.0.2.3, role: witness")), "nodes-differ", "error"),
        (text("b", NODES.replace("192.0.2.3", "192.0.2.3, priority: 5")), "node-priority-differs", "warning"),
        (text("b", more=", id: other"), "cluster-differs", "error"),
        (text("b", more=", profile: wan"), "cluster-differs", "error"),
        (text("b", more=", tls: {ca_file: /a, cert_file: /b, key_file: /c}"), "cluster-differs", "error"),
        (text("b", groups=group("192.0.2.9/24")), "vips-differ", "warning"),
    ],
)
def test_what_differs_is_reported_once_at_the_other_file(other: str, code: str, severity: str) -> None:
    (one,) = found(text("a"), other)
    assert (one.code, one.severity, one.location.file) == (code, severity, "2.yaml")
    assert "1.yaml" in one.message
    assert one.location.line and one.hint


def test_addresses_of_a_group_are_compared_with_their_lengths() -> None:
    pair = text("a", groups=group("192.0.2.9/24")), text("b", groups=group("[192.0.2.9/25]"))
    (one,) = found(*pair)
    assert one.message == "raft_instance g: 192.0.2.9/25; 1.yaml has 192.0.2.9/24"


def test_nodes_whose_files_are_missing_are_listed() -> None:
    assert [(one.kind, one.name) for _, one in unknown_nodes(plans(text("a"), text("b")))] == [("node", "c")] * 2
    assert list(unknown_nodes(plans(text("a")))) == []


def test_what_is_done_if_all_nodes_are_unhealthy_is_compared_by_group() -> None:
    best = group("192.0.2.9/24").replace("interface", "all_unhealthy: best, interface")
    (one,) = found(text("a", groups=group("192.0.2.9/24")), text("b", groups=best))
    assert (one.code, one.severity, one.location.file) == ("all-unhealthy-differs", "warning", "2.yaml")
    assert one.message.startswith("raft_instance g: all_unhealthy best, but all_unhealthy none at 1.yaml:3:")
    assert found(text("a", groups=best), text("b", groups=best)) == []
