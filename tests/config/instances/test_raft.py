"""Clusters, hooks and what stands around them: vip-switch's config.yaml as it is, and alived's own words."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_MS, NS_PER_S, Diagnostic
from alived.config.documents.read import read_document
from alived.config.findings import Findings
from alived.config.interpret import read_tree
from alived.config.load import load_text
from alived.config.model import Config
from alived.config.product import Listen, LogFormat, Logging, LogLevel
from alived.hooks.config import HookEvent, OnFailure
from alived.notify.config import MessageFormat
from alived.raft.config import BoundBy, Profile, QuorumLost, Role
from tests.config.helpers import instance_text

VIP_SWITCH = """
node:
  id: "node1"
  raft_addr: "192.0.2.1:7946"
  data_dir: "/var/lib/vip-switch"

cluster:
  nodes:
    - id: "node1"
      addr: "192.0.2.1:7946"
    - id: "node2"
      addr: "192.0.2.2:7946"
    - id: "node3"
      addr: "192.0.2.3:7946"

hooks:
  enabled: true
  timeout: 60s
  on_failure: "abort"
  ToMaster:
    command: "/usr/local/bin/on-master.sh"
    args: []
    timeout: 30s
    on_failure: "retry"
    environment:
      EVENT_TYPE: "ToMaster"
      NODE_ID: "{{.NodeID}}"
  ToReady:
    command: "/usr/local/bin/on-ready.sh"
    args: ["-v", "two words"]

logging:
  level: "INFO"
  format: "json"
  output: "/var/log/vip-switch/daemon.log"
"""
"""The keys of the original, all of them."""

NODE = "node: {id: a, raft_addr: ':7946', data_dir: /var/lib/alived}\n"
THREE = "[{id: a, addr: 192.0.2.1}, {id: b, addr: 192.0.2.2}, {id: c, addr: 192.0.2.3}]"
CLUSTER = f"{NODE}cluster:\n  key_file: /etc/alived/key\n  nodes: {THREE}\n"
WITH_VIP = f"{CLUSTER}vip_conf: {{VIP_ADDRESS: 192.0.2.9/32, INTERFACE: eth0}}\n"
UNSERVED = {"not-supported-yet"}
"""What this version says about all of it."""


def read(text: str) -> tuple[Config, list[Diagnostic]]:
    """The configuration of a document, whether it may run or not, and the findings that are about itself."""
    findings = Findings()
    config, _ = read_tree(read_document(text, "f", "YAML", findings), "f", findings)
    return config, [found for found in findings.sorted() if found.code not in UNSERVED]


def right(text: str) -> Config:
    config, found = read(text)
    assert found == [], "\n".join(map(str, found))
    return config


def codes(text: str) -> list[str]:
    return [found.code for found in read(text)[1]]


class TestVipSwitch:
    def test_the_file_of_the_original_is_understood(self) -> None:
        config, found = read(VIP_SWITCH)
        assert [one.code for one in found] == ["no-peer-authentication", "no-address"], "the original has neither"
        assert config.cluster is not None
        assert (config.cluster.node_id, config.cluster.data_dir) == ("node1", "/var/lib/vip-switch")
        assert (config.cluster.listen_address, config.cluster.listen_port) == ("192.0.2.1", 7946)
        assert [(one.id, one.address, one.port) for one in config.cluster.members] == [
            ("node1", "192.0.2.1", 7946),
            ("node2", "192.0.2.2", 7946),
            ("node3", "192.0.2.3", 7946),
        ]
        assert config.logging == Logging(
            level=LogLevel.INFO, format=LogFormat.JSON, output="/var/log/vip-switch/daemon.log"
        )

    def test_its_hooks(self) -> None:
        config, _ = read(VIP_SWITCH)
        ready, master = config.hooks
        assert (ready.event, master.event) == (HookEvent.TO_READY, HookEvent.TO_MASTER)
        assert ready.script.argv == ("/usr/local/bin/on-ready.sh", "-v", "two words")
        assert (ready.script.timeout_ns, ready.on_failure) == (60 * NS_PER_S, OnFailure.ABORT)
        assert master.script.argv == ("/usr/local/bin/on-master.sh",)
        assert (master.script.timeout_ns, master.on_failure) == (30 * NS_PER_S, OnFailure.RETRY)
        assert master.environment == (("EVENT_TYPE", "ToMaster"), ("NODE_ID", "{{.NodeID}}"))

    def test_without_a_group_its_hooks_bind_what_they_know(self) -> None:
        (group,) = read(VIP_SWITCH)[0].raft_groups
        assert (group.raft.name, group.raft.bound_by, group.vips.addresses) == ("default", BoundBy.HOOKS, ())
        assert group.hooks is None

    def test_the_addresses_of_vip_conf_are_those_of_that_group(self) -> None:
        (group,) = right(f"{CLUSTER}vip_conf: {{VIP_ADDRESS: 192.0.2.9/32, INTERFACE: eth0}}\n").raft_groups
        assert [vip.address for vip in group.vips.addresses] == ["192.0.2.9"]

    def test_an_address_that_a_node_needs_for_itself_is_none_for_hooks_to_remove(self) -> None:
        ((found,), _) = read(WITH_VIP.replace("192.0.2.9", "192.0.2.2"))[::-1]
        assert (found.code, found.severity) == ("vip-as-peer", "error")
        assert found.message == "192.0.2.2 is the own address of b, which would lose it"

    @pytest.mark.parametrize(
        ("pace", "found"), [("100, ARP_DELAY_MS: 100", []), ("100, ARP_DELAY_MS: 102", ["announcing-too-long"])]
    )
    def test_announcing_must_end_before_its_hook_is_ended(self, pace: str, found: list[str]) -> None:
        hooks = "hooks: {ToMaster: {command: /m, timeout: 10s}, ToSlave: {command: /s, timeout: 1s}}\n"
        assert codes(WITH_VIP.replace("eth0}", f"eth0, ARP_COUNT: {pace}}}") + hooks) == found

    def test_alone_and_beside_vrrp_it_runs(self) -> None:
        vrrp = "vrrp_instances:\n  V: {interface: eth0, virtual_router_id: 1, virtual_ipaddress: 192.0.2.100}\n"
        for text in (VIP_SWITCH, CLUSTER + vrrp):
            loaded = load_text(text, "f")
            assert loaded.config == read(text)[0]
            assert {found.code for found in loaded.diagnostics} <= {"no-peer-authentication", "no-address"}
        assert load_text(VIP_SWITCH + "nodes: 1\nvrrp_instances: 5\n", "f").config is None


class TestCluster:
    def test_the_address_of_a_node_is_no_virtual_one(self) -> None:
        group = "raft_instances: [{name: web, interface: eth0, virtual_ipaddress: [192.0.2.9, 192.0.2.1]}]\n"
        _, (found,) = read(CLUSTER + group)
        assert (found.code, found.location.line) == ("vip-as-peer", 5)

    def test_all_its_words(self) -> None:
        more = (
            "  id: front\n  profile: wan\n  quorum_lost: hold\n  spread_groups: true\n"
            "  tls: {ca_file: /ca, cert_file: /cert, key_file: /key}\n"
        )
        cluster = right(CLUSTER + more).cluster
        assert cluster is not None and cluster.tls is not None
        assert (cluster.cluster_id, cluster.profile, cluster.spread_groups) == ("front", Profile.WAN, True)
        assert (cluster.key_files, cluster.tls.cert_file) == (("/etc/alived/key",), "/cert")
        assert (cluster.listen_address, cluster.listen_port) == ("", 7946)

    def test_the_same_in_the_language_of_keepalived(self) -> None:
        text = """
        node {
            id a
            raft_addr :7946
            data_dir /var/lib/alived
        }
        cluster {
            key_file /etc/alived/key
            node a {
                addr 192.0.2.1
            }
            node b {
                addr 192.0.2.2
            }
            node c {
                addr 192.0.2.3
            }
        }
        """
        conf, yaml = load_text(instance_text() + text, "f"), load_text(CLUSTER + _VRRP, "f")
        assert conf.config is not None and yaml.config is not None
        assert conf.config.cluster == yaml.config.cluster

    @pytest.mark.parametrize(
        ("nodes", "found"),
        [
            ("[{id: a, addr: 192.0.2.1}]", []),
            ("[{id: a, addr: 192.0.2.1}, {id: b, addr: 192.0.2.2}]", ["two-voters"]),
            ("[{id: a, addr: 192.0.2.1}, {id: b, addr: 192.0.2.2, role: witness}]", ["two-voters"]),
            ("[{id: a, addr: 192.0.2.1}, {id: b, addr: 192.0.2.2, role: learner}]", ["one-voter"]),
            ("[{id: a, addr: 192.0.2.1, role: witness}]", ["no-owner"]),
            ("[]", ["missing-keyword"]),
            ("", ["missing-keyword"]),
            ("[{id: b, addr: 192.0.2.1}]", ["unknown-node"]),
            ("[{id: a, addr: 192.0.2.1}, {id: a, addr: 192.0.2.2}]", ["duplicate-name"]),
            (THREE.replace("192.0.2.2", "192.0.2.1"), ["duplicate-address"]),
            (THREE.replace("192.0.2.1", "192.0.2.1:7947"), ["port-mismatch"]),
            (
                f"[{', '.join(f'{{id: {one}, addr: 192.0.2.{ord(one)}}}' for one in 'abcdefghijk')}]",
                ["out-of-range"],
            ),
            ("[{addr: 192.0.2.1}]", ["missing-argument"]),
            ("[{id: a}]", ["missing-keyword"]),
            ("[{id: 'a b', addr: 192.0.2.1}]", ["invalid-value"]),
            ("[{id: a, addr: host.example.com}]", ["invalid-address"]),
            ("[{id: a, addr: ':7946'}]", ["invalid-address"]),
            ("[{id: a, addr: '0.0.0.0:7946'}]", ["invalid-value"]),
            ("[{id: a, addr: '192.0.2.1:0'}]", ["invalid-value"]),
            ("[{id: a, addr: '192.0.2.1:x'}]", ["invalid-address"]),
            ("[{id: a, addr: '2001:db8::1'}]", ["invalid-address"]),
            ("[{id: a, addr: '[2001:db8::1]:7946'}]", []),
            ("[{id: a, addr: 192.0.2.1, priority: 256}]", ["out-of-range"]),
            ("[{id: a, addr: 192.0.2.1, role: boss}]", ["invalid-value"]),
            ("[{id: a, addr: 192.0.2.1, prio: 5}]", ["unknown-keyword"]),
        ],
    )
    def test_nodes_are_checked(self, nodes: str, found: list[str]) -> None:
        assert codes(f"{NODE}cluster:\n  key_file: /key\n  nodes: {nodes}\n") == found

    def test_two_voters_if_that_is_what_you_want(self) -> None:
        nodes = "[{id: a, addr: 192.0.2.1}, {id: b, addr: 192.0.2.2, role: witness}]"
        text = f"{NODE}cluster: {{key_file: /key, nodes: {nodes}"
        assert right(f"{text}, allow_two_voters: true}}").cluster is not None
        (found,) = read(f"{text}}}")[1]
        assert "witness" in found.hint and "allow_two_voters" in found.hint

    def test_priorities_and_roles(self) -> None:
        nodes = "{a: {addr: 192.0.2.1, priority: 0}, b: {addr: 192.0.2.2, role: witness}, c: {addr: 192.0.2.3}}"
        cluster = right(f"{NODE}cluster: {{key_file: [/new, /old], nodes: {nodes}}}").cluster
        assert cluster is not None
        assert [(one.id, one.priority, one.role) for one in cluster.members] == [
            ("a", 0, Role.VOTER),
            ("b", 100, Role.WITNESS),
            ("c", 100, Role.VOTER),
        ]
        assert cluster.key_files == ("/new", "/old")

    @pytest.mark.parametrize("part", ["id", "raft_addr", "data_dir"])
    def test_what_the_node_must_say(self, part: str) -> None:
        said = {"id": "a", "raft_addr": "192.0.2.1", "data_dir": "/var"}
        del said[part]
        text = f"node: {said}\ncluster: {{key_file: /key, nodes: {THREE}}}\n"
        (found,) = read(text)[1]
        assert (found.code, found.message) == ("missing-keyword", f"{part} is missing in 'node'")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (NODE, "cluster is missing: nobody elects an owner"),
            (f"cluster: {{key_file: /key, nodes: {THREE}}}\n", "node is missing: nobody elects an owner"),
            (
                "raft_instances: {g: {interface: eth0, virtual_ipaddress: 192.0.2.9}}\n",
                "node and cluster are missing: nobody elects an owner",
            ),
        ],
    )
    def test_one_does_not_do_without_the_others(self, text: str, message: str) -> None:
        assert [found.message for found in read(text)[1]] == [message]

    def test_a_relative_path_is_warned_about(self) -> None:
        assert codes(CLUSTER.replace("/var/lib", "var/lib")) == ["relative-path"]

    def test_half_of_tls_is_an_error(self) -> None:
        assert codes(f"{CLUSTER}  tls: {{ca_file: /ca}}\n") == ["missing-keyword", "missing-keyword"]


_VRRP = "vrrp_instances:\n  VI_1: {interface: eth0, virtual_router_id: 51, virtual_ipaddress: 192.0.2.10}\n"


class TestGroups:
    def test_a_group_has_what_a_vrrp_instance_has(self) -> None:
        text = f"""{CLUSTER}
raft_instances:
  - name: web
    interface: eth0
    virtual_ipaddress: [192.0.2.10/24, {{address: 192.0.2.11, dev: eth1}}]
    virtual_ipaddress_excluded: ["2001:db8::1/64"]
    track_interface: [eth2]
    notify_master: /bin/up
    preferred_node: [b, a]
    preempt_delay: 30s
    nopreempt: true
    quorum_lost: hold
    garp_master_repeat: 2
    garp_interval: 200ms
    conflict_check: abort
    hooks:
      after_bind: {{command: /bin/after}}
"""
        (group,) = right(text).raft_groups
        assert [(one.address, one.interface) for one in group.vips.addresses] == [
            ("192.0.2.10", "eth0"),
            ("192.0.2.11", "eth1"),
            ("2001:db8::1", "eth0"),
        ]
        assert group.raft.preferred_nodes == ("b", "a")
        assert (group.raft.preempt_delay_ns, group.raft.nopreempt) == (30 * NS_PER_S, True)
        assert (group.raft.quorum_lost, group.raft.bound_by) == (QuorumLost.HOLD, BoundBy.DAEMON)
        assert (group.vips.garp.master_repeat, group.vips.garp.garp_interval_ns) == (2, 200 * NS_PER_MS)
        assert group.vips.conflict == "abort"
        assert group.notify.master is not None and group.notify.master.argv == ("/bin/up",)
        assert group.hooks is not None and group.hooks[0].event is HookEvent.AFTER_BIND
        assert [one.name for one in group.track_interfaces] == ["eth2"]

    def test_the_cluster_says_the_default_of_quorum_lost(self) -> None:
        groups = "raft_instances: {a: {interface: eth0, virtual_ipaddress: 192.0.2.9}}\n"
        (group,) = right(f"{CLUSTER}  quorum_lost: hold\n{groups}").raft_groups
        assert group.raft.quorum_lost is QuorumLost.HOLD

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            ("virtual_ipaddress: 192.0.2.9", ["missing-keyword"]),
            ("interface: eth0", ["no-address"]),
            ("interface: eth0, virtual_ipaddress: 127.0.0.1", ["unusable-address"]),
            ("interface: eth0, virtual_ipaddress: 192.0.2.9, preferred_node: d", ["unknown-node"]),
            ("interface: eth0, virtual_ipaddress: 192.0.2.9, bound_by: me", ["invalid-value"]),
            ("interface: eth0, virtual_ipaddress: 192.0.2.9, virtual_router_id: 5", ["unknown-keyword"]),
        ],
    )
    def test_groups_are_checked(self, body: str, found: list[str]) -> None:
        assert codes(f"{CLUSTER}raft_instances: {{g: {{{body}}}}}\n") == found

    def test_an_address_belongs_to_one_group(self) -> None:
        group = "{interface: eth0, virtual_ipaddress: 192.0.2.10}"
        found = read(f"{CLUSTER}{_VRRP}raft_instances: {{g: {group}}}\n")[1]
        assert [one.message for one in found] == ["g: 192.0.2.10 is already in vrrp_instance VI_1"]
        found = read(f"{CLUSTER}raft_instances: {{g: {group}, h: {group}}}\n")[1]
        assert [one.message for one in found] == ["h: 192.0.2.10 is already in raft_instance g"]

    def test_a_witness_cannot_be_preferred(self) -> None:
        text = CLUSTER.replace("{id: c,", "{id: c, role: witness,")
        found = read(
            f"{text}raft_instances: {{g: {{interface: e, virtual_ipaddress: 192.0.2.9, preferred_node: c}}}}\n"
        )
        assert [one.message for one in found[1]] == ["g: preferred_node 'c' may not own"]


class TestHooks:
    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            ("ToReady", OnFailure.CONTINUE),
            ("ToMaster", OnFailure.ABORT),
            ("ToSlave", OnFailure.ABORT),
            ("ToDestroy", OnFailure.CONTINUE),
            ("before_bind", OnFailure.ABORT),
            ("after_bind", OnFailure.CONTINUE),
            ("before_unbind", OnFailure.CONTINUE),
            ("after_unbind", OnFailure.CONTINUE),
        ],
    )
    def test_each_event_has_its_default(self, event: str, expected: OnFailure) -> None:
        (hook,) = right(f"{WITH_VIP}hooks: {{{event}: {{command: /bin/x}}}}\n").hooks
        assert (hook.event, hook.on_failure, hook.retries, hook.script.timeout_ns) == (
            event,
            expected,
            3,
            60 * NS_PER_S,
        )

    def test_hooks_that_are_switched_off_do_not_run(self) -> None:
        assert right(f"{WITH_VIP}hooks: {{enabled: false, ToMaster: {{command: /bin/x}}}}\n").hooks == ()

    def test_all_words_of_a_hook(self) -> None:
        digest = "AB" * 32
        text = (
            "{command: /bin/x, args: [a], timeout: 500ms, on_failure: retry, retries: 5, retry_delay: 2s,"
            f" user: [nobody, nogroup], sha256: {digest}, hmac: {digest}, hmac_key: /k, environment: [A=1]}}"
        ).replace("[A=1]", "{A: 1, _b: 'x y'}")
        (hook,) = right(f"{WITH_VIP}hooks: {{ToMaster: {text}}}\n").hooks
        assert (hook.script.user, hook.script.group, hook.script.timeout_ns) == ("nobody", "nogroup", NS_PER_S // 2)
        assert (hook.retries, hook.retry_delay_ns, hook.sha256) == (5, 2 * NS_PER_S, digest.lower())
        assert (hook.hmac, hook.hmac_key, hook.pinned) == (digest.lower(), "/k", True)
        assert hook.environment == (("A", "1"), ("_b", "x y"))

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            ("{}", ["missing-keyword"]),
            ("{command: ''}", ["invalid-value"]),
            ("{command: bin/x}", ["relative-path"]),
            ("{command: /bin/x, timeout: 0}", ["out-of-range"]),
            ("{command: /bin/x, timeout: 2h}", ["out-of-range"]),
            ("{command: /bin/x, on_failure: panic}", ["invalid-value"]),
            ("{command: /bin/x, retries: 0}", ["out-of-range"]),
            ("{command: /bin/x, sha256: abc}", ["invalid-value"]),
            (f"{{command: /bin/x, hmac: {'ab' * 32}}}", ["missing-keyword"]),
            ("{command: /bin/x, hmac_key: /k}", ["missing-keyword"]),
            ("{command: /bin/x, hmac: abc, hmac_key: /k}", ["invalid-value"]),
            ("{command: /bin/x, environment: {1A: x}}", ["invalid-value"]),
            ("{command: /bin/x, environment: {LD_PRELOAD: x}}", ["dangerous-variable"]),
            ("{command: /bin/x, environment: {IFS: x}}", ["dangerous-variable"]),
            ("{command: /bin/x, environment: {A: '{{.Nobody}}'}}", ["invalid-template"]),
            ("{command: /bin/x, environment: [A]}", ["missing-argument"]),
            ("{command: /bin/x, environment: [A 1, A 2]}", ["duplicate-entry"]),
            ("{comand: /bin/x}", ["missing-keyword", "unknown-keyword"]),
        ],
    )
    def test_hooks_are_checked(self, body: str, found: list[str]) -> None:
        assert sorted(codes(f"{WITH_VIP}hooks: {{ToMaster: {body}}}\n")) == found

    def test_an_unknown_event_has_the_nearest_one(self) -> None:
        (found,) = read(f"{WITH_VIP}hooks: {{ToMastr: {{command: /bin/x}}}}\n")[1]
        assert (found.code, found.hint) == ("unknown-keyword", "did you mean 'ToMaster'?")


class TestAround:
    def test_web(self) -> None:
        text = "web: {listen: '127.0.0.1:9112', token_file: /etc/alived/token, metrics: off}\n"
        web = right(CLUSTER + text).web
        assert web is not None
        assert (web.listen, web.token_file, web.metrics) == (Listen("127.0.0.1", 9112), "/etc/alived/token", False)

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            ("{}", ["missing-keyword"]),
            ("{listen: 192.0.2.1}", ["invalid-value"]),
            ("{listen: ':9112', token_file: /t}", ["token-without-tls"]),
            ("{listen: ':9112', token_file: /t, tls: {ca_file: /a, cert_file: /b, key_file: /c}}", []),
        ],
    )
    def test_web_is_checked(self, body: str, found: list[str]) -> None:
        assert codes(f"{CLUSTER}web: {body}\n") == found

    def test_webhooks(self) -> None:
        text = "notifications:\n  webhooks:\n    chat: {url: https://example.com/x, format: slack, timeout: 5s}\n"
        (webhook,) = right(CLUSTER + text).notifications.webhooks
        assert (webhook.name, webhook.format, webhook.timeout_ns) == ("chat", MessageFormat.SLACK, 5 * NS_PER_S)

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            ("{}", ["missing-keyword"]),
            ("{url: example.com}", ["invalid-value"]),
            ("{url: 'file:///etc/passwd'}", ["invalid-value"]),
            ("{url: 'https://['}", ["invalid-value"]),
        ],
    )
    def test_webhooks_are_checked(self, body: str, found: list[str]) -> None:
        assert codes(f"{CLUSTER}notifications: {{webhooks: {{a: {body}}}}}\n") == found

    @pytest.mark.parametrize(("key", "value"), [("level", "loud"), ("format", "xml")])
    def test_logging_is_checked(self, key: str, value: str) -> None:
        assert codes(f"{CLUSTER}logging: {{{key}: {value}}}\n") == ["invalid-value"]
