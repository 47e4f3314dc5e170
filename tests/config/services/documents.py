"""Configurations with one statement in any block of load balancing, right in all the rest."""

from __future__ import annotations

HEAD = """global_defs {
notification_email {
admin@example.com
}
smtp_server 192.0.2.25
enable_script_security
script_user root
}
track_file f {
file /dev/null
}
bfd_instance b {
neighbor_ip 192.0.2.99
}
"""
REAL_SERVER = "real_server 192.0.2.20 80 {\n}"
PROTOCOL = "protocol TCP"
SCHEDULER = "lvs_sched rr"
METHOD = "lvs_method NAT"
_NEEDED = {
    "HTTP_GET": "url {\npath /\n}",
    "SSL_GET": "url {\npath /\n}",
    "MISC_CHECK": "misc_path /bin/true",
    "FILE_CHECK": "track_file f",
    "BFD_CHECK": "name b",
    "url": "path /",
}


def virtual_server(statement: str = "", *, header: str = "192.0.2.9 80", servers: str = REAL_SERVER) -> str:
    """A virtual_server that says what keepalived wants to be told, unless the statement says it."""
    lines = [f"virtual_server {header} {{"]
    words = statement.partition("{")[0].split()
    if "fwmark" not in header and "protocol" not in words:
        lines.append(PROTOCOL)
    if not {"lvs_sched", "lb_algo"} & set(words):
        lines.append(SCHEDULER)
    if not {"lvs_method", "lb_kind"} & set(words):
        lines.append(METHOD)
    return "\n".join([*lines, *filter(None, [statement, servers]), "}"]) + "\n"


def real_server(statement: str = "", header: str = "192.0.2.20 80") -> str:
    return f"real_server {header} {{\n{statement}\n}}"


def check(path: str, statement: str) -> str:
    """The statement in the block of a path such as HTTP_GET/url."""
    *outer, kind = path.split("/")
    needed = _NEEDED.get(kind, "")
    body = [statement] if needed.split()[:1] == statement.split()[:1] else [needed, statement]
    block = "\n".join([f"{kind} {{", *filter(None, body), "}"])
    return check("/".join(outer), block) if outer else block


def document(path: str, statement: str) -> str:
    """The statement in the block of a path as the inventory of keywords names it, in a file that is right.

    A check needs no more than its own name. Three more paths: `header` is what stands behind virtual_server, `fwmark`
    and `ipv6` are virtual_servers of that kind.
    """
    ipv6 = real_server(header="2001:db8::1 80")
    texts = {
        "/": f"{statement}\n",
        "SSL": f"SSL {{\n{statement}\n}}\n",
        "virtual_server_group": f"virtual_server_group g {{\n{statement}\n}}\n",
        "header": virtual_server(header=statement),
        "fwmark": virtual_server(statement, header="fwmark 1"),
        "ipv6": virtual_server(statement, header="2001:db8::9 80", servers=ipv6),
        "virtual_server": virtual_server(statement),
        "virtual_server/real_server": virtual_server(servers=real_server(statement)),
    }
    inner = check(path.removeprefix("virtual_server/real_server/"), statement)
    return HEAD + (texts.get(path) or virtual_server(servers=real_server(inner)))
