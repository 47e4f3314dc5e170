"""Short ways from a text to the values of load balancing."""

from __future__ import annotations

from alived.config.load import load_text
from alived.config.model import Config, PoolMember, Service
from alived.health.config import AnyCheck
from alived.lvs.config import VirtualServer
from tests.config.helpers import instance_text
from tests.config.services.documents import HEAD, REAL_SERVER, real_server, virtual_server


def config(text: str, *codes: str) -> Config:
    """What a text becomes; codes: its findings beside those of this version."""
    loaded = load_text(HEAD + text + instance_text(), "f")
    found = [one.code for one in loaded.diagnostics if one.code != "not-supported-yet"]
    assert sorted(found) == sorted(codes), "\n".join(map(str, loaded.diagnostics))
    assert loaded.config is not None
    return loaded.config


def service(text: str, *codes: str) -> Service:
    (found,) = config(text, *codes).virtual_servers
    return found


def server(statement: str, *codes: str, header: str = "192.0.2.9 80", servers: str = REAL_SERVER) -> VirtualServer:
    return service(virtual_server(statement, header=header, servers=servers), *codes).virtual_server


def member(statement: str, *codes: str, outer: str = "") -> PoolMember:
    (found,) = service(virtual_server(outer, servers=real_server(statement)), *codes).pool
    return found


def checks(statement: str, *codes: str, outer: str = "", own: str = "") -> tuple[AnyCheck, ...]:
    return member(f"{own}\n{statement}", *codes, outer=outer).checks
