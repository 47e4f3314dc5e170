"""Probes over TCP without TLS, and what all probes have in common."""

from __future__ import annotations

import socket
import time

import pytest

from alived.adapters.probe import MOST_PATIENCE
from alived.adapters.probes import ProbeEnd
from alived.base import NS_PER_MS
from alived.health.dialogue import Verdict
from tests.adapters.probing import Listening, ask, ask_all, prober, tcp, undecided, verdict
from tests.nasty_servers import (
    Server,
    drip,
    end_at_once,
    endlessly,
    full_backlog,
    greet,
    refused_port,
    reset,
    silent,
)

SHORT_NS = 50 * NS_PER_MS
BOTH = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])


@BOTH
def test_a_port_that_listens_is_up(address: str) -> None:
    with Server(silent, address=address) as server:
        end = ask(tcp(server.address, server.port))
    assert end.outcome == Verdict(True, "connected")
    assert end.took_ns > 0 and end.expires_s is None


def test_a_server_does_not_hear_of_a_check_that_says_nothing() -> None:
    """The handshake is never completed: nothing to accept, no TIME_WAIT on either side."""
    with Server(silent) as server:
        assert verdict(tcp(server.address, server.port)).ok
        with socket.create_connection((server.address, server.port)) as client:
            while not server.connections:
                time.sleep(0.001)
            ours = client.getsockname()
            assert [conn.sock.getpeername() for conn in server.connections] == [ours]


@BOTH
def test_a_refused_connection_is_a_failure(address: str) -> None:
    assert verdict(tcp(address, refused_port(address))) == Verdict(False, "connection refused")


def test_no_answer_to_the_syn_is_a_failure_after_the_timeout() -> None:
    with full_backlog() as (address, port):
        end = ask(tcp(address, port, timeout_ns=SHORT_NS))
    assert end.outcome == Verdict(False, "no connection within 0.05 s")
    assert end.took_ns >= SHORT_NS


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"bindto": "192.0.2.77"}, "bindto 192.0.2.77: Cannot assign requested address"),
        ({"bind_if": "nowhere0"}, "bind_if nowhere0: No such device"),
        ({"bind_if": "nowhere0", "address": "fe80::1"}, "there is no interface nowhere0"),
        ({"address": "fe80::1%7nowhere"}, "there is no interface 7nowhere"),
    ],
)
def test_what_is_wrong_on_this_machine_is_no_verdict(options: dict[str, str], reason: str) -> None:
    assert undecided(tcp(options.pop("address", "127.0.0.1"), 80, **options)) == reason


def test_a_source_port_that_another_socket_has_is_no_verdict() -> None:
    with Server(silent) as server:
        inquiry = tcp(server.address, server.port, bindto="127.0.0.1", bind_port=server.port)
        assert undecided(inquiry) == f"bindto 127.0.0.1 port {server.port}: Address already in use"


def test_a_fixed_source_port_works_again_at_once() -> None:
    """No TIME_WAIT of the last check is in the way."""
    with Server(greet(b"x")) as server:
        port = refused_port()
        for _ in range(3):
            inquiry = tcp(server.address, server.port, dialogue=Listening(enough=1), bind_port=port)
            assert verdict(inquiry) == Verdict(True, "enough")


def test_the_source_address_is_chosen() -> None:
    peers: list[str] = []
    with Server(lambda conn: peers.append(conn.sock.getpeername()[0])) as server:
        inquiry = tcp(server.address, server.port, dialogue=Listening(b"x"), bindto="127.0.0.9")
        assert not verdict(inquiry).ok
    assert peers == ["127.0.0.9"]


def test_a_server_that_resets_breaks_the_dialogue() -> None:
    with Server(reset) as server:
        outcome = verdict(tcp(server.address, server.port, dialogue=Listening()))
    assert outcome == Verdict(False, "broken: connection reset by the server")


def test_a_server_that_ends_at_once_ends_the_dialogue() -> None:
    with Server(end_at_once) as server:
        assert verdict(tcp(server.address, server.port, dialogue=Listening())) == Verdict(False, "ended")


def test_silence_is_up_to_the_dialogue() -> None:
    with Server(silent) as server:
        inquiry = tcp(server.address, server.port, dialogue=Listening(b"x"), timeout_ns=SHORT_NS)
        assert verdict(inquiry) == Verdict(False, "timed out")


def test_patience_has_an_end() -> None:
    """One octet whenever patience is nearly over would keep a check busy for ever."""
    with Server(drip(b"x" * 10_000, 0.02)) as server:
        dialogue = Listening(b"\r\n\r\n", patient=True)
        end = ask(tcp(server.address, server.port, dialogue=dialogue, timeout_ns=SHORT_NS))
    assert end.outcome == Verdict(False, "timed out")
    assert end.took_ns >= MOST_PATIENCE * SHORT_NS
    assert len(dialogue.heard) > 1


def test_what_the_kernel_does_not_take_at_once_is_sent_later() -> None:
    opening = bytes(8 << 20)
    got: list[int] = []

    def count(conn: object) -> None:
        total = 0
        while total < len(opening) and (piece := conn.sock.recv(1 << 20)):  # type: ignore[attr-defined]
            total += len(piece)
        got.append(total)
        conn.send(b"thanks")  # type: ignore[attr-defined]

    with Server(count) as server:
        inquiry = tcp(server.address, server.port, dialogue=Listening(opening, enough=6))
        assert verdict(inquiry).ok
    assert got == [len(opening)]


def test_a_server_that_never_stops_is_left() -> None:
    with Server(endlessly(b"", b"y" * 65536)) as server:
        dialogue = Listening(enough=1 << 20)
        assert verdict(tcp(server.address, server.port, dialogue=dialogue)).ok
    assert len(dialogue.heard) < (1 << 20) + (1 << 16)


def test_no_more_probes_at_once_than_allowed() -> None:
    with Server(greet(b"x")) as server, prober(most_at_once=3) as some:
        inquiries = [tcp(server.address, server.port, dialogue=Listening(enough=1)) for _ in range(10)]
        most = 0

        def note(_end: ProbeEnd) -> None:
            nonlocal most
            most = max(most, some.running)

        waiting = tcp(server.address, server.port, dialogue=Listening(enough=1))
        runs = [some.start(waiting, note) for _ in range(4)]
        assert (some.running, some.waiting) == (3, 1)
        runs[3].cancel()
        assert some.waiting == 0
        assert all(end.outcome == Verdict(True, "enough") for end in ask_all(some, inquiries))
        assert most <= 3 and some.running == some.waiting == 0 and some.queued == 11


def test_a_cancelled_probe_reports_nothing() -> None:
    ends: list[ProbeEnd] = []
    with Server(silent) as server, prober() as one:
        for number in range(3):
            run = one.start(tcp(server.address, server.port if number else 1), ends.append)
            if number == 2:  # it is over, and its report on its way
                one.loop.turn()
            run.cancel()
            run.cancel()
        assert one.running == 0
        ask_all(one, [tcp(server.address, server.port)])
    assert len(ends) <= 1, "only the one that had ended"


def test_nothing_is_reported_before_start_returns() -> None:
    ends: list[ProbeEnd] = []
    with prober() as one:
        one.start(tcp("127.0.0.1", 80, bind_if="nowhere0"), ends.append)
        assert not ends
        one.loop.turn()
        assert len(ends) == 1


def test_a_closed_prober_leaves_nothing_behind() -> None:
    with Server(silent) as server, prober(most_at_once=1) as one:
        for _ in range(2):
            one.start(tcp(server.address, server.port, dialogue=Listening()), lambda end: pytest.fail(str(end)))
        one.close()
        assert one.running == one.waiting == 0
        one.loop.call_later(5 * NS_PER_MS, one.loop.stop)
        one.loop.run()
