"""What an operator can say about checks of real servers. Frozen values in keepalived's words.

Values are effective ones: what a check does not say comes from its real server, then from the virtual server, then
from the default of its kind.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from alived.base import NS_PER_S
from alived.health.trackers_config import Weight

DELAY_LOOP_NS = 60 * NS_PER_S
CONNECT_TIMEOUT_NS = 5 * NS_PER_S
MAX_BODY = 16 << 20
"""Of an answer over HTTP: far more than a page that tells health, far less than what would hurt"""
HELO_NAME = "smtpchecker.keepalived.org"


class Check(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="check"):
    """What every check has."""

    alpha: bool = False
    """It counts as failed until it succeeds for the first time"""


class TimedCheck(Check, frozen=True, kw_only=True):
    """A check that runs again and again."""

    delay_loop_ns: int = DELAY_LOOP_NS
    """From the end of a run to the next"""
    start_to_start: bool = False
    """delay_loop and delay_before_retry count from the start of a run instead"""
    retry: int = 1
    """Further tries after the first failure before it counts"""
    delay_before_retry_ns: int = NS_PER_S
    first_run_retry: bool = False
    """Whether the first run is tried again, too; else its first failure counts at once"""
    rise: int = 1
    """Successes in a row before it is up; the first result ever counts at once"""
    fall: int = 1
    """Failures in a row, each with its tries, before it is down"""
    warmup_ns: int = DELAY_LOOP_NS
    """The first run is at a random time within it"""
    log_all_failures: bool = False

    @property
    def stages(self) -> int:
        """Of a run; one after the other must succeed."""
        return 1

    def stage_name(self, stage: int) -> str:
        """What is asked there; "" if there is only one."""
        return ""


class NetworkCheck(TimedCheck, frozen=True, kw_only=True):
    """A check that asks an address."""

    connect_ip: str
    connect_port: int = 0
    bindto: str = ""
    bind_port: int = 0
    bind_if: str = ""
    connect_timeout_ns: int = CONNECT_TIMEOUT_NS
    fwmark: int = 0

    @property
    def patience_ns(self) -> int:
        """For an answer."""
        return self.connect_timeout_ns


class TcpCheck(NetworkCheck, frozen=True, kw_only=True):
    """Success: the connection is established."""


class PingCheck(NetworkCheck, frozen=True, kw_only=True):
    """Success: the echo is answered."""


class UdpCheck(NetworkCheck, frozen=True, kw_only=True):
    """Success: no ICMP error; with require_reply an answer that fits."""

    payload: bytes = b""
    require_reply: bool = False
    reply: bytes = b""
    reply_mask: bytes = b""
    """Bits of `reply` that are compared, as long as it"""
    min_reply_length: int = 0
    max_reply_length: int = 255


class SecuredCheck(NetworkCheck, frozen=True, kw_only=True):
    """A native check that can speak TLS. Files: "" is none."""

    tls: bool = False
    tls_verify: bool = False
    """The certificate must lead to `tls_ca` (or to the system's authorities) and be for `tls_name` or the address"""
    tls_name: str = ""
    """Sent as SNI and looked for in the certificate; "": none is sent"""
    tls_ca: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    tls_expiry_days: int = 0
    """So many days before the server's certificate expires there is a warning; 0: none"""


class HttpProtocol(enum.StrEnum):
    HTTP_1_0 = "1.0"
    HTTP_1_0_CLOSE = "1.0C"
    """1.0 with `Connection: close`"""
    HTTP_1_1 = "1.1"
    """With `Connection: close`"""


class Comparison(enum.StrEnum):
    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


class JsonAssertion(msgspec.Struct, frozen=True):
    """`PATH`: it leads somewhere. `PATH COMPARISON VALUE`: to something of which that is true."""

    path: str
    """A subset of RFC 9535: see `health.json_path`"""
    comparison: Comparison | None = None
    value: str | int | float | bool | None = None


class Url(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    virtualhost: str = ""
    """Effective name of the host in the request; "": the address"""
    digest: str = ""
    """MD5 of the body, 32 lower-case hexadecimal digits"""
    status_code: tuple[tuple[int, int], ...] = ((200, 299),)
    """Ranges, first and last"""
    regex: str = ""
    """PCRE2, as far as `health.regex` knows it"""
    regex_no_match: bool = False
    regex_options: tuple[str, ...] = ()
    regex_min_offset: int = 0
    regex_max_offset: int | None = None
    regex_stack: tuple[int, int] | None = None
    """Octets for PCRE2's stack: at first, at most"""
    tls_compliant: bool = False
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    """Of the request: names and values; they replace ours"""
    body: str = ""
    """Of the request"""
    end_at_length: bool = False
    """The body ends as its header says (Content-Length, last chunk); else when the server ends the connection"""
    decode_chunked: bool = False
    """What follows is about the body without the marks of chunks, if it comes in chunks"""
    max_body: int = MAX_BODY
    """Octets of the body that are read. Conditions see no more; the digest of a longer one is a failure"""
    contains: str = ""
    """Text that must be in the body"""
    json_path: tuple[JsonAssertion, ...] = ()
    """All must hold"""


class HttpCheck(SecuredCheck, frozen=True, kw_only=True):
    """HTTP_GET, and SSL_GET if tls. Success: all URLs answer as they should. `tls_name`: see `server_name`."""

    urls: tuple[Url, ...]
    http_protocol: HttpProtocol = HttpProtocol.HTTP_1_0
    enable_sni: bool = False
    sni_name: str = ""
    """ "": the virtualhost of the URL"""
    fast_recovery: bool = False
    """No wait between URLs until it is up"""

    @property
    def stages(self) -> int:
        return len(self.urls)

    def stage_name(self, stage: int) -> str:
        return self.urls[stage].path if len(self.urls) > 1 else ""

    def server_name(self, url: Url) -> str:
        """For TLS; "": none is sent, as keepalived does unless `enable_sni`."""
        return self.tls_name or ((self.sni_name or url.virtualhost) if self.enable_sni else "")


class SmtpCheck(SecuredCheck, frozen=True, kw_only=True):
    """Success: a greeting, HELO and QUIT, each answered as it should be."""

    helo_name: str = HELO_NAME
    multiline: bool = False
    """Answers of several lines are read to their end; keepalived takes the first line for a wrong answer"""
    starttls: bool = False
    """EHLO, then TLS by STARTTLS (RFC 3207), then EHLO again; needs `multiline`. `tls`: from the start"""
    first_run_retry: bool = True


class DnsType(enum.StrEnum):
    A = "A"
    NS = "NS"
    CNAME = "CNAME"
    SOA = "SOA"
    MX = "MX"
    TXT = "TXT"
    AAAA = "AAAA"
    RRSIG = "RRSIG"
    DNSKEY = "DNSKEY"


class DnsCheck(NetworkCheck, frozen=True, kw_only=True):
    """Success: an answer without an error code."""

    type: DnsType = DnsType.SOA
    name: str = "."


class Role(enum.StrEnum):
    """What a database server must be."""

    MASTER = "master"
    """It takes writes"""
    REPLICA = "replica"
    """It follows another one and takes none"""


class RedisCheck(SecuredCheck, frozen=True, kw_only=True):
    """Success: PING is answered by PONG, and the server is what it must be. A server that loads its data is down."""

    user: str = ""
    """ "": AUTH with the password alone (the user "default")"""
    password_file: str = ""
    """Its first line; "": no AUTH"""
    role: Role | None = None
    """None: any. A replica whose link to its master is down is one all the same"""
    replication_link: bool = False
    """A replica must also have its link to its master"""


class MysqlCheck(SecuredCheck, frozen=True, kw_only=True):
    """MySQL and MariaDB. Success: the server greets and, with a user, lets it in."""

    user: str = ""
    """ "": no login, only the server's greeting"""
    password_file: str = ""
    """Its first line; "": an empty password"""
    role: Role | None = None
    """As @@global.read_only says; needs a user"""


class PostgresqlCheck(SecuredCheck, frozen=True, kw_only=True):
    """Success: the server takes connections, as pg_isready tests; with a password it must let the user in."""

    user: str = ""
    """ "": any name, and that the server does not know it is no failure"""
    password_file: str = ""
    """Its first line; "": that the server asks for a password is a success"""
    database: str = ""
    """ "": that of the user's name"""
    role: Role | None = None
    """As pg_is_in_recovery() says; needs a user that gets in"""


class GrpcCheck(SecuredCheck, frozen=True, kw_only=True):
    """grpc.health.v1.Health/Check over HTTP/2. Success: SERVING."""

    service: str = ""
    """ "": the server as a whole"""
    authority: str = ""
    """ "": tls_name, else address:port"""


class MiscCheck(TimedCheck, frozen=True, kw_only=True):
    """A command. Exit status 0: success; with misc_dynamic 2..255, too: the weight is two less than it."""

    argv: tuple[str, ...]
    user: str = ""
    """ "": script_user"""
    group: str = ""
    misc_timeout_ns: int = DELAY_LOOP_NS
    misc_dynamic: bool = False
    start_to_start: bool = True

    @property
    def patience_ns(self) -> int:
        """For its end."""
        return self.misc_timeout_ns


class FileCheck(Check, frozen=True, kw_only=True):
    """The number in a track_file. weight 0: anything but 0 is down; else number x weight is added to the server's."""

    track_file: str
    weight: Weight | None = None
    """None: that of the track_file"""


class BfdCheck(Check, frozen=True, kw_only=True):
    """Down while the BFD session is."""

    name: str


AnyCheck: TypeAlias = (
    TcpCheck
    | PingCheck
    | UdpCheck
    | HttpCheck
    | SmtpCheck
    | DnsCheck
    | RedisCheck
    | MysqlCheck
    | PostgresqlCheck
    | GrpcCheck
    | MiscCheck
    | FileCheck
    | BfdCheck
)


class SslContext(msgspec.Struct, frozen=True, kw_only=True):
    """`SSL`: files for the TLS of checks; "": none."""

    password: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""
