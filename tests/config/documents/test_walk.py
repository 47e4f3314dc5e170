"""What stands under a key, by the kind of its row: the blocks are those of the same thing in keepalived.conf."""

from __future__ import annotations

from typing import Any

import pytest

from alived.config.documents.read import read_document
from alived.config.findings import Findings
from alived.config.load import THIS_HOST
from alived.config.text.blocks import Block
from alived.config.text.commands import split
from alived.config.text.read import read_text


def shape(block: Block) -> tuple[Any, ...]:
    """A block without its places; a statement by its words as a shell-like splitter sees them."""
    if block.children is not None:
        return block.keyword, [word.text for word in block.arguments], [shape(child) for child in block.children]
    return block.keyword, split(block.raw)[1:] if block.raw else [word.text for word in block.arguments]


def of_conf(text: str) -> list[tuple[Any, ...]]:
    findings = Findings()
    blocks = read_text(text, "f", THIS_HOST, findings).blocks
    assert findings.sorted() == ()
    return [shape(block) for block in blocks]


def of_yaml(text: str) -> tuple[list[tuple[Any, ...]], list[str]]:
    findings = Findings()
    blocks = read_document(text, "f", "YAML", findings)
    found = [f"{one.location.line}:{one.location.column} {one.code}: {one.hint}" for one in findings.sorted()]
    return [shape(block) for block in blocks], found


@pytest.mark.parametrize(
    ("yaml", "conf"),
    [
        ("virtual_servers: [{address: 192.0.2.1, port: 80}]", "virtual_server 192.0.2.1 80 {\n}"),
        ("virtual_servers: [{port: 80, address: 192.0.2.1}]", "virtual_server 192.0.2.1 80 {\n}"),
        ("virtual_servers: [{fwmark: 5}]", "virtual_server fwmark 5 {\n}"),
        ("virtual_servers: [{group: web}]", "virtual_server group web {\n}"),
        ("virtual_servers: {192.0.2.1 80: }", "virtual_server 192.0.2.1 80 {\n}"),
        ("virtual_servers: {fwmark 5: {lvs_sched: rr}}", "virtual_server fwmark 5 {\nlvs_sched rr\n}"),
        (
            "virtual_servers: [{address: '::1', real_servers: [{address: '::2', port: 80, TCP_CHECK: }]}]",
            "virtual_server ::1 {\nreal_server ::2 80 {\nTCP_CHECK {\n}\n}\n}",
        ),
        (
            "virtual_servers: {a 1: {real_servers: {b 2: {TCP_CHECK: [{connect_port: 1}, {connect_port: 2}]}}}}",
            "virtual_server a 1 {\nreal_server b 2 {\n"
            "TCP_CHECK {\nconnect_port 1\n}\nTCP_CHECK {\nconnect_port 2\n}\n}\n}",
        ),
        (
            "virtual_servers: {a 1: {real_servers: {b 2: {HTTP_GET: {urls: }}}}}",
            "virtual_server a 1 {\nreal_server b 2 {\nHTTP_GET {\n}\n}\n}",
        ),
        (
            "virtual_servers: {a 1: {real_servers: {b 2: {HTTP_GET: {urls: {path: /, status_code: 200}}}}}}",
            "virtual_server a 1 {\nreal_server b 2 {\nHTTP_GET {\nurl {\npath /\nstatus_code 200\n}\n}\n}\n}",
        ),
        (
            "virtual_server_groups: {g: [192.0.2.1 80, {address: 192.0.2.2, port: 80}, {fwmark: 5}]}",
            "virtual_server_group g {\n192.0.2.1 80\n192.0.2.2 80\nfwmark 5\n}",
        ),
        (
            "virtual_server_groups: [{name: g, entries: [192.0.2.1 80]}]",
            "virtual_server_group g {\n192.0.2.1 80\n}",
        ),
        ("virtual_server_groups: [{name: g}]", "virtual_server_group g {\n}"),
        ("vrrp_sync_groups: {G: {group: [A, B]}}", "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}"),
        ("vrrp_sync_groups: {G: {group: {instance: A}}}", "vrrp_sync_group G {\ngroup {\nA\n}\n}"),
        ("global_defs:", "global_defs {\n}"),
        ("global_defs: {script_user: nobody nogroup}", "global_defs {\nscript_user nobody nogroup\n}"),
        ("global_defs: {script_user: [nobody, nogroup]}", "global_defs {\nscript_user nobody nogroup\n}"),
        ("global_defs: {vrrp_cpu_affinity: 0 1}", "global_defs {\nvrrp_cpu_affinity 0 1\n}"),
        ("global_defs: {router_id: two words}", 'global_defs {\nrouter_id "two words"\n}'),
        ("global_defs: {vrrp_startup_delay: 1m}", "global_defs {\nvrrp_startup_delay 60\n}"),
        ("global_defs: {log_unknown_vrids: yes}", "global_defs {\nlog_unknown_vrids\n}"),
        ("global_defs: {log_unknown_vrids: no}", "global_defs {\n}"),
        ("global_defs: {vrrp_min_garp: no}", "global_defs {\nvrrp_min_garp off\n}"),
        ("global_defs: {vrrp_min_garp: }", "global_defs {\nvrrp_min_garp\n}"),
        (
            "static_routes: [{via: 192.0.2.254, address: 192.0.2.0/24, type: unicast, dev: eth0}]",
            "static_routes {\nunicast 192.0.2.0/24 via 192.0.2.254 dev eth0\n}",
        ),
        ("interface_up_down_delays: [{name: eth0, down_seconds: 1}]", "interface_up_down_delays {\neth0 1\n}"),
        ("static_rules: [{from: 192.0.2.0/24, table: 1}]", "static_rules {\nfrom 192.0.2.0/24 table 1\n}"),
        ("vrrp_scripts: {c: {script: [/bin/true, a b]}}", "vrrp_script c {\nscript \"/bin/true 'a b'\"\n}"),
        ("bfd_instances: {p: {min_rx: 50ms}}", "bfd_instance p {\nmin_rx 50\n}"),
        (
            "vrrp_instances: {A: {virtual_ipaddress: {address: 192.0.2.1, dev: eth0, home: yes, nodad: yes}}}",
            "vrrp_instance A {\nvirtual_ipaddress {\n192.0.2.1 dev eth0 home\n}\n}",
        ),
        (
            "vrrp_instances: {A: {track_interface: {name: e, weight: 5, reverse: no}}}",
            "vrrp_instance A {\ntrack_interface {\ne weight 5\n}\n}",
        ),
        (
            "hooks: {ToMaster: {environment: {A: b c, D: no}}}",
            'hooks {\nToMaster {\nenvironment {\nA "b c"\nD no\n}\n}\n}',
        ),
        ("hooks: {ToMaster: {environment: [A b]}}", "hooks {\nToMaster {\nenvironment {\nA b\n}\n}\n}"),
        ("cluster: {nodes: {a: {addr: 192.0.2.1}}}", "cluster {\nnode a {\naddr 192.0.2.1\n}\n}"),
        ("cluster: {nodes: [{id: a}]}", "cluster {\nnode a {\n}\n}"),
    ],
)
def test_the_same_blocks(yaml: str, conf: str) -> None:
    blocks, found = of_yaml(yaml)
    assert found == []
    assert [_command_once(one) for one in blocks] == [_command_once(one) for one in of_conf(conf)]


def _command_once(block: Any) -> Any:
    """A command is one argument that is split again: quotes of either kind mean the same."""
    if isinstance(block, list):
        return [_command_once(one) for one in block]
    if isinstance(block, tuple) and block[0] == "script":
        return "script", [split(word) for word in block[1]]
    return tuple(_command_once(one) for one in block) if isinstance(block, tuple) else block


@pytest.mark.parametrize(
    ("yaml", "finding"),
    [
        ("vrrp_instance: {A: {}}", "1:1 unknown-keyword: vrrp_instances: ..."),
        ("virtual_serverss: []", "1:1 unknown-keyword: did you mean 'virtual_servers'?"),
        ("\nglobaldefs: {}", "2:1 unknown-keyword: did you mean 'global_defs'?"),
        ("vrrp_instances: {A: {prioritty: 5}}", "1:22 unknown-keyword: did you mean 'priority'?"),
        ("vrrp_instances: {A: {router_id: 5}}", "1:22 unknown-keyword: it belongs in global_defs"),
        (
            "virtual_servers: {a 1: {real_server: {}}}",
            "1:25 unknown-keyword: real_servers: ...",
        ),
        ("vrrp_instances: 5", "1:17 wrong-type: - name: ..."),
        ("vrrp_instances: [A]", "1:18 wrong-type: - name: ..."),
        ("virtual_servers: [a]", "1:19 wrong-type: - address: ..."),
        ("vrrp_instances: {A: 5}", "1:21 wrong-type: vrrp_instance: {KEYWORD: VALUE}"),
        ("vrrp_instances: {A: {authentication: x}}", "1:38 wrong-type: authentication: {KEYWORD: VALUE}"),
        ("vrrp_instances: {A: {priority: {a: 1}}}", "1:32 wrong-type: priority: 150"),
        (
            "vrrp_instances: {A: {track_interface: [{weight: 5}]}}",
            "1:40 wrong-type: {name: ..., ...}, or the whole line",
        ),
        ("vrrp_instances: {A: {track_interface: [[a]]}}", "1:40 wrong-type: an entry is a line or a mapping"),
        ("vrrp_instances: {A: {notify: {comand: /bin/x}}}", "1:31 unknown-keyword: did you mean 'command'?"),
        (
            "vrrp_instances: {A: {notify: {command: /bin/x, shell: y}}}",
            "1:48 unknown-keyword: keys: command, user, group",
        ),
        ("hooks: {ToMaster: {environment: {A: [b]}}}", "1:37 wrong-type: "),
        ("5", "1:1 wrong-type: vrrp_instances: ..."),
    ],
)
def test_what_is_wrong_has_its_place_and_a_hint(yaml: str, finding: str) -> None:
    assert of_yaml("---\n" + yaml)[1] == [f"{int(finding[0]) + 1}{finding[1:]}"]
