"""The tables are complete, and every row does what its status says."""

from __future__ import annotations

import os
import pathlib

import pytest

from alived.config.keywords.global_defs import GLOBAL
from alived.config.keywords.shapes import AUTHENTICATION
from alived.config.keywords.table import Keyword, Status
from alived.config.keywords.top import TOP
from alived.config.keywords.vrrp import INSTANCE, SYNC_GROUP
from alived.config.load import load_text
from tests.config.helpers import instance_text

TABLES = {
    "/": TOP,
    "global_defs": GLOBAL,
    "vrrp_instance": INSTANCE,
    "vrrp_sync_group": SYNC_GROUP,
    "vrrp_instance/authentication": AUTHENTICATION,
}
OWN = {"conflict_check", "vip_vanish", "address_lifetime"}
_SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared"
INVENTORY = pathlib.Path(os.environ.get("ALIVED_KEYWORDS", _SHARED / "reference" / "keepalived-keywords.txt"))
ROWS = [(block, row) for block, rows in TABLES.items() for row in rows.values()]

SAMPLES = {
    "auth_type": "authentication {\nauth_type PASS\nauth_pass x\n}",
    "auth_pass": "authentication {\nauth_type PASS\nauth_pass x\n}",
    "vmac_xmit_base": "use_vmac\nvmac_xmit_base",
    "native_ipv6": "native_ipv6\nunicast_peer {\nfe80::2\n}",
    "track_src_ip": "track_src_ip\nmcast_src_ip 192.0.2.1",
    "group": "group {\nVI_1\nVI_2\n}",
    "no_virtual_ipaddress": "no_virtual_ipaddress",
}
"""Statements that need others beside them."""
UNICAST = {"unicast_src_ip", "unicast_ttl", "unicast_fault_no_peer", "check_unicast_src", "old_unicast_checksum"}
ALONE = {
    "interface": "",
    "virtual_router_id": "",
    "priority": "",
}


def document(block: str, row: Keyword) -> str:
    """A configuration with the sample of a row in its place and nothing to complain about beside it."""
    sample = SAMPLES.get(row.name, row.sample)
    if row.name in UNICAST:
        sample += "\nunicast_peer {\n192.0.2.2\n}"
    second = instance_text(name="VI_2", vrid=52, vip="192.0.2.99")
    match block:
        case "/":
            return "" if row.status is Status.WORKS else f"{row.sample}\n" + instance_text()
        case "global_defs":
            return f"global_defs {{\n{sample}\n}}\n" + instance_text()
        case "vrrp_sync_group":
            members = "" if row.name == "group" else "group {\nVI_1\nVI_2\n}\n"
            return f"vrrp_sync_group G {{\n{members}{sample}\n}}\n" + instance_text() + second
    if row.name in ("interface", "virtual_router_id", "priority"):
        lines = [line for line in instance_text().splitlines() if not line.startswith(f"{row.name} ")]
        return "\n".join([lines[0], sample, *lines[1:]])
    vip = "fe80::1" if row.name == "native_ipv6" else "192.0.2.10"
    if row.name in ("virtual_ipaddress", "virtual_ipaddress_excluded"):
        vip = "192.0.2.77"
    version = "version 3\n" if row.name == "v3_checksum_as_v2" else ""
    return instance_text(version + sample, vip=vip)


@pytest.mark.parametrize(("block", "row"), ROWS, ids=[f"{block} {row.name}" for block, row in ROWS])
def test_a_sample_of_each_keyword(block: str, row: Keyword) -> None:
    text = document(block, row)
    if not text:
        return
    loaded = load_text(text, "f")
    codes = [found.code for found in loaded.diagnostics]
    match row.status:
        case Status.WORKS:
            assert codes == [], "\n".join(map(str, loaded.diagnostics))
        case Status.NOT_YET:
            assert codes == ["not-supported-yet"]
            assert row.consequence in loaded.diagnostics[0].message
        case Status.NO_EFFECT:
            assert codes == ["no-effect"]
            assert row.consequence in loaded.diagnostics[0].message
        case Status.REFUSED:
            assert codes == ["not-supported"]
            assert loaded.config is None


@pytest.mark.parametrize(("block", "row"), ROWS, ids=[f"{block} {row.name}" for block, row in ROWS])
def test_a_row_says_what_it_means(block: str, row: Keyword) -> None:
    assert row.meaning.endswith(".")
    assert (row.converter is not None and row.field != "") == (row.status is Status.WORKS)
    assert (row.consequence == "") == (row.status is Status.WORKS)


def inventory() -> list[tuple[str, str]]:
    if not INVENTORY.exists():
        pytest.skip(f"no inventory of keywords at {INVENTORY} (set ALIVED_KEYWORDS)")
    lines = (line.split() for line in INVENTORY.read_text().splitlines())
    return [(words[0], words[1]) for words in lines if len(words) > 1 and words[0] in TABLES]


def test_every_keyword_of_keepalived_has_a_row() -> None:
    missing = [(block, word) for block, word in inventory() if word not in TABLES[block]]
    assert missing == []


def test_no_row_is_invented() -> None:
    known = set(inventory())
    invented = {(block, row.name) for block, row in ROWS} - known
    assert invented == {(block, word) for block in ("vrrp_instance", "global_defs") for word in OWN} | {
        ("vrrp_sync_group", "notify_deleted") for _ in ()
    }
