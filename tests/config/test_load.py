"""The door: files that are missing, the injected reader, the examples."""

from __future__ import annotations

import gc
import pathlib

import pytest

from alived.config.findings import Findings
from alived.config.interpret import read_tree
from alived.config.load import load, load_text, load_tree
from alived.config.this_host import ThisHost
from tests.config.helpers import instance_text

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples"
EXAMPLES = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".conf", ".toml", ".yaml"))


def test_a_missing_file_is_a_finding() -> None:
    loaded = load("/nonexistent/keepalived.conf")
    assert loaded.config is None
    (found,) = loaded.diagnostics
    assert (found.code, str(found.location)) == ("unreadable-file", "/nonexistent/keepalived.conf")
    assert "No such file or directory" in found.message


def test_a_directory_is_a_finding(tmp_path: pathlib.Path) -> None:
    (found,) = load(str(tmp_path)).diagnostics
    assert found.code == "unreadable-file"


def test_an_error_without_a_number_is_a_finding() -> None:
    def reader(path: str) -> bytes:
        raise OSError("the disk is on fire")

    assert "the disk is on fire" in load("x", host=ThisHost(reader)).diagnostics[0].message


def test_the_reader_is_asked_for_the_path() -> None:
    asked: list[str] = []

    def reader(path: str) -> bytes:
        asked.append(path)
        return instance_text().encode()

    assert load("some/where", host=ThisHost(reader)).config is not None
    assert asked == ["some/where"]


def test_a_file_is_read_like_its_text(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "keepalived.conf"
    path.write_text(instance_text("prioritty 5"))
    of_file, of_text = load(str(path)), load_text(instance_text("prioritty 5"), str(path))
    assert (of_file.config, of_file.diagnostics) == (of_text.config, of_text.diagnostics)


NOT_IN_THIS_VERSION = {"not-supported-yet"}
"""What examples of later versions are told: nothing else may be wrong with them."""


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_the_examples_are_clean(path: pathlib.Path) -> None:
    loaded = load(str(path))
    codes = {found.code for found in loaded.diagnostics}
    assert codes <= NOT_IN_THIS_VERSION
    assert loaded.config is not None
    assert codes == set() or path.stem in ("cluster", "load-balancer")


def test_the_languages_of_the_examples_say_the_same() -> None:
    conf, toml, yaml = (load(str(path)).config for path in EXAMPLES if path.stem == "two-nodes")
    assert conf is not None
    assert conf == toml == yaml


def test_garbage_collection_is_as_it_was(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file.conf"
    path.write_text("nonsense")
    assert gc.isenabled()
    load(str(path))
    assert gc.isenabled()
    gc.disable()
    try:
        load(str(path))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_place_in_another_file_is_named_with_its_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.conf").write_text(instance_text())
    path = tmp_path / "keepalived.conf"
    path.write_text("include *.conf.d\ninclude a.conf\n" + instance_text(vrid=52))
    messages = [found.message for found in load(str(path)).diagnostics]
    assert messages == [f"vrrp_instance 'VI_1' is already defined in {tmp_path / 'a.conf'}:1:15"]
    path.write_text(instance_text() + instance_text(vrid=52))
    messages = [found.message for found in load(str(path)).diagnostics]
    assert messages == ["vrrp_instance 'VI_1' is already defined in line 1"]


VIP_SWITCH = "node: {id: a, raft_addr: ':7946', data_dir: /d}\ncluster: {nodes: [{id: a, addr: 192.0.2.1}]}\n"


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        (VIP_SWITCH, True),
        (f"{VIP_SWITCH}raft_instances: {{w: {{interface: eth0, virtual_ipaddress: 192.0.2.9}}}}\n", False),
        (f"{VIP_SWITCH}vip_conf: {{VIP_ADDRESS: 192.0.2.9/32, INTERFACE: eth0}}\n", False),
        ("global_defs: {router_id: x}\n", False),
    ],
    ids=["vip-switch", "groups of its own", "vip_conf of its own", "no cluster"],
)
def test_vip_conf_beside_a_cluster_without_groups_says_what_the_hooks_bind(
    tmp_path: pathlib.Path, text: str, is_read: bool
) -> None:
    (tmp_path / "config.yaml").write_text(text)
    (tmp_path / "vip.conf").write_text("VIP_ADDRESS=192.0.2.7/24\nINTERFACE=eth1\nNONSENSE=`id`\n")
    found = [one for one in load(str(tmp_path / "config.yaml")).diagnostics if one.location.file.endswith("vip.conf")]
    assert any(one.code == "shell-expansion" for one in found) is is_read


def test_the_address_in_vip_conf_belongs_to_the_group_that_hooks_bind(tmp_path: pathlib.Path) -> None:
    (tmp_path / "config.yaml").write_text(VIP_SWITCH)
    findings = Findings()
    without = load_tree(str(tmp_path / "config.yaml"), findings)
    (tmp_path / "vip.conf").write_text("VIP_ADDRESS=192.0.2.7/24\nINTERFACE=eth1\n")
    config, _ = read_tree(load_tree(str(tmp_path / "config.yaml"), findings).blocks, "f", findings)
    (group,) = config.raft_groups
    assert [str(vip) for vip in group.vips.addresses] == ["192.0.2.7/24 dev eth1"]
    assert [block.keyword for block in without.blocks] == ["node", "cluster"], "and none without the file"
