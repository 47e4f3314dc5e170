"""Members that speak by TLS, with real sockets and certificates over loopback."""

from __future__ import annotations

import contextlib
import functools
import shutil
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from alived.adapters import peer_tls, tls_door, tls_link, tls_stream
from alived.adapters.loop import Loop
from alived.adapters.peer_tls import TlsPeers
from alived.adapters.peers import PeersError
from alived.adapters.tls_identity import SECONDS_PER_DAY, expiry_text
from alived.adapters.tls_stream import MAX_QUEUED
from alived.raft import packets
from alived.raft.config import Member, Tls
from alived.raft.frames import frame, preface
from alived.raft.messages import Append, Entry
from tests.adapters import peering
from tests.adapters.certificates import Authority
from tests.adapters.peering import A, B, C, Make, Node, beat, free_port
from tests.adapters.peering import loop as loop
from tests.segment import PATIENCE_S, open_files, until

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")
tcp_members = functools.partial(peering.members, socket.SOCK_STREAM)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def certificates(authority: Authority) -> dict[str, Tls]:
    return {name: authority.issue(name) for name in "abc"}


@pytest.fixture
def make(loop: Loop, certificates: dict[str, Tls]) -> Iterator[Make]:
    yield from peering.making(loop, TlsPeers, lambda name: {"tls": certificates[name]})


def linked(node: Node, number: int) -> bool:
    link = node.peers._links.get(number)
    return link is not None and link.is_open


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_there_and_back(make: Make, address: str) -> None:
    members = tcp_members(address=address)
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    b.say(a, beat(2, B, A))
    assert [code for code in a.codes() + b.codes() if code != "peer-unreachable"] == []
    day = expiry_text(int(time.time()) + 300 * SECONDS_PER_DAY)
    assert a.peers.authentication == f"TLS 1.3 with certificates on both sides; ours expires on {day}"
    assert set(a.peers.refused) <= {"not-sent"}


def test_both_families_at_once(make: Make) -> None:
    members = {**tcp_members("ac"), "b": Member(id="b", address="::1", port=free_port(socket.SOCK_STREAM, "::1"))}
    a, b, c = make("a", members, listen_address=""), make("b", members, listen_address=""), make("c", members)
    a.say(b, beat(1))
    b.say(c, beat(2))
    c.say(a, beat(3))
    c.say(b, beat(4))


def test_the_newest_waits_for_the_connection(make: Make, loop: Loop) -> None:
    members = tcp_members()
    a = make("a", members)
    for number in range(10):
        a.peers.send(B, beat(number))
    assert a.peers.refused == {"not-sent": 9}
    b = make("b", members)
    until(loop, lambda: bool(b.arrived), "the newest")
    assert b.arrived == [(A, beat(9))]
    a.say(b, beat(10))


def test_the_largest_packets_in_their_order(make: Make, loop: Loop) -> None:
    """More than the socket takes at once."""
    members = tcp_members()
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    del b.arrived[:]
    large = [
        Append(sender=A, to=B, term=n, index=0, log_term=0, entries=(Entry(1, 1, bytes(packets.MAX_PACKET - 200)),))
        for n in range(MAX_QUEUED)
    ]
    for packet in large:
        a.peers.send(B, packet)
    until(loop, lambda: len(b.arrived) == len(large), "all of them")
    assert b.arrived == [(A, packet) for packet in large]


def test_a_peer_who_does_not_read_gets_the_newest(make: Make, loop: Loop) -> None:
    members = tcp_members()
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    (stream,) = b.peers._heard.values()
    loop.remove_reader(stream._socket.fileno())
    before = a.peers.refused.get("not-sent", 0)
    for number in range(400):  # of different sizes: what has been begun must be sent to its end
        entry = Entry(1, 1, bytes(50_000 + number))
        a.peers.send(B, Append(sender=A, to=B, index=number, log_term=0, entries=(entry,)))
    a.peers.send(B, beat(2))
    dropped = a.peers.refused["not-sent"] - before
    assert dropped > 100
    del b.arrived[:]
    loop.add_reader(stream._socket.fileno(), stream.turn)
    until(loop, lambda: (A, beat(2)) in b.arrived, "the newest")
    assert len(b.arrived) == 401 - dropped
    assert b.peers.refused.get("malformed", 0) == 0
    assert "peer-unlinked" not in a.codes()


def test_a_restart_is_noticed_by_nobody(make: Make) -> None:
    members = tcp_members()
    a, b = make("a", members), make("b", members)
    for number, restarted in enumerate([b, a, b]):
        a.say(b, beat(number))
        b.say(a, beat(number))
        restarted.restart()
        del a.arrived[:], b.arrived[:]
    a.say(b, beat(9))
    b.say(a, beat(9))


def test_drain_hears_what_waits(make: Make) -> None:
    members = tcp_members()
    peering.drain_hears_what_waits(make("a", members), make("b", members), 50)


def test_who_closes_in_the_middle_hears_no_more(make: Make) -> None:
    members = tcp_members()
    peering.who_closes_in_the_middle_hears_no_more(make("a", members), make("b", members))


def test_a_member_that_moves(make: Make) -> None:
    members = tcp_members("abc")
    a, b, c = (make(name, members) for name in "abc")
    a.say(b, beat(1))
    a.say(c, beat(1))
    link = a.peers._links[C]
    b.peers.close()
    moved = msgspec.structs.replace(members["b"], port=free_port(socket.SOCK_STREAM), priority=7)
    other = make("b", {**members, "b": moved})
    a.peers.configure({A: members["a"], B: moved, C: msgspec.structs.replace(members["c"], priority=7)})
    a.say(other, beat(2))
    assert a.peers._links[C] is link, "who stays keeps his connection"


def test_a_member_that_left(make: Make, loop: Loop) -> None:
    members = tcp_members()
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    b.say(a, beat(1))
    a.peers.configure({A: members["a"]})
    a.peers.send(B, beat(2))
    until(loop, lambda: "peer-unknown-sender" in a.codes(), "b comes again and is refused")
    (line,) = [message for _, code, message in a.log if code == "peer-unknown-sender"]
    assert line.endswith("was refused: its certificate is for b, which is no member")
    assert (A, beat(2)) not in b.arrived


# -- who is not believed


def test_a_certificate_of_somebody_else(make: Make, loop: Loop, certificates: dict[str, Tls]) -> None:
    """c answers where b should."""
    members = {**tcp_members("a"), "b": Member(id="b", address="127.0.0.2", port=free_port(socket.SOCK_STREAM))}
    elsewhere = {"a": members["a"], "c": Member(id="c", address="127.0.0.2", port=members["b"].port)}
    a, c = make("a", members), make("c", elsewhere)
    until(loop, lambda: "peer-unlinked" in a.codes(), "a looks at the certificate")
    a.peers.send(B, beat(1))
    until(loop, lambda: a.peers.refused.get("unknown-sender", 0) > 0, "a hears of c")
    assert ("warning", "peer-unlinked", "the connection to b ended: its certificate is for c") in a.log
    told = "a connection of b (127.0.0.2) was refused: its certificate is for c, which is no member"
    assert ("warning", "peer-unknown-sender", told) in a.log
    assert c.arrived == []


def test_a_certificate_for_two_members_says_not_who_it_is(make: Make, loop: Loop, authority: Authority) -> None:
    members = tcp_members("ab")
    b = make("b", {"b": members["b"]}, tls=authority.issue("x", dns=("a", "b"), file="both"))
    b.peers.configure(b.members | {A: members["a"]})
    a = make("a", members)
    until(loop, lambda: "peer-unknown-sender" in a.codes(), "b is heard of")
    (line,) = [message for _, code, message in a.log if code == "peer-unknown-sender"]
    assert line.endswith("its certificate is for a and b, which is several members")
    assert a.arrived == []


def test_an_authority_of_somebody_else(make: Make, loop: Loop, tmp_path: Path) -> None:
    members = tcp_members("ab")
    a = make("a", members)
    b = make("b", members, tls=Authority(tmp_path / "theirs").issue("b"))
    until(loop, lambda: "peer-handshake" in a.codes() and "peer-handshake" in b.codes(), "both are refused")
    for node, other in ((a, "b"), (b, "a")):
        until(loop, lambda node=node: "peer-unlinked" in node.codes(), "both say why")  # type: ignore[misc]
        (line,) = [message for _, code, message in node.log if code == "peer-unlinked"]
        assert line == f"the connection to {other} ended: self-signed certificate in certificate chain"
    a.peers.send(B, beat(1))
    b.peers.send(A, beat(1))
    assert a.arrived == b.arrived == []


def test_without_a_certificate_nobody_comes_in(make: Make, loop: Loop, authority: Authority) -> None:
    members = tcp_members("a")
    a = make("a", members)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(str(authority.certificate))
    with socket.create_connection((members["a"].address, members["a"].port)) as sock:
        stranger = context.wrap_socket(sock, do_handshake_on_connect=False)
        stranger.setblocking(False)

        def refused() -> bool:
            with contextlib.suppress(ssl.SSLWantReadError):
                stranger.do_handshake()
            return a.peers.refused.get("handshake", 0) == 1

        until(loop, refused, "the refusal")
        stranger.close()
    (line,) = [message for _, code, message in a.log if code == "peer-handshake"]
    assert line.endswith("was refused: peer did not return a certificate")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2])
def test_no_older_tls(make: Make, loop: Loop, certificates: dict[str, Tls], version: ssl.TLSVersion) -> None:
    members = tcp_members("a")
    a = make("a", members)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = version
    context.load_verify_locations(certificates["b"].ca_file)
    context.load_cert_chain(certificates["b"].cert_file, certificates["b"].key_file)
    with socket.create_connection((members["a"].address, members["a"].port)) as sock:
        stranger = context.wrap_socket(sock, do_handshake_on_connect=False)
        stranger.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            stranger.do_handshake()
        until(loop, lambda: a.peers.refused.get("handshake", 0) == 1, "the refusal")
        stranger.close()
    assert a.log[-1][2].endswith("was refused: unsupported protocol")


def speak_as_b(members: dict[str, Member], certificates: dict[str, Tls], data: bytes, loop: Loop) -> ssl.SSLSocket:
    """A connection with b's certificate, on which somebody says what he likes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(certificates["b"].ca_file)
    context.load_cert_chain(certificates["b"].cert_file, certificates["b"].key_file)
    sock = socket.create_connection((members["a"].address, members["a"].port))
    wrapped = context.wrap_socket(sock, do_handshake_on_connect=False)
    wrapped.setblocking(False)

    def done() -> bool:
        try:
            wrapped.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    until(loop, done, "the handshake")
    wrapped.send(data)
    return wrapped


BEGIN = preface("blue", A)


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (preface("red", A), "foreign-cluster", "it belongs to a cluster with another id"),
        (preface("blue", C), "misdirected", "it is meant for another node, whose address leads here"),
        (b"aT\x02" + BEGIN[3:], "newer-version", "it has version 2 of the protocol, and this node speaks version 1"),
        (b"aT\x00" + BEGIN[3:], "older-version", "it has version 0 of the protocol, and this node speaks version 1"),
        (b"x" * 30, "not-alived", "it does not begin as members do"),
        (BEGIN + struct.pack("<I", packets.MAX_PACKET + 1), "oversized", "oversized"),
        (BEGIN + struct.pack("<I", 1) + b"\xc1", "malformed", "MessagePack data is malformed"),
    ],
)
def test_nonsense_of_a_member(
    make: Make, loop: Loop, certificates: dict[str, Tls], data: bytes, reason: str, words: str
) -> None:
    members = tcp_members("ab")
    a = make("a", members)
    with speak_as_b(members, certificates, data, loop):
        until(loop, lambda: a.peers.refused.get(reason) == 1, "the refusal")
        (line,) = [message for _, code, message in a.log if code == f"peer-{reason}"]
        assert line.startswith(f"a connection of b was refused: {words}")
    assert a.peers._heard == {}
    a.say(make("b", members), beat(1))


def test_a_second_connection_replaces_the_first(make: Make, loop: Loop, certificates: dict[str, Tls]) -> None:
    members = tcp_members("ab")
    a = make("a", members)
    body = packets.encode(beat(1, B, A))
    said = BEGIN + struct.pack("<I", len(body)) + body
    with speak_as_b(members, certificates, BEGIN, loop):
        until(loop, lambda: B in a.peers._heard, "the first")
        first = a.peers._heard[B]
        with speak_as_b(members, certificates, said, loop):
            until(loop, lambda: a.arrived == [(B, beat(1, B, A))], "the second")
            assert a.peers._heard[B] is not first
            assert not first.is_open


def test_who_answers_on_our_connection_is_hung_up_on(make: Make, loop: Loop) -> None:
    members = tcp_members()
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    until(loop, lambda: linked(b, A) and linked(a, B), "both")
    b.peers._heard[A].send(b"what?")
    until(loop, lambda: any("is to listen" in line for _, _, line in a.log), "a hangs up")
    a.say(b, beat(2))


def test_a_member_that_says_nothing_in_the_handshake(make: Make, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as one who comes nor as one who is called."""
    monkeypatch.setattr(tls_stream, "HANDSHAKE_LIMIT_NS", 20_000_000)
    members = tcp_members("ab")
    with socket.create_server((members["b"].address, members["b"].port)):
        a = make("a", members)
        with socket.create_connection((members["a"].address, members["a"].port)):
            until(loop, lambda: a.peers.refused.get("handshake", 0) >= 1, "the one who came is turned away")
        until(loop, lambda: any("to the handshake" in line for _, _, line in a.log), "the one called is given up")
    assert ("warning", "peer-unlinked", "the connection to b ended: no answer to the handshake") in a.log


def test_a_peer_behind_a_wall(make: Make, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers at all, not even to say no: a full backlog does not."""
    monkeypatch.setattr(tls_link, "HANDSHAKE_LIMIT_NS", 20_000_000)
    members = tcp_members("ab")
    with socket.socket() as wall, socket.socket() as first, socket.socket() as second:
        wall.bind((members["b"].address, members["b"].port))
        wall.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex((members["b"].address, members["b"].port))
        a = make("a", members)
        until(loop, lambda: "peer-unreachable" in a.codes(), "a gives up")
    assert a.log[0][2] == "b cannot be reached: no answer"


def test_strangers_are_rationed_and_members_are_not(make: Make, loop: Loop) -> None:
    members = {"a": Member(id="a", address="127.0.0.2", port=free_port(socket.SOCK_STREAM)), **tcp_members("b")}
    a = make("a", members)
    strangers = [
        socket.create_connection((members["a"].address, members["a"].port), source_address=("127.0.0.9", 0))
        for _ in range(tls_door.STRANGERS_AT_ONCE + 20)
    ]
    until(loop, lambda: a.peers.refused.get("rationed", 0) >= 10, "most of them are sent away")
    b = make("b", members)
    b.say(a, beat(1))
    (line,) = [message for _, code, message in a.log if code == "peer-rationed"]
    assert line == ("a connection of 127.0.0.9 was refused: too many connections from where no member lives")
    for stranger in strangers:
        stranger.close()


def test_handshakes_are_few_and_the_oldest_makes_room(make: Make, loop: Loop) -> None:
    members = tcp_members("ab")
    a = make("a", members)
    many = [socket.create_connection((members["a"].address, members["a"].port)) for _ in range(40)]
    until(loop, lambda: a.peers.refused.get("handshake", 0) >= 40 - tls_door.MAX_HANDSHAKES, "room is made")
    assert len(a.peers._door._handshakes) == tls_door.MAX_HANDSHAKES
    many[0].settimeout(PATIENCE_S)
    assert many[0].recv(100) == b"", "it was hung up on"
    make("b", members).say(a, beat(1))
    for one in many:
        one.close()


def test_who_is_gone_before_he_was_greeted(make: Make, loop: Loop) -> None:
    members = tcp_members("ab")
    a = make("a", members)
    with socket.create_connection((members["a"].address, members["a"].port)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(loop, lambda: a.peers.refused.get("handshake", 0) == 1, "he is gone")
    make("b", members).say(a, beat(1))


def test_several_packets_in_one_piece(make: Make, loop: Loop, certificates: dict[str, Tls]) -> None:
    """Also if the first of them ends it all."""
    members = tcp_members("ab")
    a = make("a", members)
    pieces = b"".join(frame(packets.encode(beat(number, B, A))) for number in (1, 2))
    with speak_as_b(members, certificates, BEGIN + pieces, loop):
        until(loop, lambda: len(a.arrived) == 2, "both")
    assert a.arrived == [(B, beat(1, B, A)), (B, beat(2, B, A))]
    del a.arrived[:]
    a.peers._arrived = lambda sender, packet, more: (a.arrived.append((sender, packet)), a.peers.close())
    with speak_as_b(members, certificates, BEGIN + pieces, loop):
        until(loop, lambda: bool(a.arrived), "the first")
    assert a.arrived == [(B, beat(1, B, A))]


# -- when to try again


def test_who_refuses_us_each_time_is_not_hammered(make: Make, loop: Loop) -> None:
    """The handshake succeeds, then b hangs up: it does not know a."""
    members = tcp_members("ab")
    make("b", {"b": members["b"]})
    a = make("a", members)
    link = a.peers._links[B]
    until(loop, lambda: link._retry_ns == tls_link.LAST_RETRY_NS, "longer and longer pauses")
    assert "peer-unlinked" in a.codes()


def test_who_is_heard_of_is_tried_at_once(make: Make, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    members = tcp_members("ab")
    hour = 3600 * 10**9
    with monkeypatch.context() as patient:
        patient.setattr(tls_link, "FIRST_RETRY_NS", hour)
        patient.setattr(tls_link, "LAST_RETRY_NS", hour)
        a = make("a", members)
        until(loop, lambda: "peer-unreachable" in a.codes(), "the first attempt")
    a.say(make("b", members), beat(1))


# -- certificates that change


def test_new_certificates_while_it_runs(make: Make, loop: Loop, authority: Authority) -> None:
    members = tcp_members()
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    stays = a.peers._links[B]
    a.peers.rekey(a.cluster)
    assert a.peers._links[B] is stays, "nothing has changed"
    new = msgspec.structs.replace(a.cluster, tls=authority.issue("a", days=400, file="a-new"))
    a.peers.rekey(new)
    assert a.peers._links[B] is not stays
    a.say(b, beat(2))
    b.say(a, beat(3))
    day = expiry_text(int(time.time()) + 400 * SECONDS_PER_DAY)
    assert a.peers.authentication.endswith(f"ours expires on {day}")


def test_certificates_that_cannot_be_used_change_nothing(make: Make, authority: Authority) -> None:
    members = tcp_members()
    a, b = make("a", members), make("b", members)
    a.peers.rekey(msgspec.structs.replace(a.cluster, tls=authority.issue("a", days=-1, file="a-expired")))
    (line,) = [message for level, code, message in a.log if (level, code) == ("error", "certificate")]
    assert line.endswith("certificate has expired; the former certificate stays in use")
    a.say(b, beat(1))


def test_expiry_is_told_before_it_comes_by_everybody(
    make: Make, loop: Loop, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_tls, "DAY_NS", 5_000_000)
    members = tcp_members()
    a, b = make("a", members), make("b", members, tls=authority.issue("b", days=12, file="b-soon"))
    a.say(b, beat(1))
    day = expiry_text(int(time.time()) + 12 * SECONDS_PER_DAY)
    for node in (a, b):
        until(loop, lambda node=node: "certificate-expires" in node.codes(), "the notice")
        lines = [message for _, code, message in node.log if code == "certificate-expires"]
        assert lines == [f"the certificate of b expires in 11 days, on {day}"]
    wait = [0]

    def tick() -> None:
        wait[0] += 1

    loop.call_later(30_000_000, tick)
    until(loop, lambda: bool(wait[0]), "several days")
    assert a.codes().count("certificate-expires") == 1
    monkeypatch.setattr(peer_tls.time, "time", lambda: time.monotonic() + 10**10)
    a.peers._complaints._made.clear()
    a.peers._note_expiries()
    assert [message for _, code, message in a.log if code == "certificate-expires"][1:] == [
        f"the certificate of a has expired on {expiry_text(a.peers._expires_s['a'])}",
        f"the certificate of b has expired on {day}",
    ]


# -- the socket itself


def test_a_port_that_is_taken(make: Make) -> None:
    members = tcp_members("a")
    make("a", members)
    before = open_files()
    with pytest.raises(PeersError, match=r"cannot listen on TCP 127.0.0.1 port \d+: Address already in use"):
        make("a", members)
    assert open_files() == before


def test_closed_it_leaves_nothing(make: Make, loop: Loop) -> None:
    before = open_files()
    members = tcp_members()
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    stranger = socket.create_connection((members["a"].address, members["a"].port))
    until(loop, lambda: bool(a.peers._door._handshakes), "a stranger in the handshake")
    for node in (a, b):
        node.peers.close()
    stranger.close()
    assert open_files() == before


def test_members_that_cannot_be_called(make: Make) -> None:
    members = tcp_members()
    unreachable = {
        "name": Member(id="name", address="db1.example", port=1),
        "scope": Member(id="scope", address="fe80::1%nowhere0", port=1),
        "far": Member(id="far", address="255.255.255.255", port=1),
    }
    a, b = make("a", {**members, **unreachable}), make("b", members)
    a.say(b, beat(1))
    told = {message.split()[0]: message for _, code, message in a.log if code == "peer-unreachable"}
    assert set(unreachable) <= set(told)
    assert "does not appear to be an IPv4 or IPv6 address" in told["name"]
    assert told["far"] == "far cannot be reached: Network is unreachable"
