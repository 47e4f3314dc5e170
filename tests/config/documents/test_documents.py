"""YAML: the same configuration as keepalived.conf says it, with places, and documents that attack the reader."""

from __future__ import annotations

import pytest

from alived.config.load import language, load_text
from tests.config.helpers import good, one, refused, warned

CONF = """
global_defs {
    router_id node1
    vrrp_version 3
    script_user nobody nogroup
    vrrp_cpu_affinity 0 1
    vrrp_no_swap
}
vrrp_sync_group G {
    group { A B }
    sync_group_tracking_weight
    notify "/bin/any 'two words'" root
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 0.5
    nopreempt
    skip_check_adv_addr off
    use_vmac
    notify_master "/bin/up a b" user group
    notify_backup "/bin/down"
    notify_fault "/bin/fault 'x y'"
    track_interface {
        eth1
        eth2 weight 5 reverse
    }
    virtual_ipaddress {
        192.0.2.10/24 dev eth0 label eth0:1
        192.0.2.11 -nodad home label z
    }
}
vrrp_instance B {
    interface eth1
    virtual_router_id 52
    version 2
    authentication {
        auth_type PASS
        auth_pass secret12
    }
    unicast_peer {
        192.0.2.2 min_ttl 255
    }
    virtual_ipaddress {
        192.0.2.20
    }
}
"""

YAML = """
# a comment
global_defs:
  router_id: node1
  vrrp_version: 3
  script_user: [nobody, nogroup]
  vrrp_cpu_affinity: [0, 1]
  vrrp_no_swap: true
  log_unknown_vrids: false
vrrp_sync_groups:
  G:
    group: [A, B]
    sync_group_tracking_weight: true
    notify: {command: [/bin/any, two words], user: root}
vrrp_instances:
  - name: A
    interface: eth0
    virtual_router_id: 51
    priority: 150
    advert_int: 0.5
    nopreempt: true
    preempt: no
    skip_check_adv_addr: false
    use_vmac:
    notify_master: {command: /bin/up a b, user: user, group: group}
    notify_backup: /bin/down
    notify_fault: [/bin/fault, x y]
    track_interface:
      - eth1
      - {name: eth2, weight: 5, reverse: true}
    virtual_ipaddress:
      - {address: 192.0.2.10/24, dev: eth0, label: "eth0:1", no_track: false, nodad: true}
      - {address: 192.0.2.11, nodad: false, home: true, label: z}
  - name: B
    interface: eth1
    virtual_router_id: 52
    version: 2
    authentication: {auth_type: PASS, auth_pass: secret12}
    unicast_peer: [192.0.2.2 min_ttl 255]
    virtual_ipaddress: 192.0.2.20
"""


def test_both_languages_say_the_same() -> None:
    yaml, conf = load_text(YAML, "f"), load_text(CONF, "f")
    assert yaml.config is not None
    assert yaml.config == conf.config
    assert [found.code for found in yaml.diagnostics] == [found.code for found in conf.diagnostics]


def test_instances_may_be_a_mapping_by_name() -> None:
    listed = "vrrp_instances:\n- {name: A, interface: eth0, virtual_router_id: 1, virtual_ipaddress: [192.0.2.1]}\n"
    mapped = "vrrp_instances:\n  A: {interface: eth0, virtual_router_id: 1, virtual_ipaddress: [192.0.2.1]}\n"
    assert good(listed) == good(mapped)


def test_json_is_yaml() -> None:
    text = (
        '{"vrrp_instances": {"A": {"interface": "eth0", "virtual_router_id": 1, "virtual_ipaddress": ["192.0.2.1"]}}}'
    )
    assert one(good(text)).vrrp.name == "A"


def test_words_are_taken_as_written() -> None:
    """No number, date or boolean is made of a password or a name."""
    text = "vrrp_instances:\n  A:\n    interface: eth0\n    virtual_router_id: 1\n    virtual_ipaddress: 192.0.2.1\n"
    text += "    authentication: {auth_type: PASS, auth_pass: 012345}\n    notify: 'true'\n"
    instance = one(good(text))
    assert instance.vrrp.auth_pass == "012345"
    assert instance.notify.notify is not None and instance.notify.notify.argv == ("true",)


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("virtual_router_id: 256", "out-of-range", 24),
        ("priority: high", "invalid-value", 15),
        ("advert_int: 0.5", "interval", 5),
        ("virtual_ipaddress: [192.0.2.300]", "invalid-address", 25),
        ("virtual_ipaddress: [[192.0.2.1]]", "wrong-type", 25),
        ("authentication: PASS", "wrong-type", 21),
        ("track_interface: [{weight: 5}]", "wrong-type", 23),
        ("track_interface: [{name: [eth1]}]", "wrong-type", 30),
        ("priority: 1\n    priority: 2", "duplicate-keyword", 5),
        ("[a]: 1", "wrong-type", 5),
        ("notify: {user: x}", "missing-argument", 5),
        ("notify: {command: {a: b}}", "wrong-type", 23),
        ("virtual_ipaddress: ['']", "wrong-type", 25),
        ("virtual_ipaddress: [{}]", "wrong-type", 25),
    ],
)
def test_findings_have_the_place_of_the_value(line: str, code: str, column: int) -> None:
    text = f"vrrp_instances:\n  A:\n    {line}\n"
    places = [(found.code, found.location.column) for found in load_text(text, "f.yaml").diagnostics]
    assert (code, column) in places


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("notify: {command: /bin/a, shell: yes}", "unknown-keyword"),
        ("prioritty: 5", "unknown-keyword"),
        ("prioritty: [5]", "unknown-keyword"),
        ("prioritty: {a: 5}", "unknown-keyword"),
        ("timer_expired_backup: true", "not-supported-yet"),
        ("virtual_ipaddress_excluded: [{address: 192.0.2.9, colour: red}]", "unknown-option"),
    ],
)
def test_what_runs_with_a_warning(line: str, code: str) -> None:
    text = "vrrp_instances:\n  A:\n    interface: eth0\n    virtual_router_id: 1\n    virtual_ipaddress: 192.0.2.1\n"
    warned(f"{text}    {line}\n", code)


def test_empty_lists_are_empty() -> None:
    text = "vrrp_instances:\n  A:\n    interface: eth0\n    virtual_router_id: 1\n    virtual_ipaddress: 192.0.2.1\n"
    assert one(good(f"{text}    track_interface:\n")).vrrp.track_interfaces == ()
    refused("global_defs:\nvrrp_instances:\nvrrp_sync_groups:\n", "no-instance")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("vrrp_instances: 5", ["wrong-type"]),
        ("vrrp_instances: [5]", ["wrong-type"]),
        ("vrrp_instances: [{interface: eth0}]", ["missing-argument"]),
        ("global_defs: [a]", ["wrong-type"]),
        ("---\n- a\n", ["wrong-type"]),
        ("---\n", ["no-instance"]),
        ("a: [", ["yaml"]),
        ("a: *b", ["yaml"]),
        ("a: b: c", ["yaml"]),
        ("a: \x01", ["yaml"]),
        ("a: " + "[" * 100_000 + "]" * 100_000, ["too-deep"]),
        ("--- 1\n--- 2\n", ["yaml"]),
    ],
)
def test_documents_that_are_wrong(text: str, codes: list[str]) -> None:
    errors = [found.code for found in load_text(text, "f").diagnostics if found.severity == "error"]
    assert errors == codes


def test_a_document_that_contains_itself_ends() -> None:
    loaded = load_text("vrrp_instances: &a [*a, {name: x, virtual_ipaddress: *a}]", "f")
    assert loaded.config is None


@pytest.mark.parametrize(
    "text",
    [
        "vrrp_instances: [{name: A}, {name: B}, {name: C}, {name: D}, {name: E}, {name: F}]",
        "vrrp_instances: {A: {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8, i: 9}}",
        "vrrp_instances: {A: {virtual_ipaddress: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}}",
        "vrrp_instances: {A: {script_user: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}}",
        "global_defs: {script_user: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}",
        "vrrp_instances: {A: {notify: {command: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}}}",
    ],
)
def test_values_are_bounded(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Aliases count each time, so that a few lines cannot become a billion entries."""
    monkeypatch.setattr("alived.config.documents.tree.MAX_NODES", 8)
    codes = [found.code for found in load_text(text, "f").diagnostics]
    assert codes.count("too-many-values") == 1


@pytest.mark.parametrize(
    ("text", "file", "expected"),
    [
        ("global_defs {\n}", "x.yaml", "keepalived"),
        ("global_defs:\n", "keepalived.conf", "YAML"),
        ("# c\n\n---\n", "x", "YAML"),
        ("%YAML 1.2\n---\n", "x", "YAML"),
        ('{"a": 1}', "x", "YAML"),
        ("", "x.yml", "YAML"),
        ("# only a comment", "x.yml", "YAML"),
        ('{\n  "vrrp_instances": []\n}', "x", "YAML"),
        ("{}", "x", "YAML"),
        ('"vrrp_instances": []', "x", "YAML"),
        ("$schema: x", "x", "YAML"),
        ("  a: 1", "x", "YAML"),
        ("{\n}", "x", "YAML"),
        ("{ a\n}", "x", "keepalived"),
        ("VIP_ADDRESS=x", "x", "vip.conf"),
        ("\n# c\nexport A=", "x", "vip.conf"),
        ("A = 1", "x", "TOML"),
        ("a=1", "x", "TOML"),
        ("", "x.conf", "keepalived"),
        ("! Configuration File: keepalived\n", "x", "keepalived"),
        ("$A=1\n", "x", "keepalived"),
        ("[global_defs]\n", "x", "TOML"),
        ("a = 1\n", "x", "TOML"),
        ("", "x.toml", "TOML"),
    ],
)
def test_the_language_is_told_by_the_content(text: str, file: str, expected: str) -> None:
    assert language(text, file) == expected
