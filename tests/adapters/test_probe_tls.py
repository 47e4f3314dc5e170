"""Probes over TLS: what is verified, what is shown, and servers that speak it badly."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from alived.adapters.probe_tls import context
from alived.base import NS_PER_MS
from alived.health.dialogue import Inquiry, Step, Tls, Verdict
from alived.raft.config import Tls as Files
from tests.adapters.certificates import Authority
from tests.adapters.probing import Listening, ask, tcp, undecided, verdict
from tests.nasty_servers import Behaviour, Connection, Server, end_at_once, endlessly, greet, reset, silent

DAY_S = 86_400


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Files:
    return authority.issue("www.example.com", dns=("www.example.com",), addresses=("127.0.0.1",), days=42)


def server_context(files: Files, clients: Files | None = None) -> ssl.SSLContext:
    """clients: they must have a certificate of this authority."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(files.cert_file, files.key_file)
    if clients is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(clients.ca_file)
    return made


def tls_server(files: Files, behaviour: Behaviour = silent, clients: Files | None = None) -> Server:
    return Server(behaviour, tls=server_context(files, clients))


def over_tls(server: Server, dialogue: Listening | None = None, tls: Tls | None = None, **more: object) -> Inquiry:
    said = {"dialogue": dialogue} if dialogue is not None else {}
    return tcp(server.address, server.port, tls=tls or Tls(), **said, **more)


def test_the_certificate_is_not_verified_unless_asked_but_its_end_is_known(good: Files) -> None:
    with tls_server(good) as server:
        end = ask(over_tls(server))
    assert end.outcome == Verdict(True, "connected")
    assert end.expires_s is not None
    assert abs(end.expires_s - (time.time() + 42 * DAY_S)) < DAY_S


@pytest.mark.parametrize("name", ["www.example.com", ""])
def test_a_certificate_for_the_name_or_the_address_is_accepted(good: Files, name: str) -> None:
    with tls_server(good) as server:
        assert verdict(over_tls(server, tls=Tls(verify=True, ca=good.ca_file, server_name=name))).ok


@pytest.mark.parametrize(
    ("name", "days", "reason"),
    [
        ("other.example.com", 42, "Hostname mismatch, certificate is not valid for 'other.example.com'."),
        ("www.example.com", -1, "certificate has expired"),
    ],
)
def test_a_wrong_certificate_is_a_failure_when_it_is_verified(
    authority: Authority, name: str, days: int, reason: str
) -> None:
    files = authority.issue("www.example.com", dns=("www.example.com",), days=days, file=f"days{days}")
    with tls_server(files) as server:
        assert verdict(over_tls(server)).ok, "as in keepalived"
        outcome = verdict(over_tls(server, tls=Tls(verify=True, ca=files.ca_file, server_name=name)))
    assert outcome == Verdict(False, f"TLS: {reason}")


def test_a_certificate_of_a_stranger_is_a_failure(tmp_path: Path, good: Files) -> None:
    stranger = Authority(tmp_path).issue("www.example.com", dns=("www.example.com",))
    with tls_server(stranger) as server:
        outcome = verdict(over_tls(server, tls=Tls(verify=True, ca=good.ca_file, server_name="www.example.com")))
        system = verdict(over_tls(server, tls=Tls(verify=True, server_name="www.example.com")))
    assert not outcome.ok and outcome.reason.startswith("TLS: unable to get local issuer certificate")
    assert not system.ok and "certificate" in system.reason


def test_the_name_is_sent_to_the_server(good: Files) -> None:
    names: list[str | None] = []
    made = server_context(good)
    made.sni_callback = lambda _conn, name, _context: names.append(name)
    with Server(silent, tls=made) as server:
        for name in ("www.example.com", ""):
            assert verdict(over_tls(server, tls=Tls(server_name=name))).ok
    assert names == ["www.example.com", None]


def test_a_client_certificate_is_shown(authority: Authority, good: Files) -> None:
    mine = authority.issue("a checker")
    with tls_server(good, greet(b"x"), clients=good) as server:
        shown = Tls(certificate=mine.cert_file, key=mine.key_file)
        assert verdict(over_tls(server, Listening(enough=1), shown)).ok
        without = verdict(over_tls(server, Listening(enough=1)))
    assert not without.ok
    assert "certificate required" in without.reason or "reset" in without.reason


def test_a_conversation_goes_through_tls_in_records_and_pieces(good: Files) -> None:
    data = bytes(range(256)) * 1000

    def echo(conn: Connection) -> None:
        conn.send(conn.read_request() and data)
        conn.wait()

    dialogue = Listening(b"GET\r\n\r\n", len(data))
    with tls_server(good, echo) as server:
        assert verdict(over_tls(server, dialogue)).ok
    assert bytes(dialogue.heard[: len(data)]) == data


def test_an_end_without_close_notify_is_tolerated_unless_asked(good: Files) -> None:
    with tls_server(good, lambda conn: conn.send(b"x")) as server:
        assert verdict(over_tls(server, Listening())) == Verdict(False, "ended")
        strict = verdict(over_tls(server, Listening(), Tls(close_notify=True)))
    assert strict == Verdict(False, "broken: TLS ended without close_notify")


def test_close_notify_ends_the_dialogue_and_is_sent_on_request(good: Files) -> None:
    ends: list[bytes] = []

    def behave(conn: Connection) -> None:
        conn.send(b"x")
        ends.append(conn.sock.recv(9))  # b"" only after close_notify, else an error
        assert isinstance(conn.sock, ssl.SSLSocket)

    def say_goodbye(conn: Connection) -> None:
        assert isinstance(conn.sock, ssl.SSLSocket)
        conn.sock.unwrap()

    with tls_server(good, behave) as server:
        dialogue = Listening(b"y", enough=1)
        assert verdict(over_tls(server, dialogue, Tls(close_notify=True))).ok
    with tls_server(good, say_goodbye) as server:
        assert verdict(over_tls(server, Listening(), Tls(close_notify=True))) == Verdict(False, "ended")
    assert ends == [b"y"]


class Starting(Listening):
    """Asks for TLS after a word of the server, as STARTTLS."""

    def received(self, data: bytes) -> Step:
        if data == b"ready":
            return Step(start_tls=True)
        return super().received(data)

    def secured(self) -> Step:
        return Step(send=b"hello")


def test_tls_begins_when_the_dialogue_says_so(good: Files) -> None:
    said: list[bytes] = []

    def behave(conn: Connection) -> None:
        conn.send(b"ready")
        conn.sock = server_context(good).wrap_socket(conn.sock, server_side=True)
        said.append(conn.sock.recv(100))
        conn.send(b"!")
        conn.wait()

    with Server(behave) as server:
        end = ask(over_tls(server, Starting(enough=1), Tls(at_once=False)))
    assert end.outcome == Verdict(True, "enough") and end.expires_s is not None
    assert said == [b"hello"]


@pytest.mark.parametrize(
    ("behaviour", "reasons"),
    [
        (
            greet(b"220 mail.example.com\r\n"),
            {
                f"TLS: the other side speaks no TLS here ({why})"
                for why in ("wrong version number", "record layer failure")
            },
        ),
        (
            endlessly(b"", b"\x16\x03\x01\xff\xff" + bytes(1000)),
            {"TLS: packet length too long", "TLS: length mismatch"},
        ),
        (end_at_once, {"the server closed the connection during the TLS handshake", "connection reset by the server"}),
        (reset, {"connection reset by the server"}),
        (silent, {"no end of the TLS handshake within 0.1 s"}),
    ],
)
def test_who_speaks_no_tls_fails(behaviour: Behaviour, reasons: set[str]) -> None:
    with Server(behaviour) as server:
        outcome = verdict(over_tls(server, timeout_ns=100 * NS_PER_MS))
    assert not outcome.ok and outcome.reason in reasons, outcome.reason


def test_garbage_after_the_handshake_breaks_the_dialogue(good: Files) -> None:
    def behave(conn: Connection) -> None:
        conn.sock.recv(1)
        raw = socket.socket(fileno=os.dup(conn.sock.fileno()))
        raw.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        raw.close()
        conn.wait()

    with tls_server(good, behave) as server:
        outcome = verdict(over_tls(server, Listening(b"x")))
    assert not outcome.ok and outcome.reason.startswith("broken: TLS: ")


def test_contexts_are_kept_until_a_file_changes(authority: Authority, good: Files) -> None:
    wanted = Tls(verify=True, ca=good.ca_file)
    assert context(wanted) is context(Tls(verify=True, ca=good.ca_file, server_name="a"))
    assert context(wanted) is not context(Tls(ca=good.ca_file))
    before = context(wanted)
    os.utime(good.ca_file, ns=(1, 1))
    assert context(wanted) is not before


@pytest.mark.parametrize(
    ("tls", "reason"),
    [
        (Tls(ca="/nowhere/ca.pem"), "cannot read /nowhere/ca.pem: No such file or directory"),
        (Tls(ca="/dev/null"), "/dev/null cannot be used for TLS: no certificate or crl found"),
        (Tls(verify=True, server_name="a" * 70), f"{'a' * 70!r} is no name of a server"),
    ],
)
def test_what_we_lack_for_tls_is_no_verdict(tls: Tls, reason: str) -> None:
    with Server(silent) as server:
        assert undecided(over_tls(server, tls=tls)).startswith(reason)


def test_a_key_with_the_wrong_password_is_no_verdict(authority: Authority, good: Files, tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    command = ["openssl", "pkey", "-in", good.key_file, "-aes256", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    with Server(silent) as server:
        for password, usable in (("secret", True), ("wrong", False), ("", False)):
            tls = Tls(certificate=good.cert_file, key=str(locked), password=password)
            if usable:
                assert context(tls)
            else:
                assert "cannot be used for TLS" in undecided(over_tls(server, tls=tls))
