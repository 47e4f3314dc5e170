"""`check NAME { ... }` -> NamedCheck or CombinedCheck, with all that follows from what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from alived.base import NS_PER_S, Family, Location
from alived.config.findings import Findings
from alived.config.keywords.checkers import CheckBlock
from alived.config.keywords.checks import COMBINATIONS, TYPES, VIRTUAL_SERVER, Combination, Target
from alived.config.keywords.converters import Address, parse_address
from alived.config.keywords.definitions import Definition, unique
from alived.config.keywords.endpoints import ServiceEntry
from alived.config.keywords.table import Settings
from alived.config.services.checks import builder, network
from alived.config.services.levels import Server, Surroundings
from alived.health.checks_config import CombinedCheck, CombinedMember, NamedCheck
from alived.health.config import AnyCheck, GrpcCheck, MysqlCheck, PostgresqlCheck, RedisCheck, Role, SmtpCheck
from alived.health.trackers_config import TrackerKind, Weight
from alived.lvs.config import Endpoint

LONGEST_TIMEOUT_NS = 5 * NS_PER_S
"""Unless said otherwise, as of checks of real servers."""
PORTS = {
    "http": 80,
    "https": 443,
    "smtp": 25,
    "dns": 53,
    "ping": 0,
    "misc": 0,
    "redis": 6379,
    "mysql": 3306,
    "postgresql": 5432,
}
"""What a target without a port means; where there is none it must be said."""
_WAYS = (*TYPES, *COMBINATIONS, VIRTUAL_SERVER)
_OF_RUNS = ("interval", "timeout", "rise", "fall", "init_fail")


def named_checks(said: Settings, defaults: Settings, findings: Findings) -> dict[str, Definition]:
    """All checks with a name, each with its value: None if it was wrong. said: the top level; defaults: global_defs."""
    around = Surroundings(
        groups={}, track_files=frozenset(), bfd_sessions=frozenset(), defaults=defaults, findings=findings
    )
    found = unique("check", said.get("checks", ()), findings)
    return {name: msgspec.structs.replace(one, value=_complete(one, around)) for name, one in found.items()}


def _complete(one: Definition, around: Surroundings) -> NamedCheck | CombinedCheck | None:
    ways = [keyword for keyword in _WAYS if keyword in one.settings.tried]
    if len(ways) != 1:
        flaw = f"says {' and '.join(ways)}: it is one of them" if ways else "does not say what is asked"
        message = f"check {one.name} {flaw}"
        place = one.settings.place(*ways[1:]) if ways else one.location
        around.fail(place, "check-type", message, f"one of {', '.join(_WAYS)}")
        return None
    value = one.settings.get(ways[0])
    if value is None:
        return None
    match value:
        case Combination():
            return _combined(one, value, ways[0], around)
        case ServiceEntry():
            return _of_virtual_server(one, value, around)
        case _:
            return _named(one, value, around)


# -- combinations --


def _of_virtual_server(one: Definition, said: ServiceEntry, around: Surroundings) -> CombinedCheck:
    """A combination of one: that there is such a virtual server is known when all is read."""
    _report_no_runs(one, VIRTUAL_SERVER, "the checks of its real servers", around)
    member = CombinedMember(TrackerKind.VIRTUAL_SERVER, str(said.service))
    return CombinedCheck(name=one.name, members=(member,), quorum=1, **_consequences(one.settings))


def _report_no_runs(one: Definition, way: str, where: str, around: Surroundings) -> None:
    for field in _OF_RUNS:
        if field in one.settings:
            message = f"check {one.name}: {field} has no effect: {way} runs nothing of its own"
            around.warn(one.settings.place(field), "no-runs", message, f"{field} in {where}")


def _combined(one: Definition, said: Combination, way: str, around: Surroundings) -> CombinedCheck | None:
    _report_no_runs(one, way, "the checks that it counts", around)
    seen: dict[str, Location] = {}
    for entry in said.members:
        if seen.setdefault(entry.member.key, entry.location) is not entry.location:
            message = f"check {one.name}: {entry.member.key} is counted twice: once is enough"
            around.warn(entry.location, "duplicate-entry", message, "remove one of them")
    members = tuple(dict.fromkeys(entry.member for entry in said.members))
    quorum = said.quorum or (len(members) if way == "all" else 1)
    if quorum > len(members):
        message = f"check {one.name}: quorum {quorum} of {len(members)}: it could never be up"
        around.fail(one.settings.place("quorum"), "out-of-range", message, f"quorum 1..{len(members)}")
        return None
    return CombinedCheck(name=one.name, members=members, quorum=quorum, **_consequences(one.settings))


def _consequences(said: Settings) -> dict[str, Any]:
    return {"weight": said.get("weight", Weight()), "flap_damping": said.get("flap_damping")}


# -- checks --


def _named(one: Definition, block: CheckBlock, around: Surroundings) -> NamedCheck | None:
    said = one.settings
    interval: int = said.get("interval", NS_PER_S)
    timeout: int = said.get("timeout", min(interval, LONGEST_TIMEOUT_NS))
    if timeout > interval:
        message = f"check {one.name}: timeout {timeout / NS_PER_S:g} is longer than interval {interval / NS_PER_S:g}: "
        message += "a server that does not answer is noticed that much later"
        around.warn(said.place("timeout"), "timeout-above-interval", message, f"at most {interval / NS_PER_S:g}")
    endpoint = _endpoint(one, block, around)
    if endpoint is None:
        return None
    runs = Settings(said.location)
    runs.values = {
        "delay_loop": interval,
        "retry": 0,
        "delay_before_retry": interval,
        "warmup": 0,
        "alpha": said.get("init_fail", False),
        "connect_timeout": timeout,
    }
    command = Settings(said.location)
    command.values = {"delay_loop": timeout}  # the patience with a command, if it says none itself
    server = Server(
        name=f"check {one.name}",
        endpoint=endpoint,
        family=_family(endpoint.address, block.settings),
        own=runs,
        outer=command,
        around=around,
    )
    (check,) = (_NATIVE.get(block.keyword) or builder(block.keyword))(block, server)
    check = msgspec.structs.replace(
        check, rise=said.get("rise", 1), fall=said.get("fall", 1), start_to_start=True, first_run_retry=False
    )
    return NamedCheck(name=one.name, check=check, **_consequences(said))


def _endpoint(one: Definition, block: CheckBlock, around: Surroundings) -> Endpoint | None:
    """Who is asked. None after a report."""
    if block.keyword == "misc":
        return Endpoint("")
    said = block.settings
    target: Target | None = said.get("target")
    if target is None:
        if "target" not in said.tried:
            message = f"check {one.name}: target is missing"
            around.fail(said.location, "missing-keyword", message, "target ADDRESS PORT")
        return None
    port = PORTS.get(block.keyword) if target.port is None else target.port
    if port is None:
        message = f"check {one.name}: {block.keyword} has no port of its own"
        around.fail(said.place("target"), "missing-argument", message, f"target {target.host} PORT")
        return None
    if block.keyword == "ping" and target.port is not None:
        message = f"check {one.name}: port {target.port} is skipped: an echo has none"
        around.warn(said.place("target"), "extra-arguments", message, f"target {target.host}")
        port = 0
    return Endpoint(target.host, port)


def _family(host: str, said: Settings) -> Family:
    """That of the address; of a name nobody knows it, so whatever bindto says is right."""
    source: Address | None = said.get("bindto")
    known = parse_address(host) or source
    return known.family if known else Family.IPV4


def _tls(said: Settings, server: Server) -> dict[str, Any]:
    found = {field: said.get(field) for field in TLS_FIELDS if field in said}
    for field in TLS_FIELDS[1:]:
        if field in said and not said.get("tls", said.get("starttls", False)):
            server.around.warn(said.place(field), "no-tls", f"{server.name}: {field} has no effect without tls", "tls")
            break
    if ("tls_key" in said) is not ("tls_certificate" in said):
        message = f"{server.name}: tls_certificate and tls_key belong together"
        server.around.fail(said.place("tls_key", "tls_certificate"), "missing-keyword", message, "say both")
    return found


TLS_FIELDS = ("tls", "tls_verify", "tls_name", "tls_ca", "tls_certificate", "tls_key", "tls_expiry_days")


def _login(said: Settings, server: Server, needs_user: bool) -> dict[str, Any]:
    """needs_user: without one nobody can ask for the role."""
    found = {field: said.get(field) for field in ("user", "password_file") if field in said}
    if "role" in said:
        found["role"] = Role(said.get("role"))
        if needs_user and "user" not in said:
            message = f"{server.name}: role is known to users only: without user nothing is asked"
            server.around.fail(said.place("role"), "missing-keyword", message, "user NAME, password_file PATH")
    if needs_user and "password_file" in said and "user" not in said:
        message = f"{server.name}: password_file has no effect without user"
        server.around.warn(said.place("password_file"), "no-user", message, "user NAME")
    return found


def _smtp(block: CheckBlock, server: Server) -> Iterator[AnyCheck]:
    said = block.settings
    fields = {field: said.get(field) for field in ("helo_name", "starttls") if field in said}
    fields["multiline"] = said.get("multiline", True)
    if said.get("starttls") and said.get("tls"):
        message = f"{server.name}: tls and starttls: TLS begins at once or later, not both"
        server.around.fail(said.place("starttls"), "starttls", message, "one of them")
    if said.get("starttls") and not fields["multiline"]:
        message = f"{server.name}: starttls needs multiline: the answer to EHLO has several lines"
        server.around.fail(said.place("multiline"), "starttls", message, "multiline on")
    yield SmtpCheck(**fields, **_tls(said, server), **network(said, server))


def _redis(block: CheckBlock, server: Server) -> Iterator[AnyCheck]:
    said = block.settings
    link: bool = said.get("replication_link", False)
    if link and said.get("role") != Role.REPLICA:
        message = f"{server.name}: replication_link is for a replica"
        server.around.warn(said.place("replication_link"), "no-replica", message, "role replica")
    fields = _login(said, server, needs_user=False)
    yield RedisCheck(replication_link=link, **fields, **_tls(said, server), **network(said, server))


def _mysql(block: CheckBlock, server: Server) -> Iterator[AnyCheck]:
    said = block.settings
    yield MysqlCheck(**_login(said, server, True), **_tls(said, server), **network(said, server))


def _postgresql(block: CheckBlock, server: Server) -> Iterator[AnyCheck]:
    said = block.settings
    fields = {"database": said.get("database", ""), **_login(said, server, True)}
    yield PostgresqlCheck(**fields, **_tls(said, server), **network(said, server))


def _grpc(block: CheckBlock, server: Server) -> Iterator[AnyCheck]:
    said = block.settings
    fields = {field: said.get(field) for field in ("service", "authority") if field in said}
    yield GrpcCheck(**fields, **_tls(said, server), **network(said, server))


_NATIVE: Mapping[str, Callable[[CheckBlock, Server], Iterator[AnyCheck]]] = {
    "smtp": _smtp,
    "redis": _redis,
    "mysql": _mysql,
    "postgresql": _postgresql,
    "grpc": _grpc,
}
"""Those that no real server of keepalived has, or that say more here."""
