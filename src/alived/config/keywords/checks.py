"""Tables of `check NAME { ... }`: alived's own checks, which need no script, and combinations of trackers.

What is asked stands in a block of its own (`tcp { ... }`); its words are those of keepalived's block for a real server
(TCP_CHECK), without those that say when to ask, and with `target` in place of connect_ip and connect_port. When to ask
and how results count is said beside it, in the words of `vrrp_script`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from alived.base import Location
from alived.config.findings import Findings
from alived.config.keywords.checkers import (
    DNS_CHECK,
    HTTP_GET,
    MISC_CHECK,
    SSL_GET,
    TCP_CHECK,
    UDP_CHECK,
    CheckBlock,
)
from alived.config.keywords.converters import (
    Converter,
    FileUse,
    boolean,
    check_no_more,
    choice,
    flag,
    integer,
    invalid,
    parse_address,
    parse_integer,
    seconds,
    word,
)
from alived.config.keywords.definitions import definition
from alived.config.keywords.endpoints import MAX_PORT, read_service
from alived.config.keywords.http import EXPIRY
from alived.config.keywords.product import path
from alived.config.keywords.table import Keyword, Table, read_settings, table, works
from alived.config.keywords.trackers import FLAP_DAMPING, MAX_COUNT, MAX_SECONDS, weight
from alived.config.text.blocks import Block, Word
from alived.health.checks_config import CombinedMember
from alived.health.config import HELO_NAME, Role
from alived.health.trackers_config import MAX_WEIGHT, TrackerKind

KINDS = tuple(kind for kind in TrackerKind if kind is not TrackerKind.VIRTUAL_SERVER)
"""What a combination counts; a name alone is a check."""
MAX_MEMBERS = 1000
_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}\.?)*\Z")
_OF_A_SERVER = {
    "connect_ip",
    "connect_port",
    "connect_timeout",
    "delay_loop",
    "retry",
    "nb_get_retry",
    "delay_before_retry",
    "warmup",
    "alpha",
    "log_all_failures",
    "rise",
    "fall",
    "fast_recovery",
    "host",
    "misc_timeout",
    "misc_dynamic",
}
"""Words of a real server's checks that are said otherwise here, or mean nothing."""


class Target(msgspec.Struct, frozen=True):
    """host: an address or a name that the DNS knows. port None: that of the kind of check."""

    host: str
    port: int | None


def target() -> Converter:
    def read(block: Block, findings: Findings) -> Target | None:
        if not block.arguments:
            findings.error(block.location, "missing-argument", "'target' needs a value", "target 192.0.2.1 80")
            return None
        check_no_more(block, 2, findings)
        host, *rest = block.arguments[:2]
        found = parse_address(host.text)
        if found is None and not _is_name(host.text):
            invalid(host, block.keyword, "an address or a name, then the port: target 192.0.2.1 80", findings)
            return None
        port = parse_integer(rest[0], 1, MAX_PORT, "port", findings) if rest else None
        return None if rest and port is None else Target(found.text if found else host.text, port)

    return Converter("HOST [PORT]", "192.0.2.1 80", read)


def _is_name(text: str) -> bool:
    """Digits and dots alone are an address that is wrong."""
    return _HOST.match(text) is not None and not re.fullmatch("[0-9.]+", text)


class MemberEntry(msgspec.Struct, frozen=True):
    member: CombinedMember
    location: Location


class Combination(msgspec.Struct, frozen=True):
    """quorum None: of `all` and `any`, whose keyword says it."""

    members: tuple[MemberEntry, ...]
    quorum: int | None = None


def _members(words: Iterable[Word], findings: Findings) -> tuple[MemberEntry, ...] | None:
    """`[script|process|file|gateway|unit|check] NAME ...`; None after a report."""
    found: list[MemberEntry] = []
    kind: TrackerKind | None = None
    # A document may say "script NAME" in one word.
    for text, place in ((text, one.location) for one in words for text in one.text.split()):
        if kind is None and text in KINDS:
            kind = TrackerKind(text)
            continue
        found.append(MemberEntry(CombinedMember(kind or TrackerKind.CHECK, text), place))
        kind = None
    if kind:
        findings.error(place, "missing-argument", f"{str(kind)!r} needs a name behind it", f"{kind} NAME")
        return None
    return tuple(found)


def combination() -> Converter:
    """`NAME...`"""

    def read(block: Block, findings: Findings) -> Combination | None:
        return _combination(block, block.arguments, None, findings)

    return Converter("[script|process|file|gateway|unit] NAME...", "one two", read)


def counted_combination() -> Converter:
    """`NUMBER NAME...`"""

    def read(block: Block, findings: Findings) -> Combination | None:
        quorum = parse_integer(block.arguments[0], 1, MAX_MEMBERS, "quorum", findings) if block.arguments else 0
        return None if quorum is None else _combination(block, block.arguments[1:], quorum, findings)

    return Converter("NUMBER [script|process|file|gateway|unit] NAME...", "2 one two three", read)


def _combination(block: Block, words: tuple[Word, ...], quorum: int | None, findings: Findings) -> Combination | None:
    members = _members(words, findings)
    if members == ():
        message = f"{block.keyword!r} needs names of checks"
        example = "2 one two three" if block.keyword == "quorum" else "one two"
        findings.error(block.location, "missing-argument", message, f"{block.keyword} {example}")
    return Combination(members, quorum) if members else None


_ASK = tuple(
    row
    for row in (works("target", target(), "Who is asked: an address or a name, and the port."), *TCP_CHECK.values())
    if row.name not in _OF_A_SERVER
)
_TLS = (
    works("tls", boolean(), "Speak TLS.", default="off"),
    works("tls_verify", boolean(), "The certificate must be right and for that name.", default="off"),
    works("tls_name", word("NAME", "db.example.com"), "Name of the server in TLS (SNI).", default="none is said"),
    works("tls_ca", path(FileUse.PUBLIC_OF_WORKER), "Authorities that are trusted.", default="those of the system"),
    works("tls_certificate", path(FileUse.PUBLIC_OF_WORKER), "Our certificate.", default="none"),
    works("tls_key", path(FileUse.PRIVATE), "Its key.", default="none"),
    EXPIRY,
)
_LOGIN = (
    works("user", word("NAME", "monitor"), "Who logs in.", default="nobody"),
    works("password_file", path(FileUse.PRIVATE), "File whose first line is the password.", default="none"),
    works("role", choice(*Role), "What the server must be.", default="any"),
)


def _like(rows: Table) -> tuple[Keyword, ...]:
    """What a check of a real server can say and `target` and its companions do not."""
    known = {row.name for row in _ASK}
    return tuple(row for row in rows.values() if row.name not in _OF_A_SERVER | known)


TYPES: dict[str, Table] = {
    "tcp": table("in tcp of check", _ASK),
    "http": table("in http of check", _ASK, _like(HTTP_GET)),
    "https": table("in https of check", _ASK, _like(SSL_GET)),
    "smtp": table(
        "in smtp of check",
        _ASK,
        works("helo_name", word("NAME", "lb.example.com"), "Our name in HELO.", default=HELO_NAME),
        works("multiline", boolean(), "Answers of several lines are right too.", default="on"),
        works("starttls", boolean(), "TLS by STARTTLS; tls: from the start.", default="off"),
        _TLS,
    ),
    "dns": table("in dns of check", _ASK, _like(DNS_CHECK)),
    "udp": table("in udp of check", _ASK, _like(UDP_CHECK)),
    "ping": table("in ping of check", _ASK),
    "misc": table("in misc of check", _like(MISC_CHECK)),
    "redis": table(
        "in redis of check",
        _ASK,
        _LOGIN,
        works("replication_link", boolean(), "A replica must have its link to its master.", default="off"),
        _TLS,
    ),
    "mysql": table("in mysql of check", _ASK, _LOGIN, _TLS),
    "postgresql": table(
        "in postgresql of check",
        _ASK,
        _LOGIN,
        works("database", word("NAME", "app"), "Which one is opened.", default="that of the user's name"),
        _TLS,
    ),
    "grpc": table(
        "in grpc of check",
        _ASK,
        works("service", word("NAME", "shop.Cart"), "Which service of the server.", default="the server as a whole"),
        works("authority", word("NAME", "shop.example.com"), "Host in the request.", default="tls_name or target"),
        _TLS,
    ),
}
"""Kind of check -> what can be said about it."""
COMBINATIONS = ("all", "any", "quorum")
VIRTUAL_SERVER = "virtual_server"
"""What such a check looks at: the quorum of one"""

_MEANINGS = {
    "tcp": "The port takes connections.",
    "http": "Pages are answered as they should.",
    "https": "The same over TLS.",
    "smtp": "A mail server greets and answers HELO.",
    "dns": "A name server answers.",
    "udp": "The port is not refused, or answers.",
    "ping": "An ICMP echo is answered.",
    "misc": "A command succeeds.",
    "redis": "Redis answers PING and is what it must be.",
    "mysql": "MySQL or MariaDB greets, lets the user in and is what it must be.",
    "postgresql": "PostgreSQL takes connections and is what it must be.",
    "grpc": "grpc.health.v1.Health says SERVING.",
}
_EXAMPLES = {
    "http": "{\ntarget 192.0.2.1 80\nurl {\npath /\n}\n}",
    "https": "{\ntarget 192.0.2.1 443\nurl {\npath /\n}\n}",
    "ping": "{\ntarget 192.0.2.1\n}",
    "misc": '{\nmisc_path "/usr/local/bin/check.sh"\n}',
}
_EXAMPLE = "{\ntarget 192.0.2.1 80\n}"


def _type_block(rows: Table, example: str) -> Converter:
    def read(block: Block, findings: Findings) -> CheckBlock:
        check_no_more(block, 0, findings)
        return CheckBlock(block.keyword, read_settings(block, rows, findings))

    return Converter("{ ... }", example, read, block=True)


CHECK = table(
    "in check",
    (
        works(name, _type_block(rows, _EXAMPLES.get(name, _EXAMPLE)), _MEANINGS[name], children=rows)
        for name, rows in TYPES.items()
    ),
    works("all", combination(), "Up while all of these are."),
    works("any", combination(), "Up while one of these is."),
    works("quorum", counted_combination(), "Up while so many of these are."),
    works(
        VIRTUAL_SERVER,
        Converter("ADDRESS [PORT] | fwmark NUMBER | group NAME", "192.0.2.9 80", read_service),
        "Up while this virtual server has its quorum.",
    ),
    works("interval", seconds(0.01, MAX_SECONDS, "2"), "Time between two runs.", default="1"),
    works(
        "timeout",
        seconds(0.001, MAX_SECONDS, "1"),
        "Patience with the connection and with each answer; of misc: with the whole run.",
        default="interval, 5 at most",
    ),
    works("rise", integer(1, MAX_COUNT, 2), "Successes in a row before it is up.", default="1"),
    works("fall", integer(1, MAX_COUNT, 2), "Failures in a row before it is down.", default="1"),
    works("init_fail", flag(), "It is down until it has risen.", default="off"),
    works("weight", weight(MAX_WEIGHT), "Change of the priority; 0: FAULT while it is down.", default="0"),
    FLAP_DAMPING,
)


def check() -> Converter:
    """`check NAME { ... }`; what it comes to is made when all blocks are read."""
    return definition(CHECK, example="web {\ntcp {\ntarget 192.0.2.1 80\n}\n}")
