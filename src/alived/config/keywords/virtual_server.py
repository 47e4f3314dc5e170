"""Tables of `virtual_server` and its `real_server`s, and of `SSL`: every keyword that keepalived knows there."""

from __future__ import annotations

import msgspec

from alived.config.findings import Findings
from alived.config.keywords.balancing import engine, forwarding, granularity, ip_family, persistence_timeout, protocol
from alived.config.keywords.checkers import (
    CHECKS,
    LONGEST_TIMEOUT_S,
    MAX_UINT,
    MOMENT_S,
    timer,
)
from alived.config.keywords.converters import (
    Converter,
    FileUse,
    boolean,
    check_no_more,
    choice,
    command,
    flag,
    integer,
    seconds,
    word,
)
from alived.config.keywords.endpoints import EndpointEntry, ServiceEntry, endpoint, read_endpoint, read_service
from alived.config.keywords.table import Keyword, Settings, no_effect, read_settings, table, works
from alived.config.text.blocks import Block
from alived.lvs.config import Scheduler

MAX_WEIGHT = 0x7FFFFFFF


class RealServerBlock(msgspec.Struct, frozen=True):
    entry: EndpointEntry
    settings: Settings


class VirtualServerBlock(msgspec.Struct, frozen=True):
    entry: ServiceEntry
    settings: Settings


def _check_defaults(whose: str) -> tuple[Keyword, ...]:
    """What checks do not say themselves."""
    return (
        works("delay_loop", timer(MOMENT_S, "6"), "Time between two runs of a check.", default=whose or "60"),
        works(
            "connect_timeout",
            seconds(MOMENT_S, LONGEST_TIMEOUT_S, "3"),
            "Patience of a check with a connection and an answer.",
            default=whose or "5",
        ),
        works(
            "retry",
            integer(1, MAX_UINT, 3),
            "Further tries of a check before a failure counts.",
            default=whose or "1; DNS_CHECK 3, MISC_CHECK 0",
        ),
        works(
            "delay_before_retry",
            timer(),
            "Time before such a try.",
            default=whose or "1; HTTP_GET and SSL_GET 3, DNS_CHECK delay_loop",
        ),
        works(
            "warmup",
            timer(),
            "The first run of a check is at a random time within it.",
            default=whose or "delay_loop",
        ),
    )


_VIRTUAL_SERVERS = "that of the virtual server"

REAL_SERVER = table(
    "in real_server",
    works("weight", integer(0, MAX_WEIGHT, 1), "Its share of connections; 0: no new ones.", default=_VIRTUAL_SERVERS),
    works("lvs_method", forwarding(), "How packets get there.", default=_VIRTUAL_SERVERS),
    works("uthreshold", integer(0, MAX_UINT, 100), "No new connections above so many; 0: no limit.", default="0"),
    works("lthreshold", integer(0, MAX_UINT, 50), "New ones again below so many; 0: 3/4 of uthreshold.", default="0"),
    works("inhibit_on_failure", boolean(), "Weight 0, not removal, when it is down.", default=_VIRTUAL_SERVERS),
    works("alpha", boolean(), "Not in the pool until its checks have succeeded.", default=_VIRTUAL_SERVERS),
    works("notify_up", command(), "Command when it comes up."),
    works("notify_down", command(), "Command when it goes down."),
    works("smtp_alert", boolean(), "Mail on changes.", default="smtp_alert_checker, smtp_alert; on"),
    works("virtualhost", word("NAME", "www.example.com"), "Host in requests of checks.", default=_VIRTUAL_SERVERS),
    works("snmp_name", word("NAME", "web1"), "Name in SNMP.", default="none"),
    _check_defaults(_VIRTUAL_SERVERS),
    CHECKS,
)


def _real_server() -> Converter:
    def read(block: Block, findings: Findings) -> tuple[RealServerBlock, ...] | None:
        settings = read_settings(block, REAL_SERVER, findings)
        entry = read_endpoint(block, findings)
        return (RealServerBlock(entry, settings),) if entry else None

    return Converter("ADDRESS [PORT] { ... }", "192.0.2.20 80 {\n}", read, block=True, merge="append")


def virtual_server() -> Converter:
    def read(block: Block, findings: Findings) -> tuple[VirtualServerBlock, ...] | None:
        settings = read_settings(block, VIRTUAL_SERVER, findings)
        entry = read_service(block, findings)
        return (VirtualServerBlock(entry, settings),) if entry else None

    shape = "ADDRESS [PORT] | fwmark NUMBER | group NAME { ... }"
    example = "192.0.2.9 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 192.0.2.20 80 {\n}\n}"
    return Converter(shape, example, read, block=True, merge="append")


_BALANCING = (
    works("lvs_sched", choice(*Scheduler), "Which server gets a new connection.", default="wlc"),
    works("lb_algo", choice(*Scheduler), "The same.", field="lvs_sched"),
    works("lvs_method", forwarding(), "How packets get to real servers.", default="NAT"),
    works("lb_kind", forwarding(), "The same.", field="lvs_method"),
    works("protocol", protocol(), "Not for fwmark.", default="UDP"),
    works("ops", flag(), "Each packet is scheduled by itself (UDP).", default="off"),
    works("flag-1", flag(), "First flag of the scheduler.", default="off"),
    works("flag-2", flag(), "Second flag of the scheduler.", default="off"),
    works("flag-3", flag(), "Third flag of the scheduler.", default="off"),
    works("sh-port", flag(), "sh: ports count too.", default="off"),
    works("sh-fallback", flag(), "sh: another server if that one does not serve.", default="off"),
    works("mh-port", flag(), "mh: ports count too.", default="off"),
    works("mh-fallback", flag(), "mh: another server if that one does not serve.", default="off"),
    no_effect("hashed", "A flag of old kernels.", "no scheduler has it", converter=flag()),
    works("persistence_timeout", persistence_timeout(), "Seconds that a client stays.", default="0; 360 if just said"),
    works("persistence_granularity", granularity(), "Clients of a subnet stay together.", default="each by itself"),
    works("persistence_engine", engine(), "What makes a client, such as sip.", default="its address"),
    works("ip_family", ip_family(), "Family of fwmark.", default="that of the servers"),
)

_POOL = (
    works("weight", integer(1, MAX_WEIGHT, 1), "Default of real servers.", default="1"),
    works("inhibit_on_failure", flag(), "Default of real servers: weight 0, not removal, when down.", default="off"),
    works("alpha", flag(), "Default of real servers: out of the pool until they are checked.", default="off"),
    works("omega", flag(), "Commands for down when the daemon stops, too.", default="off"),
    works("quorum", integer(1, MAX_UINT, 1), "Least sum of weights of servers that are up.", default="1"),
    works("hysteresis", integer(0, MAX_UINT, 0), "Lost at quorum less this, back at quorum and this.", default="0"),
    works("quorum_up", command(), "Command when the quorum is there again."),
    works("quorum_down", command(), "Command when the quorum is lost."),
    works("sorry_server", endpoint(), "Serves while the quorum is lost."),
    works("sorry_server_inhibit", flag(), "Weight 0, not removal, when it is not needed.", default="off"),
    works("sorry_server_lvs_method", forwarding(), "How packets get to it.", default=_VIRTUAL_SERVERS),
    works("ha_suspend", flag(), "No checks while its address is not on this machine.", default="off"),
    works("smtp_alert", boolean(), "Mail on quorum changes.", default="smtp_alert_checker, smtp_alert; off"),
    works("virtualhost", word("NAME", "www.example.com"), "Host in requests of checks.", default="the address"),
    works("snmp_name", word("NAME", "web"), "Name in SNMP.", default="none"),
    works(
        "real_server",
        _real_server(),
        "A server of the pool.",
        field="real_servers",
        children=REAL_SERVER,
        repeats=True,
    ),
)

VIRTUAL_SERVER = table("in virtual_server", _BALANCING, _check_defaults(""), _POOL)


def _file(example: str, use: FileUse) -> Converter:
    return msgspec.structs.replace(word("FILE", example), file_use=use)


SSL = table(
    "in SSL",
    works("password", word("PASSWORD", "secret"), "Of the key."),
    works("ca", _file("/etc/ssl/ca.pem", FileUse.PUBLIC_OF_WORKER), "Authorities that are trusted."),
    works("certificate", _file("/etc/ssl/cert.pem", FileUse.PUBLIC_OF_WORKER), "Shown to servers that ask for one."),
    works("key", _file("/etc/ssl/key.pem", FileUse.PRIVATE), "Of the certificate."),
)


def ssl() -> Converter:
    def read(block: Block, findings: Findings) -> Settings:
        check_no_more(block, 0, findings)
        return read_settings(block, SSL, findings)

    return Converter("{ ... }", "{\nca /etc/ssl/ca.pem\n}", read, block=True)
