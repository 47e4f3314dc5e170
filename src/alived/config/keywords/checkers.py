"""Tables of the checks of a real_server: every keyword that keepalived knows there."""

from __future__ import annotations

import msgspec

from alived.config.findings import Findings
from alived.config.keywords.consequences import NO_BFD
from alived.config.keywords.converters import (
    Converter,
    address,
    boolean,
    check_no_more,
    escaped_text,
    flag,
    integer,
    interface,
    seconds,
    word,
)
from alived.config.keywords.endpoints import MAX_MARK, MAX_PORT
from alived.config.keywords.http import OF_TLS, OF_URL
from alived.config.keywords.probes import (
    digest,
    dns_name,
    dns_type,
    http_protocol,
    payload,
    regex_options,
    regex_stack,
    reply,
    status_codes,
)
from alived.config.keywords.shapes import user
from alived.config.keywords.table import Keyword, Settings, Table, not_yet, read_settings, table, works
from alived.config.keywords.trackers import MAX_COUNT, command_line, weight
from alived.config.text.blocks import Block
from alived.health.config import HELO_NAME

MAX_UINT = 0xFFFFFFFF
LONGEST_S = 999_999_999
"""Of a timer: thirty years; keepalived takes more."""
LONGEST_TIMEOUT_S = 4294.967295
MOMENT_S = 0.000001
MAX_OFFSET = (1 << 53) - 1
MAX_REPLY = 65535
MAX_FACTOR = 0x7FFFFFFF


class CheckBlock(msgspec.Struct, frozen=True):
    """A block of a check, or of a part of one."""

    keyword: str
    settings: Settings


def check_block(rows: Table, example: str) -> Converter:
    """`{ ... }` -> (CheckBlock,); all of them, of whatever kind, are one list in the order of the text."""

    def read(block: Block, findings: Findings) -> tuple[CheckBlock, ...]:
        check_no_more(block, 0, findings)
        return (CheckBlock(block.keyword, read_settings(block, rows, findings)),)

    return Converter("{ ... }", example, read, block=True, merge="append")


def timer(low_s: float = 0, example: str = "3") -> Converter:
    return seconds(low_s, LONGEST_S, example)


COUNTED = (
    works("rise", integer(1, MAX_COUNT, 2), "Successes in a row before it is up.", default="1"),
    works("fall", integer(1, MAX_COUNT, 2), "Failures in a row, each with its tries, before it is down.", default="1"),
)
"""alived's own: keepalived has only `retry`."""
_SCHEDULE = (
    works("delay_loop", timer(MOMENT_S, "6"), "Time from the end of a run to the next.", default="that of the server"),
    works("retry", integer(0, MAX_UINT, 3), "Further tries before a failure counts.", default="that of the server"),
    works("delay_before_retry", timer(), "Time before such a try.", default="that of the server"),
    works("warmup", timer(), "The first run is at a random time within it.", default="that of the server"),
    works("alpha", boolean(), "It counts as failed until its first success.", default="that of the server"),
    works("log_all_failures", boolean(), "Also log failures that do not change anything.", default="off"),
    *COUNTED,
)
_NETWORK = (
    works("connect_ip", address(), "Address that is asked.", default="that of the server"),
    works("connect_port", integer(1, MAX_PORT, 80), "Port that is asked.", default="that of the server"),
    works("bindto", address(), "Source address.", default="chosen by the kernel"),
    works("bind_port", integer(1, MAX_PORT, 4000), "Source port.", default="chosen by the kernel"),
    works("bind_if", interface(), "Interface; needed for link-local addresses.", default="chosen by the kernel"),
    works(
        "connect_timeout",
        seconds(MOMENT_S, LONGEST_TIMEOUT_S, "3"),
        "Patience with the connection and with each answer.",
        default="that of the server",
    ),
    works("fwmark", integer(0, MAX_MARK, 1), "Mark on its packets, for routing and the firewall.", default="none"),
    *_SCHEDULE,
)

TCP_CHECK = table("in TCP_CHECK", _NETWORK)

PING_CHECK = table("in PING_CHECK", _NETWORK)

UDP_CHECK = table(
    "in UDP_CHECK",
    _NETWORK,
    works("payload", payload(), "Octets to send.", default="32 octets of text"),
    works("require_reply", reply(), "Silence is a failure; what the answer begins with, x for any digit."),
    works("min_reply_length", integer(0, MAX_REPLY, 1), "Shortest answer.", default="0"),
    works("max_reply_length", integer(0, MAX_REPLY, 255), "Longest answer.", default="255"),
)

DNS_CHECK = table(
    "in DNS_CHECK",
    _NETWORK,
    works("type", dns_type(), "Type of the question.", default="SOA"),
    works("name", dns_name(), "Name in the question.", default=". (the root)"),
)

HOST = table("in host of SMTP_CHECK", _NETWORK)

SMTP_CHECK = table(
    "in SMTP_CHECK",
    works("helo_name", word("NAME", "lb.example.com"), "Our name in HELO.", default=HELO_NAME),
    _NETWORK,
    works(
        "host",
        check_block(HOST, "{\nconnect_port 25\n}"),
        "A check of its own with another address.",
        children=HOST,
        repeats=True,
        deprecated="a further SMTP_CHECK",
    ),
)

_URL = (
    works("path", word("PATH", "/"), "What is asked for; needed."),
    works("digest", digest(), "MD5 of the body."),
    works("status_code", status_codes(), "Codes that are right; several statements add up.", default="200-299"),
    works("virtualhost", word("NAME", "www.example.com"), "Host in the request.", default="that of the check"),
    works("regex", escaped_text("pattern", '"^ok$"'), "Pattern (PCRE2) that must occur in the body."),
    works("regex_no_match", flag(), "It must not occur.", default="off"),
    works("regex_options", regex_options(), "Options of PCRE2."),
    works("regex_min_offset", integer(0, MAX_OFFSET, 0), "First octet where it may begin.", default="0"),
    works("regex_max_offset", integer(0, MAX_OFFSET, 1024), "Last octet where it may begin.", default="none"),
    works("regex_stack", regex_stack(), "Memory for PCRE2: octets at first, and at most.", default="32768"),
    *OF_URL,
)
_TLS_COMPLIANT = works("tls_compliant", boolean(), "Close TLS as its RFC says.", default="off", since="2.2.8")
URL = table("in url", _URL)
SSL_URL = table("in url of SSL_GET", _URL, _TLS_COMPLIANT)


def _http_rows(url: Table) -> tuple[Keyword, ...]:
    return (
        *_NETWORK,
        works("nb_get_retry", integer(0, MAX_UINT, 3), "Old name of retry.", field="retry", deprecated="retry"),
        works("virtualhost", word("NAME", "www.example.com"), "Host in requests.", default="that of the server"),
        works("http_protocol", http_protocol(), "Version; C: with Connection: close.", default="1.0"),
        works("enable_sni", boolean(), "Say the name of the host in TLS.", default="off"),
        works("sni_name", word("NAME", "www.example.com"), "That name.", default="virtualhost", since="2.4.4"),
        works("fast_recovery", boolean(), "No wait between URLs until it is up.", default="off"),
        works(
            "url",
            check_block(url, "{\npath /\n}"),
            "A page that must answer; each is asked for in turn.",
            children=url,
            repeats=True,
        ),
    )


HTTP_GET = table("in HTTP_GET", _http_rows(URL))
SSL_GET = table("in SSL_GET", _http_rows(SSL_URL), _TLS_COMPLIANT, OF_TLS)

MISC_CHECK = table(
    "in MISC_CHECK",
    _SCHEDULE,
    works("misc_path", command_line(), "The command; exit status 0 is success."),
    works("misc_timeout", integer(0, 4294, 5), "Seconds that it may take.", default="delay_loop of the virtual server"),
    works("misc_dynamic", flag(), "Exit status 2 to 255 is success and sets the weight to it less 2.", default="off"),
    works("user", user(), "Who runs it.", default="script_user"),
)

FILE_CHECK = table(
    "in FILE_CHECK",
    works("track_file", word("NAME", "f"), "Name of a track_file; needed."),
    works(
        "weight",
        weight(MAX_FACTOR),
        "Number in the file x weight is added to that of the server; 0: any number but 0 is down.",
        default="that of the track_file",
    ),
)

BFD_CHECK = table(
    "in BFD_CHECK",
    works("name", word("NAME", "b"), "Name of a bfd_instance; needed."),
    works("alpha", boolean(), "It counts as failed until the session is up.", default="that of the server"),
)


def _check(name: str, rows: Table, meaning: str, example: str = "{\n}") -> Keyword:
    return works(name, check_block(rows, example), meaning, field="checks", children=rows, repeats=True)


CHECKS = (
    _check("TCP_CHECK", TCP_CHECK, "The port takes connections."),
    _check("HTTP_GET", HTTP_GET, "Pages are answered as they should.", "{\nurl {\npath /\n}\n}"),
    _check("SSL_GET", SSL_GET, "The same over TLS.", "{\nurl {\npath /\n}\n}"),
    _check("SMTP_CHECK", SMTP_CHECK, "A mail server greets and answers HELO."),
    _check("DNS_CHECK", DNS_CHECK, "A name server answers."),
    _check("MISC_CHECK", MISC_CHECK, "A command succeeds.", '{\nmisc_path "/usr/local/bin/check.sh"\n}'),
    _check("UDP_CHECK", UDP_CHECK, "The port is not refused, or answers."),
    _check("PING_CHECK", PING_CHECK, "An ICMP echo is answered."),
    _check("FILE_CHECK", FILE_CHECK, "The number in a file.", "{\ntrack_file f\n}"),
    not_yet(
        "BFD_CHECK",
        "A BFD session is up.",
        f"{NO_BFD}, so it never fails",
        converter=check_block(BFD_CHECK, "{\nname b\n}"),
        field="checks",
        children=BFD_CHECK,
        repeats=True,
    ),
)
