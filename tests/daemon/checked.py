"""Configurations with checks, and servers on loopback that they ask."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from alived.base import NS_PER_MS, Family
from alived.config.model import Config, GlobalDefs, PoolMember, Service
from alived.health.checks_config import NamedCheck
from alived.health.config import AnyCheck, MiscCheck, TcpCheck
from alived.lvs.config import Endpoint, RealServer, VirtualServer


def tcp(port: int, every_ms: int = 20, **fields: object) -> TcpCheck:
    """A native one: on a grid, at once, without retries."""
    known = {"connect_ip": "127.0.0.1", "connect_port": port, "retry": 0, "warmup_ns": 0, "start_to_start": True}
    return TcpCheck(**known | {"delay_loop_ns": every_ms * NS_PER_MS} | fields)  # type: ignore[arg-type]


def shell(text: str, every_ms: int = 20, timeout_ms: int = 10_000, **fields: object) -> MiscCheck:
    known = {"argv": ("/bin/sh", "-c", text), "user": "root", "retry": 0, "warmup_ns": 0}
    times = {"delay_loop_ns": every_ms * NS_PER_MS, "misc_timeout_ns": timeout_ms * NS_PER_MS}
    return MiscCheck(**known | times | fields)  # type: ignore[arg-type]


def checking(**checks: AnyCheck) -> Config:
    named = tuple(NamedCheck(name=name, check=check) for name, check in checks.items())
    return Config(global_defs=GlobalDefs(rt_priority=0), checks=named)


def pool(*checks: AnyCheck) -> Config:
    """A virtual server with one real server."""
    server = RealServer(endpoint=Endpoint("192.0.2.7", 80), family=Family.IPV4)
    virtual = VirtualServer(service=Endpoint("192.0.2.1", 80), family=Family.IPV4)
    return Config(virtual_servers=(Service(virtual_server=virtual, pool=(PoolMember(server=server, checks=checks),)),))


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    """A server that takes connections and says nothing; its port."""
    with socket.create_server(("127.0.0.1", port), backlog=100) as server:
        yield server.getsockname()[1]


def unused_port() -> int:
    """Nobody listens there, for a while at least."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
