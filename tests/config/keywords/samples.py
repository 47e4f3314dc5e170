"""A document for each row of each table: the row's own sample in the block where it belongs, which is right otherwise.

A block is made of its sample, too: the sample of `virtual_server` has what a virtual server needs. So a document is the
samples of all blocks on the way, each with the next one in it.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator

from alived.config.findings import Findings
from alived.config.keywords.index import TOP_PATH, tables
from alived.config.keywords.table import Keyword, Table
from alived.config.load import THIS_HOST
from alived.config.text.blocks import Block
from alived.config.text.read import read_text
from tests.config.helpers import instance_text

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "golden" / "keepalived_keywords.json"
COUNTS: dict[str, int] = json.loads(GOLDEN.read_text())
"""Keywords that keepalived has in each of its blocks."""

TABLES = tables()
_POLICIES = {"conflict_check", "vip_vanish", "address_lifetime"}
_TRACKED = {"track_check", "track_gateway", "track_unit"}
_POLICY = {"all_unhealthy"}
_TRACKERS = {"check", "gateway", "unit"}
_BLOCKS = _TRACKERS | {"node", "cluster", "raft_instance", "vip_conf", "hooks", "logging", "web", "notifications"}
_HTTP = {"method", "headers", "body", "end_at_length", "decode_chunked", "max_body", "contains", "json"}
_COUNTED = {"rise", "fall"}
_CHECKS = ("TCP", "PING", "UDP", "DNS", "SMTP", "MISC")
_TLS = {"tls_verify", "tls_ca", "tls_certificate", "tls_key", "tls_expiry_days"}
OURS = {
    "vrrp_instance": _POLICIES | _TRACKED | _POLICY,
    "vrrp_sync_group": _TRACKED,
    "vrrp_script": {"flap_damping"},
    "vrrp_track_process": {"flap_damping"},
    "track_file": {"flap_damping"},
    "vrrp_track_file": {"flap_damping"},
    "virtual_server/real_server/HTTP_GET/url": _HTTP,
    "virtual_server/real_server/SSL_GET/url": _HTTP,
    "virtual_server/real_server/SSL_GET": _TLS | _COUNTED,
    "virtual_server/real_server/HTTP_GET": _COUNTED,
    "virtual_server/real_server/SMTP_CHECK/host": _COUNTED,
    **{f"virtual_server/real_server/{kind}_CHECK": _COUNTED for kind in _CHECKS},
    "global_defs": _POLICIES | {"smtp_user", "smtp_password_file", "smtp_tls", "smtp_ca_file"},
    TOP_PATH: _BLOCKS,
}
"""Words of alived in keepalived's blocks."""

ROWS = [(path, row) for path in COUNTS for row in TABLES[path].values() if path != TOP_PATH or row.name not in _BLOCKS]
IDS = [f"{path} {row.name}" for path, row in ROWS]

INSTANCES = instance_text() + instance_text(name="VI_2", vrid=52, vip="192.0.2.99")
TRACKERS = """vrrp_script check {
script /bin/true
}
vrrp_track_process nginx {
process nginx
}
track_file load {
file /tmp/load
}
bfd_instance peer {
neighbor_ip 192.0.2.2
}
track_file f {
file /tmp/f
}
bfd_instance b {
neighbor_ip 192.0.2.3
}
check web {
tcp {
target 192.0.2.1 80
}
}
gateway uplink {
target default
}
unit proxy {
systemd_unit nginx.service
}
"""
"""What samples speak of: VI_1, VI_2, check, nginx, load, peer, f, b, web, uplink, proxy."""

_PEERS = "unicast_peer {\n192.0.2.2\n}"
BESIDE = {
    "vrrp_instance": {
        **dict.fromkeys(("unicast_src_ip", "unicast_ttl", "unicast_fault_no_peer", "check_unicast_src"), _PEERS),
        "old_unicast_checksum": _PEERS + "\nversion 3",
        "v3_checksum_as_v2": "version 3",
        "vmac_xmit_base": "use_vmac",
        "use_vmac_addr": "use_vmac",
        "track_src_ip": "mcast_src_ip 192.0.2.1",
        "native_ipv6": "unicast_peer {\nfe80::2\n}\nvirtual_ipaddress {\nfe80::1\n}",
        "no_virtual_ipaddress": "virtual_ipaddress_excluded {\n192.0.2.77\n}",
        "virtual_ipaddress_excluded": "virtual_ipaddress {\n192.0.2.77\n}",
        "mcast_dst_ip": "version 3",
    },
    "virtual_server": {
        "ops": "protocol UDP",
        "hashed": "lvs_sched sh",
        **dict.fromkeys(("sh-port", "sh-fallback"), "lvs_sched sh"),
        **dict.fromkeys(("mh-port", "mh-fallback"), "lvs_sched mh"),
        **dict.fromkeys(("sorry_server_inhibit", "sorry_server_lvs_method"), "sorry_server 192.0.2.77 80"),
    },
    "virtual_server/real_server": {"lthreshold": "uthreshold 100"},
    **dict.fromkeys(
        ("virtual_server/real_server/HTTP_GET/url", "virtual_server/real_server/SSL_GET/url"),
        dict.fromkeys(
            ("regex_no_match", "regex_options", "regex_min_offset", "regex_max_offset", "regex_stack"), "regex x"
        ),
    ),
    "virtual_server/real_server/SSL_GET": {"tls_key": "tls_certificate /c.pem", "tls_certificate": "tls_key /k.pem"},
    "vrrp_track_process": {"quorum_max": "quorum 1"},
    "bfd_instance": {"hoplimit": "neighbor_ip fe80::2"},
    "global_defs": {
        "notify_fifo_script": "notify_fifo /run/one",
        "vrrp_notify_fifo_script": "vrrp_notify_fifo /run/one",
        "lvs_notify_fifo_script": "lvs_notify_fifo /run/one",
    },
}
"""Statements that a keyword needs beside it. They take the place of those of the sample of the block."""


def document(path: str, row: Keyword) -> str:
    """A configuration in which the sample of the row is the only thing to wonder about."""
    if path == TOP_PATH:
        return _surrounded(row.sample + "\n")
    names = path.split("/")
    extra = BESIDE.get(path, {}).get(row.name, "")
    text = "\n".join(filter(None, (extra, row.sample)))
    for depth in range(len(names), 0, -1):
        parent = TABLES["/".join(names[: depth - 1]) or TOP_PATH][names[depth - 1]]
        text = _inserted(parent, _blocks(text), TABLES["/".join(names[:depth])])
    return _surrounded(text)


def _surrounded(text: str) -> str:
    """The instances behind, and the trackers that the text speaks of before; not what the text defines itself."""
    own = {block.arguments[0].text for block in _blocks(text) if block.arguments}
    wanted = set(text.split()) if "track_" in text or "_CHECK" in text else set()
    return _named(TRACKERS, wanted - own) + text + _named(INSTANCES, {"VI_1", "VI_2"} - own)


def _named(text: str, names: set[str]) -> str:
    return "".join(_written(block) for block in _blocks(text) if block.arguments[0].text in names)


def _inserted(parent: Keyword, news: list[Block], rows: Table) -> str:
    """The sample of a block with these statements in it: what it has already of their kind goes."""
    (block,) = _blocks(parent.sample)
    taken = {rows[new.keyword].field or new.keyword for new in news if new.keyword in rows}
    kept = [child for child in block.children or () if _field(child, rows) not in taken]
    return f"{block.raw} {{\n{''.join(map(_written, (*kept, *news)))}}}\n"


def _field(block: Block, rows: Table) -> str:
    row = rows.get(block.keyword)
    return row.field if row else block.keyword


def _written(block: Block) -> str:
    if block.children is None:
        return block.raw + "\n"
    return f"{block.raw} {{\n{''.join(map(_written, block.children))}}}\n"


def _blocks(text: str) -> list[Block]:
    findings = Findings()
    found = list(read_text(text, "f", THIS_HOST, findings).blocks)
    assert findings.sorted() == (), (text, findings.sorted())
    return found


def way(path: str) -> Iterator[Keyword]:
    """The rows of the blocks around a table."""
    names = path.split("/") if path != TOP_PATH else []
    for depth, name in enumerate(names):
        yield TABLES["/".join(names[:depth]) or TOP_PATH][name]
