"""Mistakes in sections of checks, trackers, receivers and clusters: people are told where, what, and what to do."""

from __future__ import annotations

import pytest

from alived.config.load import load_text

CONF = [
    ("check web {\nhtpp {\n}\n}", 1, "check web does not say what is asked", "one of tcp, http, https, smtp, dns"),
    ("check web {\nhtpp {\n}\n}", 2, "unknown keyword 'htpp'", "did you mean 'http'?"),
    ("check web {\ntcp {\ntarget 127.0.0.1\n}\n}", 3, "tcp has no port of its own", "target 127.0.0.1 PORT"),
    ("check web {\ntcp {\n}\n}", 2, "check web: target is missing", "target ADDRESS PORT"),
    ("check web {\ntcp {\n}\nping {\n}\n}", 4, "check web says tcp and ping", "one of tcp"),
    ("check web {\ninterval 500ms\n}", 2, "'500ms' is no value", "expected: seconds, without a unit: 0.5"),
    ("check web {\ntimeout 2x\n}", 2, "'2x' is no value", "expected: seconds, such as 1"),
    ("check web {\nfall 0\n}", 2, "fall 0 is out of range", "expected: 1 to"),
    ("check web {\nhttp {\ntarget 127.0.0.1\nurl {\nregex (a\n}\n}\n}", 5, "there is a ( without its )", ""),
    (
        "check web {\nhttp {\nurl {\nhttp_protocol 1.1\n}\n}\n}",
        4,
        "unknown keyword 'http_protocol'",
        "it belongs in HTTP_GET",
    ),
    ("check db {\npostgresql {\npassword x\n}\n}", 3, "'password' in 'postgresql'", "did you mean 'password_file'?"),
    ("check db {\npostgresql {\npassword_file x\n}\n}", 3, "relative", "a path that begins with /"),
    ("check all3 {\nquorum 3 web db\n}", 2, "quorum 3 of 2: it could never be up", "quorum 1..2"),
    ("check a {\nall b\n}\ncheck b {\nany a\n}", 1, "check a counts itself (a -> b -> a)", "leave one of them out"),
    ("vrrp_track_process p {\n}", 1, "p: process is missing", "process NAME"),
    ("gateway g {\ntarget 300.1.1.1\n}", 2, "'300.1.1.1' is not an IP address", "write the address"),
    ("unit u {\n}", 1, "u: systemd_unit is missing", "systemd_unit UNIT.service"),
    ("notifications {\nwebhook a {\n}\n}", 2, "url is missing in 'webhook a'", "url https://"),
    ("notifications {\nwebhook a {\nformat slak\n}\n}", 3, "'slak' is no value", "json or slack or dingtalk"),
    ("node {\nid n1\n}\ncluster {\n}", 1, "raft_addr is missing in 'node'", "raft_addr 192.0.2.1:7946"),
    ("cluster {\nprofile lann\n}", 2, "'lann' is no value for 'profile'", "lan or wan or relaxed"),
]
YAML = [
    ("checks:\n  - tcp: {target: 127.0.0.1 80}", 2, "'check' needs a name", "checks: {NAME: {...}}"),
    ("checks:\n  web: {tcp: {target: 127.0.0.1 80}}\n  web: {}", 3, "web", ""),
    ("checks:\n  web: {tcp: {targt: 127.0.0.1 80}}", 2, "unknown keyword 'targt'", "did you mean 'target'?"),
    ("checks:\n  web: {interval: 5 seconds}", 2, "'5 seconds' is no value", "seconds, such as 2"),
    ("checks:\n\t- name: web", 2, "not YAML", "indented with blanks, never with tabs"),
    ("checks:\n  - name: web\n   tcp: {}", 3, "not YAML", ""),
    ("hooks:\n  ToMastr: {command: /bin/x}", 2, "unknown keyword 'ToMastr'", "did you mean 'ToMaster'?"),
    ("hooks:\n  ToMaster: {comand: /bin/x}", 2, "ToMaster has no command: nothing runs", "command: PATH"),
    ("hooks:\n  ToMaster: /bin/x", 2, "'ToMaster' is not a mapping", "ToMaster: {"),
    ("cluster:\n  nodes: [{id: n3, addr: 'node3:7946'}]", 2, "'node3:7946' is no address", "names are not resolved"),
    ("cluster:\n  nodes: [{id: n3}]", 2, "addr is missing in 'node n3'", "addr: 192.0.2.1:7946"),
    ("raft_instances:\n  - {name: web}", 2, "node and cluster are missing", "node: {id: "),
    ("notifications:\n  spol: /x", 2, "unknown keyword 'spol'", "did you mean 'spool'?"),
]
INSTANCE = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\ntrack_check {\n%s\n}\n}\n"
TRACKED = [
    ("wbe", 5, "there is no check 'wbe'", "did you mean 'web'?"),
    ("other", 5, "there is no check 'other'", "check other { ... }"),
    ("web weight -300", 5, "weight -300 is out of range", "expected: -253 to 253"),
    ("web wieght 3", 5, "unknown option 'wieght' of tracked web", "did you mean 'weight'?"),
    ("web 3", 5, "unknown option '3' of tracked web", "options: weight -253..253, reverse"),
]
DEFINED = "check web {\ntcp {\ntarget 127.0.0.1 80\n}\n}\n"


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        *CONF,
        *YAML,
        *((INSTANCE % entry + DEFINED, line, message, hint) for entry, line, message, hint in TRACKED),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(text: str, line: int, message: str, hint: str) -> None:
    found = load_text(text + "\n", "f").diagnostics
    fitting = [one for one in found if one.location.line == line and message in one.message and hint in one.hint]
    assert len(fitting) == 1, "\n".join(map(str, found))
