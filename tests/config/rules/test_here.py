"""What only the machine of a file can confirm: listed or found, never guessed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from alived.config.load import load_text
from alived.config.rules.files import FileFacts, FilePlace, named_files
from alived.config.rules.here import ScriptState, Survey, survey
from tests.config.helpers import instance_text


class Machine:
    """eth0 with 192.0.2.0/24 and the address .1, user joe, group staff, and scripts as given."""

    no_kernel_lease: str | None = ""
    files: Mapping[str, FileFacts] = {}

    def __init__(self, **scripts: ScriptState) -> None:
        self.scripts = {f"/bin/{name}": state for name, state in scripts.items()}

    def has_interface(self, name: str) -> bool:
        return name == "eth0"

    def has_address(self, address: str) -> bool:
        return address == "192.0.2.1"

    def covers(self, interface: str, address: str) -> bool:
        return interface == "eth0" and address.startswith("192.0.2.")

    def has_user(self, name: str) -> bool:
        return name == "joe"

    def has_group(self, name: str) -> bool:
        return name == "staff"

    def script(self, path: str) -> ScriptState:
        return self.scripts.get(path, ScriptState.MISSING)

    def why_no_key(self, path: str) -> str | None:
        return {"/etc/good": "", "/root/hidden": None}.get(path, f"cannot read key file {path}: No such file")

    def file(self, path: str) -> FileFacts:
        return self.files.get(path, FileFacts(FilePlace.MISSING))

    def why_no_kernel_lease(self) -> str | None:
        return self.no_kernel_lease


OWN = "mcast_src_ip 192.0.2.1"


def look(text: str, machine: Machine | None = None, is_here: bool = False) -> Survey:
    plan = load_text(text, "f").plan
    assert plan is not None
    return survey(plan, machine or Machine(), is_here)


def unverified(text: str) -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in look(text).unverified]


def codes(text: str, machine: Machine | None = None, is_here: bool = True) -> list[str]:
    return [found.code for found in look(text, machine, is_here).diagnostics]


@pytest.mark.parametrize(
    ("body", "vip", "kind", "name"),
    [
        ("track_interface {\neth7\n}", "192.0.2.10", "interface", "eth7"),
        ("", "192.0.2.10 dev eth8", "interface", "eth8"),
        ("notify /bin/none", "192.0.2.10", "script", "/bin/none"),
        ("notify_deleted /bin/none", "192.0.2.10", "script", "/bin/none"),
        ("notify /bin/good nobody9", "192.0.2.10", "user", "nobody9"),
        ("notify /bin/good joe wheel9", "192.0.2.10", "group", "wheel9"),
    ],
)
def test_what_is_not_here_is_listed_or_found(body: str, vip: str, kind: str, name: str) -> None:
    text = instance_text(f"{OWN}\n{body}", vip=vip)
    machine = Machine(good=ScriptState.FINE)
    result = look(text, machine)
    assert result.diagnostics == ()
    assert [(one.kind, one.name) for one in result.unverified] == [(kind, name)]
    result = look(text, machine, is_here=True)
    assert result.unverified == ()
    (found,) = result.diagnostics
    assert found.code == f"{kind}-not-here" and name in found.message and found.location.line > 1


def test_what_is_here_is_neither() -> None:
    text = instance_text(f"{OWN}\nnotify /bin/good joe staff\ntrack_interface {{\neth0\n}}")
    assert look(text, Machine(good=ScriptState.FINE)) == Survey((), ())


def test_numbers_of_users_need_no_name() -> None:
    assert codes(instance_text(f"{OWN}\nnotify /bin/good 1000 1000"), Machine(good=ScriptState.FINE)) == []


def test_a_macvlan_that_we_make_need_not_be_there() -> None:
    assert codes(instance_text(f"{OWN}\nuse_vmac vrrp.51", vip="192.0.2.10 dev vrrp.51")) == []


def test_groups_and_global_defs_name_things_too() -> None:
    text = "global_defs {\nscript_user nobody9\n}\nvrrp_sync_group G {\ngroup {\nVI_1\n}\nnotify /bin/none\n"
    text += "track_interface {\neth7\n}\n}\n" + instance_text(OWN)
    assert sorted(unverified(text)) == [("interface", "eth7"), ("script", "/bin/none"), ("user", "nobody9")]


class TestScripts:
    TEXT = instance_text(f"{OWN}\nnotify /bin/x")

    @pytest.mark.parametrize("is_here", [True, False])
    def test_not_executable(self, is_here: bool) -> None:
        assert codes(self.TEXT, Machine(x=ScriptState.NOT_EXECUTABLE), is_here) == ["script-not-executable"]

    def test_replaceable_by_others_while_root_runs_it(self) -> None:
        machine = Machine(x=ScriptState.REPLACEABLE)
        assert codes(self.TEXT, machine) == ["script-replaceable"]
        assert codes(self.TEXT.replace("/bin/x", "/bin/x joe"), machine) == []
        assert codes("global_defs {\nscript_user joe\n}\n" + self.TEXT, machine) == []

    def test_each_script_is_reported_once(self) -> None:
        text = instance_text(f"{OWN}\nnotify /bin/x\nnotify_master /bin/x")
        assert codes(text, Machine(x=ScriptState.NOT_EXECUTABLE)) == ["script-not-executable"]


class TestHooks:
    TEXT = instance_text(OWN) + "hooks {\nToMaster {\ncommand /bin/x\n}\n}\n"

    @pytest.mark.parametrize(
        ("state", "code"),
        [
            (ScriptState.MISSING, "script-not-here"),
            (ScriptState.NOT_EXECUTABLE, "script-not-executable"),
            (ScriptState.REPLACEABLE, "script-replaceable"),
        ],
    )
    def test_they_are_looked_at_like_other_scripts(self, state: ScriptState, code: str) -> None:
        assert code in codes(self.TEXT, Machine(x=state))

    def test_one_that_others_can_replace_is_said_never_to_run(self) -> None:
        (found,) = (one for one in look(self.TEXT, Machine(x=ScriptState.REPLACEABLE)).diagnostics)
        assert (
            found.message
            == "/bin/x on this machine can be replaced by others than root, but runs as root: such a hook never runs"
        )
        assert (
            look(self.TEXT.replace("/bin/x", "/bin/x\nuser joe"), Machine(x=ScriptState.REPLACEABLE)).diagnostics == ()
        )

    def test_one_of_a_group_too(self) -> None:
        text = "raft_instance A {\ninterface eth0\nvirtual_ipaddress {\n192.0.2.9\n}\n"
        text += "hooks {\nToSlave {\ncommand /bin/x\n}\n}\n}\n"
        text += "node {\nid a\nraft_addr 192.0.2.1:7946\ndata_dir /d\n}\n"
        text += "cluster {\nkey_file /k\nnode a {\naddr 192.0.2.1:7946\n}\n}\n"
        assert "script-not-executable" in codes(text, Machine(x=ScriptState.NOT_EXECUTABLE))


class TestSubnets:
    def test_known_only_if_the_file_is_for_this_machine(self) -> None:
        outside = instance_text(vip="198.51.100.7")
        assert unverified(outside) == [("subnet", "eth0")]
        assert codes(outside, is_here=False) == []
        assert codes(outside) == ["outside-subnet"]

    def test_the_own_address_tells_that_it_is(self) -> None:
        assert codes(instance_text(OWN, vip="198.51.100.7"), is_here=False) == ["outside-subnet"]
        assert codes(instance_text(OWN, vip="192.0.2.7"), is_here=False) == []
        assert unverified(instance_text("mcast_src_ip 203.0.113.1")) == [("subnet", "eth0")]

    def test_a_link_local_address_is_at_home_everywhere(self) -> None:
        assert codes(instance_text(vip="fe80::1")) == []


CLUSTER = """
node { id n1; raft_addr :7946; data_dir /var/lib/alived }
cluster { node n1 { addr 192.0.2.1:7946 } }
"""


def look_for_lease(why: str | None, text: str = CLUSTER, is_here: bool = True) -> Survey:
    machine = Machine()
    machine.no_kernel_lease = why
    return look(text, machine, is_here)


def test_a_cluster_wants_a_kernel_that_silences_frozen_owners() -> None:
    [found] = look_for_lease("cannot run nft").diagnostics
    assert found.code == "no-kernel-lease"
    assert "cannot run nft" in found.message
    assert not look_for_lease("").diagnostics
    assert not look_for_lease("cannot run nft", instance_text(OWN)).diagnostics, "VRRP does not ask for it"
    assert not look_for_lease("cannot run nft", is_here=False).diagnostics, "perhaps it is another machine's"


def test_who_may_not_try_the_kernel_lease_says_so() -> None:
    survey = look_for_lease(None)
    assert [(one.kind, one.name) for one in survey.unverified] == [("fence", "kernel lease")]
    assert not survey.diagnostics


class TestCluster:
    TEXT = """
node: {id: n1, raft_addr: ":7946", data_dir: /var/lib/alived}
cluster:
  key_file: [/etc/good]
  nodes: [{id: n1, addr: 192.0.2.1}, {id: n2, addr: 192.0.2.2}, {id: n3, addr: 192.0.2.3}]
raft_instances:
  - name: web
    interface: eth6
    virtual_ipaddress: [192.0.2.10/24 dev eth7]
    track_interface: [eth8]
"""
    HERE = TEXT.partition("raft_instances")[0] + "vip_conf: {VIP_ADDRESS: 192.0.2.10/24, INTERFACE: eth0}\n"

    def test_what_is_all_here_is_clean(self) -> None:
        assert look(self.HERE, is_here=True) == Survey((), ())

    def test_a_key_that_no_node_could_use_is_found(self) -> None:
        text = self.HERE.replace("[/etc/good]", "[/etc/good, /etc/none]")
        [found] = look(text, is_here=True).diagnostics
        assert (found.code, found.location.line) == ("unusable-key", 4)
        assert found.message == "cannot read key file /etc/none: No such file; without it nobody owns"
        assert look(text) == Survey((), ()), "perhaps it is another machine's"

    def test_who_may_not_look_at_the_key_says_so(self) -> None:
        result = look(self.HERE.replace("/etc/good", "/root/hidden"), is_here=True)
        assert [(one.kind, one.name) for one in result.unverified] == [("key", "/root/hidden")]
        assert not result.diagnostics

    def test_a_node_listens_where_it_is(self) -> None:
        assert codes(self.HERE.replace(":7946", "192.0.2.1:7946")) == []
        assert codes(self.HERE.replace(":7946", "192.0.2.7:7946")) == ["address-not-here"]

    def test_its_interfaces_are_to_be_here(self) -> None:
        assert unverified(self.TEXT) == [("interface", f"eth{number}") for number in (6, 7, 8)]
        assert codes(self.TEXT) == ["interface-not-here"] * 3
        assert unverified(self.HERE.replace("eth0", "eth9")) == [("interface", "eth9")]

    def test_a_witness_needs_no_interface(self) -> None:
        assert unverified(self.TEXT.replace("addr: 192.0.2.1}", "addr: 192.0.2.1, role: witness}")) == []


FILES = """
global_defs {
smtp_password_file /k/mail
smtp_ca_file /k/ca
}
notifications {
webhook chat {
url https://example.com/
secret_file /k/chat
}
}
check db {
postgresql {
target 127.0.0.1
user u
password_file /k/db
tls
tls_ca /k/ca
}
}
hooks {
ToMaster {
command /bin/x
hmac 0000000000000000000000000000000000000000000000000000000000000000
hmac_key relative
}
}
web {
listen 127.0.0.1:1
token_file /k/token
}
"""
YAML_FILES = """
node: {id: n1, raft_addr: "192.0.2.1:7946", data_dir: /var/lib/alived}
cluster:
  tls:
    ca_file: /k/ca
    cert_file: /k/cert
    key_file: /k/key
  nodes: [{id: n1, addr: "192.0.2.1:7946"}]
"""


class TestFiles:
    """Keys, passwords, certificates."""

    def test_all_that_are_read_are_found_where_they_are_named(self) -> None:
        plan = load_text(instance_text(OWN) + FILES, "f").plan
        assert plan is not None
        found = [(one.path, one.keyword, one.location.line) for one in named_files(plan.tree)]
        assert found == [
            ("/k/mail", "smtp_password_file", 12),
            ("/k/ca", "smtp_ca_file", 13),
            ("/k/chat", "secret_file", 18),
            ("/k/db", "password_file", 25),
            ("/k/ca", "tls_ca", 27),
        ]

    def test_in_yaml_too(self) -> None:
        plan = load_text(YAML_FILES, "f.yaml").plan
        assert plan is not None
        assert [(one.path, one.location.line) for one in named_files(plan.tree)] == [
            ("/k/ca", 5),
            ("/k/cert", 6),
            ("/k/key", 7),
        ]

    @pytest.mark.parametrize("is_here", [True, False])
    def test_one_that_is_missing_is_listed_or_found(self, is_here: bool) -> None:
        result = look(instance_text(OWN) + FILES, Machine(x=ScriptState.FINE), is_here)
        names = [one.name for one in result.unverified if one.kind == "file"]
        messages = [one.message for one in result.diagnostics if one.code == "file-not-here"]
        assert (len(names), len(messages)) == ((0, 4) if is_here else (4, 0)), "/k/ca once"
        if is_here:
            assert messages[0] == "file /k/mail is not on this machine: what needs it fails until it appears"

    def test_one_that_only_root_sees_is_listed(self) -> None:
        machine = Machine()
        machine.files = {"/k/mail": FileFacts(FilePlace.HIDDEN)}
        result = look(instance_text(OWN) + "global_defs {\nsmtp_password_file /k/mail\n}\n", machine, True)
        assert [(one.kind, one.name, one.reason) for one in result.unverified] == [
            ("file", "/k/mail", "only root can look")
        ]

    @pytest.mark.parametrize(
        ("path", "facts", "code", "words"),
        [
            ("/k/mail", FileFacts(FilePlace.HERE, 0o600), "", ""),
            ("/k/mail", FileFacts(FilePlace.NO_FILE), "file-unreadable", "/k/mail (smtp_password_file) is no file"),
            (
                *("/k/mail", FileFacts(FilePlace.HERE, 0o640), "file-open-to-others"),
                "/k/mail (smtp_password_file) is open to others (mode 0640): it is refused",
            ),
            (
                *("/k/chat", FileFacts(FilePlace.HERE, 0o600, "joe", False), "file-open-to-others"),
                "/k/chat (secret_file) belongs to joe, who could exchange it: it is refused",
            ),
            (
                *("/k/mail", FileFacts(FilePlace.HERE, 0o600, "joe", True, False), "file-unreadable"),
                "/k/mail (smtp_password_file) of joe, mode 0600, cannot be read by the process that needs it",
            ),
            ("/k/db", FileFacts(FilePlace.HERE, 0o600, "joe", False, False), "", ""),
            (
                *("/k/db", FileFacts(FilePlace.HERE, 0o644), "file-open-to-others"),
                "/k/db (password_file) is open to others (mode 0644), and used all the same",
            ),
            ("/k/ca", FileFacts(FilePlace.HERE, 0o644), "", ""),
            (
                *("/k/ca", FileFacts(FilePlace.HERE, 0o664), "file-open-to-others"),
                "can be changed by others (mode 0664): they decide whom this node trusts",
            ),
        ],
    )
    def test_what_is_wrong_with_one_that_is_here(self, path: str, facts: FileFacts, code: str, words: str) -> None:
        machine = Machine(x=ScriptState.FINE)
        machine.files = {path: facts}
        found = [
            one for one in look(instance_text(OWN) + FILES, machine, True).diagnostics if one.code != "file-not-here"
        ]
        assert {one.code for one in found} == ({code} if code else set())
        assert all(words in one.message for one in found)
