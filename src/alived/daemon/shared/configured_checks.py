"""Which checks a configuration has: those with a name of their own, and those of real servers, which get one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import msgspec

from alived.config.model import Config
from alived.config.services.names import unlike
from alived.health.check_events import ProbedCheck
from alived.health.config import Check, HttpCheck, MiscCheck


class ConfiguredCheck(msgspec.Struct, frozen=True):
    """name: as `alived status` and `alived check run` have it. subject: begins sentences."""

    name: str
    subject: str
    check: ProbedCheck
    expires: bool
    """Down, if it was up and cannot be asked"""
    server: tuple[int, int] | None = None
    """Whose it is: positions of the virtual server and of the real server; None: it has a name of its own"""


def configured_checks(config: Config) -> dict[str, ConfiguredCheck]:
    """All that ask again and again, by name, in the order of the configuration."""
    found: dict[str, ConfiguredCheck] = {}
    for name, subject, check, server in _all(config):
        if isinstance(check, ProbedCheck):
            unique = unlike(name, found)
            found[unique] = ConfiguredCheck(unique, subject, check, server is None, server)
    return found


def _all(config: Config) -> Iterator[tuple[str, str, Check, tuple[int, int] | None]]:
    for named in config.checks:
        yield named.name, f"check {named.name}", named.check, None
    for outer, service in enumerate(config.virtual_servers):
        where = service.virtual_server.service
        for inner, member in enumerate(service.pool):
            server = member.server.endpoint
            for check in member.checks:
                keyword = keyword_of(check)
                yield f"{where} {server} {keyword}", f"{keyword} of {server} for {where}", check, (outer, inner)


def keyword_of(check: Check) -> str:
    """keepalived's, TCP_CHECK; of ours a name in the same manner, REDIS_CHECK."""
    if isinstance(check, HttpCheck):
        return "SSL_GET" if check.tls else "HTTP_GET"
    return f"{type(check).__name__.removesuffix('Check').upper()}_CHECK"


def target_of(check: ProbedCheck) -> str:
    """Whom it asks: 192.0.2.1:80, [2001:db8::1]:80, 192.0.2.1, or a command."""
    if isinstance(check, MiscCheck):
        return shlex.join(check.argv)
    host = f"[{check.connect_ip}]" if ":" in check.connect_ip and check.connect_port else check.connect_ip
    return f"{host}:{check.connect_port}" if check.connect_port else host


def time_to_confirm_ns(check: ProbedCheck) -> int:
    """In which a new worker comes to a verdict, if each stage needs all its time for an answer."""
    return check.warmup_ns + check.stages * (check.delay_loop_ns + check.patience_ns)
