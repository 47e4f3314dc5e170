"""Probes by datagrams: UDP and ICMP echoes."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from alived.adapters.probe_sockets import SocketRefused
from alived.adapters.probes import ProbeEnd
from alived.base import NS_PER_MS
from alived.health.dialogue import Inquiry, Transport, Verdict
from tests.adapters.probing import TIMEOUT_NS, Listening, ask, ask_all, prober, undecided, verdict
from tests.nasty_servers import refused_port
from tests.segment import OTHER_ADDRESS, Segment, ip

PING_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")
ECHO = b"\x08\x00" + bytes(4)
BOTH = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])


def udp(address: str, port: int, dialogue: Listening, **more: object) -> Inquiry:
    fields: dict[str, object] = {"timeout_ns": TIMEOUT_NS, "transport": Transport.DATAGRAM}
    return Inquiry(**(fields | {"address": address, "port": port, "dialogue": dialogue} | more))  # type: ignore[arg-type]


def echo(address: str, dialogue: Listening | None = None, **more: object) -> Inquiry:
    """The dialogue speaks ICMP, also to an IPv6 address."""
    dialogue = dialogue or Listening(ECHO + b"\x00\x07" + b"0123456789abcdef", enough=8)
    return udp(address, 80, dialogue, transport=Transport.ECHO, **more)


@BOTH
def test_a_datagram_goes_and_its_answer_comes(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as server, prober() as one:
        server.bind((address, 0))
        ends: list[ProbeEnd] = []
        dialogue = Listening(b"question", enough=6)
        one.start(udp(address, server.getsockname()[1], dialogue), ends.append)
        data, client = server.recvfrom(100)
        with socket.socket(family, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"forged", client)
        for piece in (b"ans", b"", b"wer"):
            server.sendto(piece, client)
        while not ends:
            one.loop.turn()
    assert data == b"question"
    assert ends[0].outcome == Verdict(True, "enough")
    assert (bytes(dialogue.heard), dialogue.pieces) == (b"answer", 3)


@BOTH
def test_a_port_where_nobody_listens_breaks_the_dialogue(address: str) -> None:
    assert verdict(udp(address, refused_port(address), Listening(b"x"))) == Verdict(False, "broken: connection refused")


def test_silence_is_up_to_the_dialogue() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        inquiry = udp("127.0.0.1", server.getsockname()[1], Listening(b"x"), timeout_ns=20 * NS_PER_MS)
        assert verdict(inquiry) == Verdict(False, "timed out")


def test_a_flood_of_answers_leaves_the_loop_its_turns() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, prober() as one:
        server.bind(("127.0.0.1", 0))
        dialogue = Listening(b"x")
        run = one.start(udp("127.0.0.1", server.getsockname()[1], dialogue), lambda end: pytest.fail(str(end)))
        _, client = server.recvfrom(100)
        for _ in range(100):
            server.sendto(b"y", client)
        one.loop.turn()
        assert 0 < dialogue.pieces < 100
        run.cancel()


def test_what_the_kernel_refuses_to_send_is_no_verdict() -> None:
    assert undecided(udp("127.0.0.1", 9, Listening(bytes(65_535)))) == "message too long"


def _need_ping_sockets() -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except OSError:
        pytest.skip("no ping sockets here: net.ipv4.ping_group_range")


@BOTH
def test_an_echo_is_answered(address: str) -> None:
    _need_ping_sockets()
    dialogue = Listening(ECHO + b"\x00\x07" + b"0123456789abcdef", enough=8)
    assert ask(echo(address, dialogue)).outcome == Verdict(True, "enough")
    assert dialogue.heard[0] == 0, "also of ICMPv6"


def test_without_the_right_to_ping_there_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> socket.socket:
        raise SocketRefused("no socket: Permission denied")

    monkeypatch.setattr("alived.adapters.probe_datagram.open_socket", refuse)
    assert "net.ipv4.ping_group_range does not have our group" in undecided(echo("127.0.0.1"))


@pytest.mark.lab
@pytest.mark.parametrize("address", [OTHER_ADDRESS, "2001:db8:0::2"])
@pytest.mark.parametrize("groups", ["1\t0", "0\t2147483647"])
def test_echoes_with_ping_sockets_and_without(segment: Segment, address: str, groups: str) -> None:
    """Two at a time, so that each must know its own answer."""
    PING_GROUPS.write_text(groups)
    first, second = (Listening(ECHO + b"\x00\x01" + bytes((number,)) * 8, enough=16) for number in (1, 2))
    with prober() as one:
        ends = ask_all(one, [echo(address, first), echo(address, second)])
    assert [end.outcome for end in ends] == [Verdict(True, "enough")] * 2
    assert (bytes(first.heard[8:]), bytes(second.heard[8:])) == (b"\x01" * 8, b"\x02" * 8)
    assert first.heard[0] == 0


@pytest.mark.lab
def test_an_address_that_nobody_has_breaks_the_dialogue(segment: Segment) -> None:
    outcome = verdict(udp("192.0.2.200", 53, Listening(b"x")))
    assert outcome == Verdict(False, "broken: no route to the host")


@pytest.mark.lab
def test_link_local_addresses_need_the_interface(segment: Segment) -> None:
    with segment.other():
        shown = subprocess.run(["ip", "-6", "-br", "addr", "show", "eth0"], check=True, capture_output=True, text=True)
        address = next(word.split("/")[0] for word in shown.stdout.split() if word.startswith("fe80"))
    assert verdict(echo(address, bind_if="eth0")).ok
    assert verdict(echo(f"{address}%eth0")).ok
    assert undecided(echo(address)) == "invalid argument"


@pytest.mark.lab
def test_marked_packets_take_the_route_of_their_mark(segment: Segment) -> None:
    ip("route add 198.51.100.1 via 192.0.2.2 table 77", "rule add fwmark 7 lookup 77")
    with segment.other():
        ip("addr add 198.51.100.1/32 dev lo")
    assert verdict(echo("198.51.100.1", fwmark=7)).ok
    assert verdict(echo("198.51.100.1")) == Verdict(False, "broken: network unreachable")
