"""Members that speak by datagrams, with real sockets over loopback."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alived.adapters import peers
from alived.adapters.loop import Loop
from alived.adapters.peer_udp import UdpPeers
from alived.adapters.peers import PeersError
from alived.raft import packets
from alived.raft.config import Cluster, Member
from alived.raft.datagrams import MAX_DATAGRAM, Codec, Datagram, Kind
from alived.raft.messages import Append, Entry
from tests.adapters import peering
from tests.adapters.peering import A, B, Make, Node, beat, free_port
from tests.adapters.peering import loop as loop
from tests.segment import open_files, until

KEY = b"the key of the cluster"
udp_members = functools.partial(peering.members, socket.SOCK_DGRAM)


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    return write_key(tmp_path / "key", KEY)


def write_key(path: Path, key: bytes) -> str:
    path.write_bytes(key)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def make(loop: Loop, key_file: str) -> Iterator[Make]:
    yield from peering.making(loop, UdpPeers, lambda _: {"key_files": (key_file,)})


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_there_and_back(make: Make, address: str) -> None:
    members = udp_members(address=address)
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    b.say(a, beat(2, B, A))
    assert (a.log, b.log) == ([], [])
    assert a.peers.authentication == "signed datagrams, one key"


def test_on_all_addresses_of_both_families(make: Make) -> None:
    port = free_port(socket.SOCK_DGRAM)
    members = {
        "a": Member(id="a", address="127.0.0.1", port=port),
        "b": Member(id="b", address="::1", port=free_port(socket.SOCK_DGRAM, "::1")),
        "c": Member(id="c", address="127.0.0.1", port=free_port(socket.SOCK_DGRAM)),
    }
    a, b, c = make("a", members, listen_address=""), make("b", members, listen_address=""), make("c", members)
    a.say(b, beat(1))
    b.say(a, beat(2))
    a.say(c, beat(3))
    c.say(a, beat(4))


def test_a_restart_is_noticed_by_nobody(make: Make) -> None:
    members = udp_members()
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    b.say(a, beat(2))
    b.restart()
    a.say(b, beat(3))
    b.say(a, beat(4))
    a.restart()
    a.say(b, beat(5))
    b.say(a, beat(6))
    assert (a.log, b.log) == ([], [])


def test_nobody_is_greeted_when_all_are_known(make: Make, loop: Loop) -> None:
    """The timer runs only while it is of use; who comes later, or again, is greeted until he answers."""
    members = udp_members()
    a = make("a", members)
    assert greets(a)
    b = make("b", members)
    talk(a, b)
    until(loop, lambda: not greets(a) and not greets(b), "both know each other")
    b.restart()
    assert greets(b)
    talk(a, b)
    until(loop, lambda: not greets(a) and not greets(b), "and once more")


def talk(a: Node, b: Node) -> None:
    del a.arrived[:], b.arrived[:]
    a.say(b, beat(1))
    b.say(a, beat(2, B, A))


def greets(member: Node) -> bool:
    return member.peers._timer is not None


def test_the_largest_packet(make: Make) -> None:
    members = udp_members()
    a, b = make("a", members), make("b", members)
    entry = Entry(1, 1, bytes(packets.MAX_PACKET - 200))
    a.say(b, Append(sender=A, to=B, term=1, index=0, log_term=0, entries=(entry,)))


def test_drain_hears_what_waits(make: Make) -> None:
    members = udp_members()
    peering.drain_hears_what_waits(make("a", members), make("b", members), 200)


def test_who_closes_in_the_middle_hears_no_more(make: Make) -> None:
    members = udp_members()
    peering.who_closes_in_the_middle_hears_no_more(make("a", members), make("b", members))


def test_key_files_change_while_it_runs(make: Make, tmp_path: Path, key_file: str) -> None:
    members = udp_members()
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    new = write_key(tmp_path / "new", b"the next key of the cluster")
    b.peers.rekey(rekeyed(b.cluster, key_file, new))
    a.peers.rekey(rekeyed(a.cluster, new, key_file))
    assert a.peers.authentication == "signed datagrams, 2 keys accepted"
    a.say(b, beat(2))
    b.say(a, beat(3, B, A))
    b.peers.rekey(rekeyed(b.cluster, new))
    a.peers.rekey(rekeyed(a.cluster, new))
    a.say(b, beat(4))
    b.say(a, beat(5))
    assert (a.log, b.log) == ([], [])


def test_a_key_file_that_got_lost_changes_nothing(make: Make, key_file: str) -> None:
    members = udp_members()
    a, b = make("a", members), make("b", members)
    os.chmod(key_file, 0o644)
    a.peers.rekey(a.cluster)
    ((level, code, message),) = a.log
    assert (level, code) == ("error", "key-file")
    assert message.endswith("chmod 600 it, and consider a new key; the former keys stay in use")
    a.say(b, beat(1))


def test_a_key_file_that_cannot_be_used_at_the_start(make: Make, key_file: str) -> None:
    os.unlink(key_file)
    with pytest.raises(PeersError, match=r"cannot read key file .*: No such file"):
        make("a", udp_members())


def rekeyed(cluster: Cluster, *key_files: str) -> Cluster:
    values = {name: getattr(cluster, name) for name in cluster.__struct_fields__}
    return Cluster(**{**values, "key_files": key_files})


@pytest.mark.parametrize(
    ("cluster_id", "key", "code", "words"),
    [
        ("blue", b"another key, of somebody", "forged", "it is signed with a key that this node does not accept"),
        ("red", KEY, "foreign-cluster", "it belongs to a cluster with another id"),
    ],
)
def test_who_does_not_belong_here_is_named_once(
    make: Make, loop: Loop, tmp_path: Path, cluster_id: str, key: bytes, code: str, words: str
) -> None:
    members = {**udp_members("a"), "b": Member(id="b", address="127.0.0.2", port=free_port(socket.SOCK_DGRAM))}
    a = make("a", members)
    make("b", members, cluster_id=cluster_id, key_files=(write_key(tmp_path / "other", key),))
    until(loop, lambda: a.peers.refused.get(code, 0) >= 3, "several hellos")
    assert a.log == [("warning", f"peer-{code}", f"a datagram of b (127.0.0.2) was refused: {words}")]


def test_strangers_and_other_versions(make: Make, loop: Loop) -> None:
    """Whatever they send, and however often: a line of each kind."""
    members = udp_members("a")
    a = make("a", members)
    codec = Codec("blue", [KEY])
    genuine = codec.encode(Datagram(Kind.DATA, B, A, 1, 1, 1))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.9", 0))
        for _ in range(3):
            for data in (b"", b"hello", genuine, genuine[:2] + b"\x02" + genuine[3:], bytes(MAX_DATAGRAM + 1)):
                stranger.sendto(data, ("127.0.0.1", members["a"].port))
            stranger.sendto(codec.encode(Datagram(Kind.DATA, B, B, 1, 1, 1)), ("127.0.0.1", members["a"].port))
    expected = {"not-alived": 9, "unknown-sender": 3, "newer-version": 3, "misdirected": 3}
    until(loop, lambda: a.peers.refused == expected, "all of it")
    assert sorted(a.codes()) == sorted(f"peer-{reason}" for reason in expected)
    (line,) = [message for _, code, message in a.log if code == "peer-newer-version"]
    assert line == (
        "a datagram of 127.0.0.9 was refused: it has version 2 of the protocol, and this node speaks version 1"
    )


def test_nobody_is_answered_at_the_address_that_a_datagram_claims(make: Make, loop: Loop) -> None:
    """A genuine HELLO that somebody sends from elsewhere is answered where the member belongs."""
    members = udp_members()
    a = make("a", members)
    hello = Codec("blue", [KEY]).encode(Datagram(Kind.HELLO, B, A, 7, 0, 7))
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief,
    ):
        b.setblocking(False)
        b.bind(("127.0.0.1", members["b"].port))
        thief.bind(("127.0.0.1", 0))
        thief.setblocking(False)
        thief.sendto(hello, ("127.0.0.1", members["a"].port))
        heard: list[bytes] = []

        def welcomed() -> bool:
            try:
                heard.append(b.recv(1000))
            except BlockingIOError:
                return False
            return heard[-1][3] == Kind.WELCOME

        until(loop, welcomed, "the answer")
        with pytest.raises(BlockingIOError):
            thief.recv(1000)
    assert a.log == []


def test_a_packet_that_means_nothing(make: Make) -> None:
    """Signed and fresh, and yet nonsense: a member runs something else."""
    members = udp_members()
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    data = a.peers._sessions.seal(B, b"\xc1", 1)
    a.peers._transmit(B, data)
    until(b.loop, lambda: b.peers.refused == {"malformed": 1}, "the nonsense")
    assert b.codes() == ["peer-malformed"]


def test_a_member_that_cannot_be_reached(make: Make) -> None:
    """Whatever the reason, the others are."""
    members = udp_members()
    unreachable = {
        "v6": Member(id="v6", address="::1", port=1),
        "name": Member(id="name", address="db1.example", port=1),
        "scope": Member(id="scope", address="fe80::1%nowhere0", port=1),
        "far": Member(id="far", address="255.255.255.255", port=1),
    }
    a, b = make("a", {**members, **unreachable}), make("b", members)
    a.say(b, beat(1))
    told = {message.partition(" at ")[0]: message for _, code, message in a.log if code == "peer-unreachable"}
    assert sorted(told) == sorted(unreachable)
    assert "does not listen on an address of that kind" in told["v6"]
    assert "does not appear to be an IPv4 or IPv6 address" in told["name"]
    assert told["far"] == "far at 255.255.255.255 cannot be reached: Permission denied"
    assert a.peers.refused["not-sent"] >= 1
    for number in a.members:
        a.peers.send(number, beat(2))
    assert len(a.log) == len(unreachable), "each is told once"


def test_nothing_is_sent_to_who_left(make: Make) -> None:
    members = udp_members()
    a, b = make("a", members), make("b", members)
    a.say(b, beat(1))
    a.peers.configure({A: members["a"]})
    a.peers.send(B, beat(2))
    b.peers.drain()
    assert b.arrived[-1] == (A, beat(1))


def test_a_complaint_comes_again_when_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1]
    monkeypatch.setattr(peers, "now_ns", lambda: now[0])
    lines: list[tuple[str, str, str]] = []
    complaints = peers.Complaints(lambda *line: lines.append(line))
    for now[0] in (1, 2, peers.COMPLAINT_INTERVAL_NS, peers.COMPLAINT_INTERVAL_NS + 1):
        complaints.make("code", "a", f"{now[0]}")
    complaints.make("code", "b", "another")
    assert [message for _, _, message in lines] == ["1", f"{peers.COMPLAINT_INTERVAL_NS + 1}", "another"]


def test_a_port_that_is_taken(make: Make) -> None:
    members = udp_members("a")
    make("a", members)
    before = open_files()
    for address in ("127.0.0.1", ""):
        with pytest.raises(PeersError, match=r"cannot listen on UDP [0-9.]+ port \d+: Address already in use"):
            make("a", members, listen_address=address)
    assert open_files() == before


def test_an_address_of_another_machine(make: Make) -> None:
    with pytest.raises(PeersError, match=r"cannot listen on UDP 192.0.2.77 port \d+: Cannot assign requested address"):
        make("a", udp_members("a"), listen_address="192.0.2.77")


def test_a_machine_without_ipv6(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def without_ipv6(family: int, *more: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *more)

    members = udp_members()
    with monkeypatch.context() as broken:
        broken.setattr(socket, "socket", without_ipv6)
        a = make("a", members, listen_address="")
    a.say(make("b", members), beat(1))


def test_without_a_key_it_says_what_that_means(make: Make) -> None:
    members = udp_members()
    a, b = make("a", members, key_files=()), make("b", members, key_files=())
    a.say(b, beat(1))
    assert a.peers.authentication == (
        "datagrams without a key: whoever reaches the port can pose as a member (see key_file and tls)"
    )


def test_closed_it_leaves_nothing(loop: Loop, make: Make) -> None:
    before = open_files()
    members = udp_members()
    a = make("a", members, listen_address="")
    a.peers.close()
    a.peers.close()
    assert open_files() == before
