"""HTTP_GET and SSL_GET ask a real nginx: up, down, refusing, frozen, slow, with the wrong answer, with certificates."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from alived.base import NS_PER_MS, NS_PER_S
from alived.health.config import Comparison, HttpCheck, HttpProtocol, JsonAssertion, TcpCheck, Url
from alived.health.inquiries import About, inquiry
from alived.raft.config import Tls
from tests.adapters.certificates import Authority
from tests.adapters.probing import ask
from tests.nasty_servers import Server, answer, drip, endlessly, full_backlog, refused_port, reset, reset_after_request
from tests.servers.asking import SHORT_NS, at, outcome
from tests.servers.nginx import PAGE, nginx
from tests.servers.process import ServerProcess

DAY_S = 86_400
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with nginx() as running:
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def files(authority: Authority) -> Tls:
    return authority.issue("www.example.com", dns=("www.example.com",), addresses=("127.0.0.1",), days=20)


@pytest.fixture(scope="module")
def secured(files: Tls) -> Iterator[ServerProcess]:
    with nginx(files) as running:
        yield running


def check(server: ServerProcess, path: str = "/health", **fields: Any) -> HttpCheck:
    """Fields of the check or of its URL."""
    of_url = {field: fields.pop(field) for field in list(fields) if field in Url.__struct_fields__}
    return HttpCheck(**(at(server) | fields), urls=(Url(path=path, **of_url),))


# -- HTTP --


def test_up_by_all_versions(server: ServerProcess) -> None:
    for version in HttpProtocol:
        assert outcome(check(server, http_protocol=version)) == (True, "HTTP status 200")


def test_down_and_moved(server: ServerProcess) -> None:
    assert outcome(check(server, "/down")) == (False, "HTTP status 503, not 200-299")
    assert outcome(check(server, "/down", status_code=((200, 200), (503, 503)))) == (True, "HTTP status 503")
    assert outcome(check(server, "/moved")) == (False, "HTTP status 301, not 200-299"), "not followed, as in keepalived"
    assert outcome(check(server, "/nowhere")) == (False, "HTTP status 404, not 200-299")


def test_digest_regex_text_and_json(server: ServerProcess) -> None:
    right = hashlib.md5(PAGE).hexdigest()
    assert outcome(check(server, "/files/page", digest=right, regex="^all is w.ll$", regex_options=("multiline",)))[0]
    assert outcome(check(server, "/files/page", contains="well\nall"))[0]
    assert outcome(check(server, "/files/page", regex="ill")) == (False, "regex ill does not match the body")
    wanted = (JsonAssertion("$.status", Comparison.EQUAL, "UP"), JsonAssertion("$.lag", Comparison.LESS, 3))
    assert outcome(check(server, json_path=wanted[:1]))[0]
    assert outcome(check(server, json_path=wanted)) == (False, "$.lag is 3, not < 3")


def test_host_method_and_fields_of_the_request(server: ServerProcess) -> None:
    assert outcome(check(server, "/host", contains=f"host 127.0.0.1:{server.port}\n"))[0]
    assert outcome(check(server, "/host", virtualhost="www.example.com", contains="host www.example.com\n"))[0]
    fields = {"method": "OPTIONS", "headers": (("X-Token", "a b"),)}
    assert outcome(check(server, "/method", contains="OPTIONS a b\n", **fields))[0]
    assert outcome(check(server, method="HEAD", end_at_length=True)) == (True, "HTTP status 200")


def test_a_connection_that_stays_open_ends_at_its_length_if_asked(server: ServerProcess) -> None:
    """nginx keeps the connection of HTTP/1.1, unless it is told to close it."""
    keep = {"http_protocol": HttpProtocol.HTTP_1_1, "headers": (("Connection", "keep-alive"),)}
    assert outcome(check(server, end_at_length=True, **keep)) == (True, "HTTP status 200")
    late = outcome(check(server, connect_timeout_ns=SHORT_NS, **keep))
    assert late == (
        False,
        "the answer is whole, but the server did not end the connection in time: http_protocol 1.0C or 1.1 asks it to",
    )


def test_chunks(server: ServerProcess) -> None:
    right = hashlib.md5(PAGE).hexdigest()
    chunked = {"path": "/chunked", "http_protocol": HttpProtocol.HTTP_1_1, "digest": right}
    assert not outcome(check(server, **chunked))[0], "keepalived digests the chunks as they are"
    assert outcome(check(server, decode_chunked=True, **chunked)) == (True, "HTTP status 200")
    assert outcome(check(server, end_at_length=True, **chunked)) == (True, "HTTP status 200")


def test_slow_and_frozen(server: ServerProcess) -> None:
    """What drips ends after twelve timeouts; what is silent after one."""
    slow = outcome(check(server, "/slow", connect_timeout_ns=50 * NS_PER_MS))
    assert not slow[0] and slow[1].startswith("the body did not end in time, ")
    with server.frozen():
        assert outcome(check(server, connect_timeout_ns=SHORT_NS)) == (False, "no answer in time")
        assert outcome(TcpCheck(**at(server))) == (True, "connected"), "the kernel answers for it"  # type: ignore[arg-type]
    assert outcome(check(server))[0]


def test_refusing() -> None:
    with nginx() as ended:
        ended.end()
        assert outcome(check(ended)) == (False, "connection refused")


def test_a_check_that_says_nothing_is_not_in_the_log(server: ServerProcess) -> None:
    log = server.log.with_name("access.log")
    errors = log.with_name("error.log")
    before, said = log.read_text().count("\n"), errors.read_text()
    for _ in range(5):
        assert outcome(TcpCheck(**at(server)))[0]  # type: ignore[arg-type]
    outcome(check(server))
    while log.read_text().count("\n") == before:
        time.sleep(0.01)
    assert log.read_text().count("\n") == before + 1
    assert errors.read_text() == said


# -- TLS --


def test_ssl_get_as_in_keepalived(secured: ServerProcess) -> None:
    """Not verified, no name said; when the certificate expires is known all the same."""
    end = ask(inquiry(check(secured, "/client", tls=True, contains="client NONE name \n"), About()))
    assert getattr(end.outcome, "ok", None) is True, end.outcome
    assert end.expires_s is not None and abs(end.expires_s - time.time() - 20 * DAY_S) < DAY_S


def test_sni_and_a_certificate_of_ours(secured: ServerProcess, authority: Authority) -> None:
    mine = authority.issue("a checker")
    ours = {"tls": True, "tls_certificate": mine.cert_file, "tls_key": mine.key_file, "enable_sni": True}
    said = "client SUCCESS name www.example.com\n"
    assert outcome(check(secured, "/client", virtualhost="www.example.com", contains=said, **ours))[0]


def test_a_certificate_is_verified_on_request(secured: ServerProcess, files: Tls) -> None:
    verified = {"tls": True, "tls_verify": True, "tls_ca": files.ca_file}
    assert outcome(check(secured, **verified))[0], "its address is in it"
    assert outcome(check(secured, tls_name="www.example.com", **verified))[0]
    ok, reason = outcome(check(secured, tls_name="other.example.com", **verified))
    assert not ok and "Hostname mismatch" in reason
    ok, reason = outcome(check(secured, **verified | {"tls_ca": ""}))
    assert not ok and "certificate" in reason


def test_http_where_tls_is_spoken_and_the_other_way_round(server: ServerProcess, secured: ServerProcess) -> None:
    assert outcome(check(secured)) == (False, "HTTP status 400, not 200-299")
    ok, reason = outcome(check(server, tls=True))
    assert not ok and reason.startswith("TLS: ")


def test_close_notify(secured: ServerProcess) -> None:
    assert outcome(check(secured, tls=True, tls_compliant=True)) == (True, "HTTP status 200")


# -- bad servers --


@pytest.mark.parametrize(
    ("behaviour", "reasons"),
    [
        (endlessly(OK, b"X: y\r\n" * 100), {"the header does not end within 4096 octets"}),
        (endlessly(b"", b"babble " * 100), {"the header does not end within 4096 octets"}),
        (drip(OK * 1000, 0.01), {"the header did not end in time"}),
        (answer(b"HTTP/1.1 200"), {"the server ended the connection within the header, after 12 octets"}),
        (answer(b""), {"the server ended the connection without an answer"}),
        (reset, {"connection reset by the server, no answer"}),
        (reset_after_request, {"connection reset by the server, no answer"}),
        (answer(OK + b"\r\n\x1f\x8b" + bytes(100)), {"regex well does not match the body"}),
    ],
)
def test_nasty_servers(behaviour: Any, reasons: set[str]) -> None:
    with Server(behaviour) as server:
        asked = HttpCheck(
            connect_ip=server.address,
            connect_port=server.port,
            connect_timeout_ns=100 * NS_PER_MS,
            urls=(Url(path="/", regex="well"),),
        )
        ok, reason = outcome(asked)
    assert not ok
    assert any(reason.startswith(expected) for expected in reasons), reason


def test_gigabytes_are_not_read() -> None:
    """The server would send for ever; what the kernel took of it is bounded by max_body and the buffers between."""
    with Server(endlessly(OK + b"\r\n", bytes(1 << 16))) as server:
        asked = HttpCheck(
            connect_ip=server.address,
            connect_port=server.port,
            connect_timeout_ns=60 * NS_PER_S,
            urls=(Url(path="/", max_body=1 << 20, regex="x"),),
        )
        assert outcome(asked) == (False, "regex x does not match the body")
        (connection,) = server.connections
        assert connection.sent < 32 << 20


def test_a_black_hole_and_a_port_where_nobody_is() -> None:
    with full_backlog() as (address, port):
        hole = HttpCheck(connect_ip=address, connect_port=port, connect_timeout_ns=SHORT_NS, urls=(Url(path="/"),))
        assert outcome(hole) == (False, "no connection within 0.2 s")
    nobody = HttpCheck(connect_ip="127.0.0.1", connect_port=refused_port(), urls=(Url(path="/"),))
    assert outcome(nobody) == (False, "connection refused")


@pytest.mark.lab
def test_a_firewall_that_drops_and_one_that_refuses(segment: Any) -> None:
    """In a namespace of its own, behind a real cable."""
    with segment.other():
        listener = Server(answer(OK + b"\r\n"), address="192.0.2.2")
    asked = HttpCheck(
        connect_ip="192.0.2.2", connect_port=listener.port, connect_timeout_ns=SHORT_NS, urls=(Url(path="/"),)
    )
    with listener:
        assert outcome(asked) == (True, "HTTP status 200")
        for action, reason in (
            ("drop", "no connection within 0.2 s"),
            ("reject with tcp reset", "connection refused"),
            ("reject with icmp type host-unreachable", "no route to the host"),
        ):
            with segment.other():
                rule = f"""table inet t
delete table inet t
table inet t {{
    chain c {{
        type filter hook input priority 0
        tcp dport {listener.port} {action}
    }}
}}
"""
                subprocess.run(["nft", "-f", "-"], input=rule, text=True, check=True)
            assert outcome(asked) == (False, reason)
