"""Every value with its origin: what is said, inherited, defaulted and derived."""

from __future__ import annotations

import pytest

from alived.config.effective.said import HIDDEN
from alived.config.effective.sections import Kind, Section
from alived.config.effective.show import show_effective, show_said
from alived.config.effective.values import VALUES, in_words
from alived.config.findings import Findings
from alived.config.keywords.table import Keyword
from alived.config.keywords.vrrp import INSTANCE
from alived.config.load import ReadOptions, load, load_tree
from alived.config.overrides import from_environment, from_options
from alived.config.this_host import ThisHost
from tests.config.helpers import instance_text
from tests.config.test_corpus import corpus_files

UNICAST = "unicast_peer {\n192.0.2.2\n}\nunicast_src_ip 192.0.2.1"


def shown(text: str, *settings: str, effective: bool = True, **environment: str) -> dict[str, Section]:
    """Sections by title."""
    host = ThisHost(lambda path: text.encode())
    options = ReadOptions(overrides=(*from_environment(environment), *from_options(settings)))
    loaded = load("f", options, host)
    assert loaded.config is not None, loaded.diagnostics
    tree = load_tree("f", Findings(), options, host)
    sections = show_effective(tree, loaded) if effective else show_said(tree)
    return {section.title: section for section in sections}


def values(section: Section) -> dict[str, str]:
    return {entry.keyword: f"{entry.value} | {entry.origin}" for entry in section.entries}


def instance(body: str, *settings: str, before: str = "", **environment: str) -> dict[str, str]:
    return values(shown(instance_text(body, before=before), *settings, **environment)["vrrp_instance VI_1"])


@pytest.mark.parametrize("row", [row for row in INSTANCE.values() if row.field in VALUES], ids=lambda row: row.name)
def test_a_value_that_is_said_comes_back_from_the_instance(row: Keyword) -> None:
    """Each accessor has the unit of its keyword: else everything would be derived."""
    found = []
    for body in ("", UNICAST, "version 3", "state BACKUP"):
        text = instance_text(f"{body}\n{row.sample}")
        for line in ("priority 100\n", "virtual_router_id 51\n", "interface eth0\n"):
            if line.split()[0] == row.name:
                text = text.replace(line, "", 1)
        loaded = load("f", host=ThisHost(lambda path, text=text: text.encode()))
        assert loaded.plan is not None
        one = loaded.plan.instances[0]
        found.append((VALUES[row.field](one.instance), one.settings.get(row.field)))
    assert any(value == said for value, said in found), found


def test_each_level_wins_over_the_next() -> None:
    name, path = "ALIVED_SET_VRRP_INSTANCE__VI_1__GARP_MASTER_DELAY", "vrrp_instance.VI_1.garp_master_delay"
    before = "global_defs {\nvrrp_garp_master_delay 7\n}\n"
    assert [
        instance("")["garp_master_delay"],
        instance("", before=before)["garp_master_delay"],
        instance("garp_master_delay 8", before=before)["garp_master_delay"],
        instance("garp_master_delay 8", before=before, **{name: "9"})["garp_master_delay"],
        instance("garp_master_delay 8", f"{path}=10", before=before, **{name: "9"})["garp_master_delay"],
    ] == [
        "5 | default",
        "7 | global_defs f:2:1",
        "8 | f:8:1",
        f"9 | environment {name}",
        f"10 | --set {path}",
    ]


def test_what_follows_from_the_whole_says_why() -> None:
    found = instance("state MASTER\nnopreempt\ngarp_master_repeat 0")
    assert found["nopreempt"] == ("off | derived from f:6:1 (nopreempt has no effect with state MASTER: it preempts)")
    assert found["garp_master_repeat"].startswith("1 | derived from f:7:1 (garp_master_repeat 0: 1 is used")
    assert found["state"] == "MASTER | f:5:1"


def test_a_state_that_the_group_changes() -> None:
    text = instance_text("state MASTER") + instance_text(name="VI_2", vrid=52, vip="192.0.2.11")
    text += "vrrp_sync_group G {\ngroup {\nVI_1\nVI_2\n}\nnotify_priority_changes on\n}\n"
    found = values(shown(text)["vrrp_instance VI_1"])
    assert found["state"] == "BACKUP | derived from f:5:1 (members of a sync group begin alike)"
    assert found["notify_priority_changes"] == "on | vrrp_sync_group G f:24:1"


def test_a_default_says_where_it_could_be_set() -> None:
    found = instance("")
    assert found["priority"] == "100 | f:4:1"
    assert found["check_unicast_src"] == "off | default (vrrp_check_unicast_src)"
    assert found["advert_int"] == "1 | default"
    assert found["mcast_src_ip"] == "primary address | default"


def test_addresses_with_the_interface_that_they_get() -> None:
    text = instance_text(vip="192.0.2.10/24\n192.0.2.11 dev eth1 label x")
    (section,) = (one for title, one in shown(text).items() if title == "vrrp_instance VI_1")
    assert [entry.value for entry in section.entries if entry.keyword == "virtual_ipaddress"] == [
        "192.0.2.10/24 dev eth0",
        "192.0.2.11 dev eth1 label x",
    ]


def test_passwords_are_hidden_and_authentication_may_be_skipped() -> None:
    body = "authentication {\nauth_type PASS\nauth_pass secret12\n}"
    (inner,) = shown(instance_text(body))["vrrp_instance VI_1"].sections
    assert [(entry.keyword, entry.value) for entry in inner.entries] == [("auth_type", "PASS"), ("auth_pass", HIDDEN)]
    (inner,) = shown(instance_text(f"version 3\n{body}"))["vrrp_instance VI_1"].sections
    assert (inner.title, inner.entries) == ("authentication none", ())
    assert str(inner.origin) == "derived from f:6:1 (authentication is skipped: VRRP version 3 has none)"


def test_only_what_is_said() -> None:
    found = shown(instance_text("nopreempt\npreempt\nsmtp_alert\nprioritty 5"), effective=False)
    assert list(found) == ["vrrp_instance VI_1"]
    assert values(found["vrrp_instance VI_1"]) == {
        "interface": "eth0 | f:2:1",
        "virtual_router_id": "51 | f:3:1",
        "priority": "100 | f:4:1",
        "nopreempt": "off | f:6:1",
        "smtp_alert": "on | f:7:1",
        "virtual_ipaddress": "192.0.2.10 | f:10:1",
    }


def test_statements_outside_all_blocks_come_first_and_global_defs_is_always_there() -> None:
    text = "use_pid_dir\n" + instance_text()
    assert list(shown(text)) == ["", "global_defs", "vrrp_instance VI_1"]
    assert values(shown(text)[""]) == {"use_pid_dir": "on | f:1:1 (no effect)"}
    assert values(shown(text)["global_defs"])["vrrp_version"] == "2 | default"


def test_blocks_in_blocks_have_their_defaults() -> None:
    text = instance_text() + "virtual_server 192.0.2.10 80 {\nreal_server 192.0.2.20 80 {\nTCP_CHECK {\n}\n}\n}\n"
    (server,) = shown(text)["virtual_server 192.0.2.10 80"].sections
    assert server.title == "real_server 192.0.2.20 80"
    assert [entry.keyword for entry in server.entries if entry.origin.kind is Kind.DEFAULT]
    assert [inner.title for inner in server.sections] == ["TCP_CHECK"]


def test_lines_of_a_block_with_a_name() -> None:
    text = instance_text() + "virtual_server_group G {\n192.0.2.10 80\n}\n"
    section = shown(text)["virtual_server_group G"]
    assert [(entry.keyword, entry.value) for entry in section.entries] == [("", "192.0.2.10 80")]


def test_values_in_the_words_of_the_language() -> None:
    assert [in_words(True), in_words(0.5), in_words(250_000_000, True), in_words("x")] == ["on", "0.5", "0.25", "x"]


def test_every_file_of_the_corpus_can_be_shown() -> None:
    for path in corpus_files():
        loaded = load(str(path))
        if loaded.config is not None:
            sections = show_effective(load_tree(str(path), Findings()), loaded)
            titles = [section.title for section in sections]
            assert all(f"vrrp_instance {one.vrrp.name}" in titles for one in loaded.config.instances), path
