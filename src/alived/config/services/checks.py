"""Checks of a real server: from what the blocks say to values with everything inherited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from alived.base import NS_PER_S, Location
from alived.config.keywords.checkers import CheckBlock
from alived.config.keywords.converters import Address, parse_address
from alived.config.keywords.http import OF_TLS
from alived.config.keywords.table import Settings, did_you_mean
from alived.config.services.levels import Server, inherited
from alived.config.services.urls import complete_urls
from alived.health.config import (
    CONNECT_TIMEOUT_NS,
    DELAY_LOOP_NS,
    HELO_NAME,
    AnyCheck,
    BfdCheck,
    DnsCheck,
    DnsType,
    FileCheck,
    HttpCheck,
    HttpProtocol,
    MiscCheck,
    PingCheck,
    SmtpCheck,
    TcpCheck,
    UdpCheck,
)

RETRY = 1
DNS_RETRY = 3
MISC_RETRY = 0
RETRY_DELAY_NS = NS_PER_S
HTTP_RETRY_DELAY_NS = 3 * NS_PER_S


def complete_checks(blocks: Iterable[CheckBlock], server: Server) -> tuple[AnyCheck, ...]:
    """All checks of a real server in the order of the text."""
    found = [check for block in blocks for check in _BUILDERS[block.keyword](block, server)]
    _report_same_session(blocks, server)
    return tuple(found)


def _schedule(said: Settings, server: Server, retry: int = RETRY, delay: int | None = RETRY_DELAY_NS) -> dict[str, Any]:
    """delay None: delay_before_retry is delay_loop if nobody says it."""
    levels = said, server.own, server.outer
    delay_loop: int = inherited("delay_loop", DELAY_LOOP_NS, *levels)
    return {
        "delay_loop_ns": delay_loop,
        "retry": inherited("retry", retry, *levels),
        "delay_before_retry_ns": inherited("delay_before_retry", delay_loop if delay is None else delay, *levels),
        "warmup_ns": inherited("warmup", delay_loop, *levels),
        "alpha": inherited("alpha", False, *levels),
        "rise": said.get("rise", 1),
        "fall": said.get("fall", 1),
        "log_all_failures": said.get("log_all_failures", server.around.defaults.get("checker_log_all_failures", False)),
    }


def _connection(said: Settings, server: Server, needs_port: bool = True) -> dict[str, Any]:
    """Whom to ask, and how."""
    target: Address | None = said.get("connect_ip")
    source: Address | None = said.get("bindto")
    port: int = said.get("connect_port", server.endpoint.port)
    _check_addresses(target, source, said, server)
    if needs_port and not port and "connect_port" not in said.tried:
        message = f"{server.name}: the server has no port: this check asks port 0 and always fails"
        server.around.warn(said.location, "no-port", message, "connect_port 80")
    return {
        "connect_ip": target.text if target else server.endpoint.address,
        "connect_port": port,
        "bindto": source.text if source else "",
        "bind_port": said.get("bind_port", 0),
        "bind_if": said.get("bind_if", ""),
        "connect_timeout_ns": inherited("connect_timeout", CONNECT_TIMEOUT_NS, said, server.own, server.outer),
        "fwmark": said.get("fwmark", 0),
    }


def _check_addresses(target: Address | None, source: Address | None, said: Settings, server: Server) -> None:
    family = target.family if target else server.family
    if source is not None and source.family is not family:
        message = f"{server.name}: bindto {source.text} is not of the family of the address that is asked"
        server.around.fail(said.place("bindto"), "family-mismatch", message, "an address of the same family")
    asked = target or (parse_address(server.endpoint.address) if ":" in server.endpoint.address else None)
    if asked is not None and asked.is_link_local and ":" in asked.text and "bind_if" not in said.tried:
        message = f"{server.name}: {asked.text} is link-local: without an interface nobody knows where it is"
        server.around.fail(said.place("connect_ip"), "missing-keyword", message, "bind_if NAME")


def network(said: Settings, server: Server, **defaults: Any) -> dict[str, Any]:
    """The fields of a NetworkCheck. defaults: of `_schedule`."""
    fields = {**_schedule(said, server, **defaults), **_connection(said, server)}
    _check_patience("connect_timeout", fields["connect_timeout_ns"], fields["delay_loop_ns"], said, server)
    return fields


def _check_patience(field: str, timeout: int, delay_loop: int, said: Settings, server: Server) -> None:
    """A check that waits longer than its period finds a dead server later than the period promises."""
    if timeout > delay_loop and field in said:
        message = f"{server.name}: {field} {timeout / NS_PER_S:g} is longer than delay_loop {delay_loop / NS_PER_S:g}: "
        message += "a server that does not answer is checked less often than that"
        server.around.warn(said.place(field), "timeout-above-interval", message, f"{field} below delay_loop")


def _tcp(block: CheckBlock, server: Server) -> Iterable[AnyCheck]:
    return (TcpCheck(**network(block.settings, server)),)


def _ping(block: CheckBlock, server: Server) -> Iterable[AnyCheck]:
    said = block.settings
    return (PingCheck(**_schedule(said, server), **_connection(said, server, needs_port=False)),)


def _udp(block: CheckBlock, server: Server) -> Iterable[AnyCheck]:
    said = block.settings
    reply, mask = said.get("require_reply", (b"", b""))
    low, high = said.get("min_reply_length", 0), said.get("max_reply_length", 255)
    if low > high:
        message = f"{server.name}: min_reply_length {low} is above max_reply_length {high}: no answer is right"
        server.around.fail(said.place("min_reply_length"), "out-of-range", message, f"min_reply_length 0..{high}")
    check = UdpCheck(
        payload=said.get("payload", b""),
        require_reply="require_reply" in said,
        reply=reply,
        reply_mask=mask,
        min_reply_length=low,
        max_reply_length=high,
        **network(said, server),
    )
    return (check,)


def _dns(block: CheckBlock, server: Server) -> Iterable[AnyCheck]:
    said = block.settings
    fields = network(said, server, retry=DNS_RETRY, delay=None)
    return (DnsCheck(type=said.get("type", DnsType.SOA), name=said.get("name", "."), **fields),)


def _http(block: CheckBlock, server: Server) -> Iterable[AnyCheck]:
    said = block.settings
    sni_name: str = said.get("sni_name", "")
    check = HttpCheck(
        urls=complete_urls(block, server),
        tls=block.keyword in ("SSL_GET", "https"),
        http_protocol=said.get("http_protocol", HttpProtocol.HTTP_1_0),
        enable_sni=said.get("enable_sni", bool(sni_name)),
        sni_name=sni_name,
        fast_recovery=said.get("fast_recovery", False),
        **_tls(said, server),
        **network(said, server, delay=HTTP_RETRY_DELAY_NS),
    )
    return (check,)


def _tls(said: Settings, server: Server) -> dict[str, Any]:
    if ("tls_key" in said) is not ("tls_certificate" in said):
        message = f"{server.name}: tls_certificate and tls_key belong together"
        server.around.fail(said.place("tls_key", "tls_certificate"), "missing-keyword", message, "say both")
    return {row.name: said.get(row.name) for row in OF_TLS if row.name in said}


_OF_CONNECTION = ("connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "connect_timeout", "fwmark")


def _smtp(block: CheckBlock, server: Server) -> Iterable[AnyCheck]:
    """Each `host` is a check of its own; beside hosts the block itself is one if it says how to connect.

    What hosts say about the schedule counts for the whole block, the last one's word (as in keepalived).
    """
    said = block.settings
    hosts: tuple[CheckBlock, ...] = said.get("host", ())
    schedule = _schedule(said, server)
    for host in hosts:
        schedule.update({field: value for field, value in _own_schedule(host.settings).items() if value is not None})
    places = [host.settings for host in hosts]
    if not hosts or any(field in said for field in _OF_CONNECTION):
        places.insert(0, said)
    for place in places:
        connection = _connection(place, server)
        _check_patience("connect_timeout", connection["connect_timeout_ns"], schedule["delay_loop_ns"], place, server)
        yield SmtpCheck(helo_name=said.get("helo_name", HELO_NAME), **schedule, **connection)


def _own_schedule(said: Settings) -> dict[str, Any]:
    return {
        "delay_loop_ns": said.get("delay_loop"),
        "retry": said.get("retry"),
        "delay_before_retry_ns": said.get("delay_before_retry"),
        "warmup_ns": said.get("warmup"),
        "alpha": said.get("alpha"),
        "log_all_failures": said.get("log_all_failures"),
        "rise": said.get("rise"),
        "fall": said.get("fall"),
    }


def _misc(block: CheckBlock, server: Server) -> Iterable[AnyCheck]:
    said = block.settings
    argv: tuple[str, ...] = _needed("misc_path", block, server, 'misc_path "COMMAND"') or ()
    user, group = said.get("user", ("", ""))
    schedule = _schedule(said, server, retry=MISC_RETRY)
    seconds: int = said.get("misc_timeout", 0)
    timeout = seconds * NS_PER_S or server.outer.get("delay_loop", DELAY_LOOP_NS)
    _check_patience("misc_timeout", timeout, schedule["delay_loop_ns"], said, server)
    check = MiscCheck(
        argv=argv,
        user=user,
        group=group,
        misc_timeout_ns=timeout,
        misc_dynamic=said.get("misc_dynamic", False),
        **schedule,
    )
    return (check,)


def _file(block: CheckBlock, server: Server) -> Iterable[AnyCheck]:
    """It knows its state at once: no alpha."""
    name: str | None = _needed("track_file", block, server, "track_file NAME")
    _check_known("track_file", name, server.around.track_files, block.settings.place("track_file"), server)
    return (FileCheck(track_file=name or "", weight=block.settings.get("weight")),)


def _bfd(block: CheckBlock, server: Server) -> Iterable[AnyCheck]:
    name: str | None = _needed("name", block, server, "name NAME")
    _check_known("bfd_instance", name, server.around.bfd_sessions, block.settings.place("name"), server)
    return (BfdCheck(name=name or "", alpha=inherited("alpha", False, block.settings, server.own, server.outer)),)


def _needed(field: str, block: CheckBlock, server: Server, hint: str) -> Any:
    said = block.settings
    if field not in said and field not in said.tried:
        message = f"{server.name}: {block.keyword} without {field} checks nothing"
        server.around.fail(said.location, "missing-keyword", message, hint)
    return said.get(field)


def _check_known(kind: str, name: str | None, known: frozenset[str], place: Location, server: Server) -> None:
    if name is not None and name not in known:
        message = f"{server.name}: there is no {kind} {name!r}"
        hint = did_you_mean(name, known) or f"{kind} {name} {{ ... }}"
        server.around.fail(place, f"unknown-{kind.replace('_', '-')}", message, hint)


def _report_same_session(blocks: Iterable[CheckBlock], server: Server) -> None:
    seen: set[str] = set()
    for block in blocks:
        if block.keyword != "BFD_CHECK" or "name" not in block.settings:
            continue
        name = block.settings.get("name")
        if name in seen:
            message = f"{server.name}: bfd_instance {name!r} is checked twice"
            server.around.warn(block.settings.place("name"), "duplicate-entry", message, "remove one of them")
        seen.add(name)


Builder = Callable[[CheckBlock, Server], Iterable[AnyCheck]]

_BUILDERS: Mapping[str, Builder] = {
    "TCP_CHECK": _tcp,
    "HTTP_GET": _http,
    "SSL_GET": _http,
    "SMTP_CHECK": _smtp,
    "DNS_CHECK": _dns,
    "MISC_CHECK": _misc,
    "UDP_CHECK": _udp,
    "PING_CHECK": _ping,
    "FILE_CHECK": _file,
    "BFD_CHECK": _bfd,
}
_OWN_WORDS = {
    "tcp": "TCP_CHECK",
    "http": "HTTP_GET",
    "https": "SSL_GET",
    "dns": "DNS_CHECK",
    "misc": "MISC_CHECK",
    "udp": "UDP_CHECK",
    "ping": "PING_CHECK",
}
"""A check with a name -> the check of a real server whose words it has."""


def builder(kind: str) -> Builder:
    """Of a kind of named checks that real servers have, too."""
    return _BUILDERS[_OWN_WORDS[kind]]
