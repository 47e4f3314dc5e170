"""Sessions: what somebody sent arrives at most once, whatever is replayed, and after every restart it arrives again."""

from __future__ import annotations

import sys

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from alived.base import NS_PER_MS, NS_PER_S, DecodeError
from alived.raft.datagrams import OVERHEAD, Codec, Datagram, Kind
from alived.raft.sessions import HELLO_INTERVAL_NS, WELCOMES_AT_ONCE, WINDOW, Opened, Sessions, SessionView

KEY = b"the key of the cluster"
A, B, C = 1, 2, 3


class Clock:
    """Far enough apart that no ration is used up, unless a test stands still."""

    def __init__(self) -> None:
        self.now_ns = 0

    def later(self) -> int:
        self.now_ns += NS_PER_S
        return self.now_ns


clock = Clock()
starts = iter(range(1, sys.maxsize))


def node(number: int, *, cluster_id: str = "blue", keys: tuple[bytes, ...] = (KEY,)) -> Sessions:
    """As it starts: with a secret that was never used."""
    sessions = Sessions(number, cluster_id, keys, next(starts).to_bytes(32, "little"))
    sessions.peers([A, B, C])
    return sessions


def opened(sessions: Sessions, data: bytes | None) -> Opened:
    assert data is not None
    return sessions.open(data, clock.later())


def reason(sessions: Sessions, data: bytes | None) -> str:
    before = dict(sessions.errors)
    with pytest.raises(DecodeError) as error:
        opened(sessions, data)
    counted = error.value.reason
    assert sessions.errors == {**before, counted: before.get(counted, 0) + 1}
    return counted


def exchange(sender: Sessions, receiver: Sessions, packet: bytes) -> list[bytes]:
    """Every datagram that one packet needs, delivered at once; what arrived at the receiver."""
    arrived: list[bytes] = []
    data = sender.seal(receiver.number, packet, clock.later())
    to, other = receiver, sender
    while data is not None:
        sender_number, body, data = to.open(data, clock.later())
        assert sender_number == other.number
        if body is not None:
            assert to is receiver
            arrived.append(body)
        to, other = other, to
    return arrived


def pair() -> tuple[Sessions, Sessions]:
    a, b = node(A), node(B)
    assert exchange(a, b, b"first") == [b"first"]
    return a, b


def sealed(sender: Sessions, to: int, packet: bytes) -> bytes:
    data = sender.seal(to, packet, clock.later())
    assert data is not None
    return data


def test_the_first_packet_waits_for_the_token() -> None:
    a, b = node(A), node(B)
    assert a.snapshot() == {B: SessionView(False, False), C: SessionView(False, False)}
    hello = a.seal(B, b"older", clock.later())
    assert a.seal(B, b"newest", clock.now_ns) is None, "one HELLO at a time"
    welcome = opened(b, hello)
    assert welcome.packet is None
    arrived = opened(b, opened(a, welcome.answer).answer)
    assert arrived == Opened(A, b"newest", None)
    assert a.snapshot()[B] == SessionView(True, False)
    assert b.snapshot()[A] == SessionView(False, True)


def test_a_packet_later() -> None:
    a, b = pair()
    assert opened(b, sealed(a, B, b"second")) == Opened(A, b"second", None)
    assert exchange(b, a, b"back") == [b"back"]


def test_replayed() -> None:
    a, b = pair()
    data = sealed(a, B, b"once")
    assert opened(b, data).packet == b"once"
    for _ in range(3):
        assert reason(b, data) == "replayed"


def test_overtaken_a_little() -> None:
    a, b = pair()
    flight = [sealed(a, B, b"%d" % number) for number in range(WINDOW + 1)]
    assert opened(b, flight[-1]).packet == b"%d" % WINDOW
    assert [opened(b, data).packet for data in reversed(flight[1:-1])] == [b"%d" % n for n in range(WINDOW - 1, 0, -1)]
    assert reason(b, flight[0]) == "replayed", "it may have been seen: nobody knows"
    for data in flight:
        assert reason(b, data) == "replayed"


def test_overtaken_by_far() -> None:
    a, b = pair()
    flight = [sealed(a, B, b"%d" % number) for number in range(3 * WINDOW)]
    assert opened(b, flight[-1]).packet is not None
    assert reason(b, flight[2 * WINDOW - 1]) == "replayed"
    assert opened(b, flight[2 * WINDOW]).packet == b"%d" % (2 * WINDOW)


def test_a_recording_is_stale_after_a_restart_of_the_receiver() -> None:
    a, b = pair()
    recorded = sealed(a, B, b"vote")
    opened(b, recorded)
    b = node(B)
    answer = opened(b, recorded)
    assert answer.packet is None
    assert b.errors == {"stale": 1}
    assert exchange(b, a, b"hello again") == [b"hello again"]
    assert opened(b, recorded).packet is None


def test_the_sender_learns_of_a_restart_of_the_receiver() -> None:
    a, _ = pair()
    b = node(B)
    assert exchange(a, b, b"lost, but what is said next arrives") == []
    assert exchange(a, b, b"next") == [b"next"]


def test_a_recording_is_stale_after_a_restart_of_the_sender() -> None:
    a, b = pair()
    recorded = [sealed(a, B, b"one"), sealed(a, B, b"two")]
    opened(b, recorded[0])
    a = node(A)
    assert exchange(a, b, b"new session") == [b"new session"]
    for data in recorded:
        assert opened(b, data).packet is None
    assert b.errors["stale"] == 2
    assert exchange(a, b, b"goes on") == [b"goes on"]


def test_a_replayed_hello_harms_nobody() -> None:
    a, b = pair()
    first = node(A)
    old_hello = first.seal(B, b"old", clock.later())
    welcome = opened(b, old_hello).answer
    assert reason(a, welcome) == "unasked", "it is not what this process asked"
    for _ in range(50):
        opened(b, old_hello)
    assert exchange(a, b, b"goes on") == [b"goes on"]
    recorded = opened(first, welcome).answer
    assert opened(b, recorded).packet == b"old", "a token is good for the one who asked, if he lives"
    assert opened(b, sealed(a, B, b"the session before")).packet is None


def test_a_hello_of_the_present_session_changes_nothing() -> None:
    """The peer is asked again, e.g. after a STALE that was replayed."""
    a, b = node(A), node(B)
    hello = a.seal(B, b"first", clock.later())
    recorded = opened(a, opened(b, hello).answer).answer
    opened(b, recorded)
    again = opened(b, hello).answer
    assert again is not None
    assert reason(a, again) == "unasked"
    assert reason(b, recorded) == "replayed"
    assert opened(b, sealed(a, B, b"second")).packet == b"second"


def test_a_replayed_hello_of_the_present_session_raises_no_doubt() -> None:
    a, b = node(A), node(B)
    hello = a.seal(B, b"first", clock.later())
    opened(b, opened(a, opened(b, hello).answer).answer)
    assert exchange(b, a, b"back") == [b"back"]
    opened(b, hello)
    assert A not in dict(b.hellos(clock.later()))
    assert b.in_doubt, "C has not been heard of"
    b.peers({A, B})
    assert not b.in_doubt
    opened(b, node(A).seal(B, b"another session", clock.later()))
    assert b.in_doubt
    assert A in dict(b.hellos(clock.later()))


def test_a_welcome_counts_once() -> None:
    a, b = node(A), node(B)
    welcome = opened(b, a.seal(B, b"first", clock.later())).answer
    opened(a, welcome)
    assert reason(a, welcome) == "unasked"


def test_an_old_stale_is_no_news() -> None:
    a, b = pair()
    recorded = sealed(a, B, b"lost")
    b = node(B)
    stale = opened(b, recorded).answer
    assert exchange(a, b, b"lost") == []
    assert exchange(a, b, b"heard") == [b"heard"]
    assert reason(a, stale) == "unasked"


def test_the_session_that_lost_a_race_is_told() -> None:
    """Both sessions of a sender got a token, and a late datagram proves the former one."""
    b = node(B)
    former, present = node(A), node(A)
    late = opened(former, opened(b, former.seal(B, b"late", clock.later())).answer).answer
    first = opened(present, opened(b, present.seal(B, b"first", clock.later())).answer).answer
    assert opened(b, late).packet == b"late"
    hello = opened(present, opened(b, first).answer).answer
    assert hello is not None
    assert opened(present, opened(b, hello).answer).answer is None
    assert opened(b, sealed(present, B, b"now")).packet == b"now"


def test_who_restarted_is_greeted() -> None:
    """A token is at hand when it is needed, e.g. for a vote."""
    a, b = pair()
    assert [to for to, _ in a.hellos(clock.later())] == [C]
    b = node(B)
    for to, hello in list(b.hellos(clock.later())):
        if to == A:
            opened(b, opened(a, hello).answer)
    greeted = dict(a.hellos(clock.later()))
    assert sorted(greeted) == [B, C]
    opened(a, opened(b, greeted[B]).answer)
    assert [to for to, _ in a.hellos(clock.later())] == [C]
    assert list(a.hellos(clock.now_ns)) == [], "one HELLO at a time"
    assert list(a.hellos(clock.now_ns + HELLO_INTERVAL_NS)) != []
    assert opened(b, sealed(a, B, b"vote")).packet == b"vote"


def test_a_member_that_left_and_came_back() -> None:
    a, b = pair()
    recorded = sealed(a, B, b"before")
    assert opened(b, recorded).packet == b"before"
    b.peers([C])
    assert reason(b, recorded) == "unknown-sender"
    with pytest.raises(KeyError):
        b.seal(A, b"", clock.later())
    b.peers([A, C])
    assert opened(b, recorded).packet is None
    assert exchange(a, b, b"after") == []
    assert exchange(a, b, b"after") == [b"after"]
    assert opened(b, recorded).packet is None
    a.peers([C])
    a.peers([B, C])
    assert exchange(a, b, b"from the beginning") == [b"from the beginning"]


def test_peers_that_stay_keep_their_sessions() -> None:
    a, b = pair()
    a.peers([A, B])
    b.peers([A, 9])
    assert opened(b, sealed(a, B, b"goes on")).packet == b"goes on"
    assert sorted(b.snapshot()) == [A, 9]


def test_not_for_this_node() -> None:
    a, _ = pair()
    data = sealed(a, B, b"for b")
    assert reason(node(C), data) == "misdirected"
    assert reason(a, data) == "misdirected", "also who sent it"


def test_a_new_key_while_sessions_go_on() -> None:
    a, b = pair()
    new = b"the next key of the cluster"
    b.rekey([KEY, new])
    a.rekey([new, KEY])
    assert opened(b, sealed(a, B, b"signed with the new one")).packet == b"signed with the new one"
    b.rekey([new])
    a.rekey([KEY])
    assert reason(b, sealed(a, B, b"signed with the old one")) == "forged"


def test_answers_are_rationed_and_never_longer_than_what_they_answer() -> None:
    b = node(B)
    hello = node(A).seal(B, b"", clock.later())
    assert hello is not None
    answers = [b.open(hello, clock.now_ns).answer for _ in range(100)]
    assert sum(answer is not None for answer in answers) == WELCOMES_AT_ONCE
    stale = Codec("blue", [KEY]).encode(Datagram(Kind.DATA, A, B, 5, 5, 5))
    answer = b.open(stale, clock.now_ns).answer
    assert answer is not None, "a ration of its own"
    assert [b.open(stale, clock.now_ns).answer for _ in range(100)] == [None] * 100
    assert len(answer) == len(hello) == len(stale) == OVERHEAD


def test_a_sender_in_a_hurry_does_not_use_up_the_answer_to_its_own_hello() -> None:
    """Who sends all the time to a peer that has restarted is told so, asks, and is heard with the second HELLO; the
    first one is lost."""
    a, b = pair()
    b = node(B)
    begin_ns = clock.later()
    hellos = 0
    for now_ns in range(begin_ns, begin_ns + 3 * HELLO_INTERVAL_NS, NS_PER_MS):
        data = a.seal(B, b"%d" % now_ns, now_ns)
        assert data is not None
        _, arrived, answer = b.open(data, now_ns)
        if arrived is not None:
            return
        while answer is not None:
            hello = a.open(answer, now_ns).answer
            hellos += hello is not None
            answer = b.open(hello, now_ns).answer if hello is not None and hellos > 1 else None
    raise AssertionError("a was not heard")


def test_a_flood_does_not_grow_anything() -> None:
    b = node(B)
    codec = Codec("blue", [KEY])
    for number in range(1000):
        opened(b, codec.encode(Datagram(Kind.HELLO, A, B, number, 0, number)))
        opened(b, codec.encode(Datagram(Kind.DATA, A, B, number, number, number, bytes(100))))
    assert b.snapshot() == node(B).snapshot()
    assert b.errors == {"stale": 1000}


def test_a_packet_that_no_datagram_holds_is_our_own_mistake() -> None:
    a, _ = pair()
    with pytest.raises(AssertionError, match="a packet of 60001 bytes"):
        a.seal(B, bytes(60_001), clock.later())


class Wire(RuleBasedStateMachine):
    """Somebody who records everything delivers, repeats, cuts and garbles as he likes, while nodes restart, leave and
    come back. He has no key. No packet ever arrives twice, none that was not sent; and as soon as he stops, everything
    arrives."""

    @initialize()
    def begin(self) -> None:
        self.nodes = {A: node(A), B: node(B)}
        self.recorded: list[tuple[int, bytes]] = []
        self.sent: dict[tuple[int, int], set[bytes]] = {(A, B): set(), (B, A): set()}
        self.arrived: set[tuple[int, bytes]] = set()
        self.count = 0

    def put(self, to: int, data: bytes | None) -> None:
        if data is not None:
            self.recorded.append((to, data))

    def deliver(self, to: int, data: bytes) -> None:
        try:
            sender, packet, answer = self.nodes[to].open(data, clock.later())
        except DecodeError:
            return
        self.put(sender, answer)
        if packet is not None:
            assert packet in self.sent[sender, to], "it was sent, by this node to that one"
            assert (to, packet) not in self.arrived, "it has not arrived before"
            self.arrived.add((to, packet))

    @rule(sender=st.sampled_from([A, B]))
    def send(self, sender: int) -> None:
        to = A + B - sender
        self.count += 1
        packet = b"packet %d" % self.count
        self.sent[sender, to].add(packet)
        self.put(to, self.nodes[sender].seal(to, packet, clock.later()))

    @rule(sender=st.sampled_from([A, B]))
    def greet(self, sender: int) -> None:
        for to, hello in self.nodes[sender].hellos(clock.later()):
            if to in self.nodes:
                self.put(to, hello)

    @precondition(lambda self: self.recorded)
    @rule(data=st.data(), to_whom_it_is_meant=st.booleans())
    def replay(self, data: st.DataObject, to_whom_it_is_meant: bool) -> None:
        back = data.draw(st.integers(1, len(self.recorded)))
        to, datagram = self.recorded[-back]
        self.deliver(to if to_whom_it_is_meant else A + B - to, datagram)

    @precondition(lambda self: self.recorded)
    @rule(data=st.data(), flip=st.integers(1, 255))
    def garble(self, data: st.DataObject, flip: int) -> None:
        to, datagram = data.draw(st.sampled_from(self.recorded))
        place = data.draw(st.integers(0, len(datagram) - 1))
        garbled = bytearray(datagram)
        garbled[place] ^= flip
        with pytest.raises(DecodeError):
            self.nodes[to].open(bytes(garbled), clock.later())
        with pytest.raises(DecodeError):
            self.nodes[to].open(datagram[:place], clock.later())

    @rule(number=st.sampled_from([A, B]))
    def restart(self, number: int) -> None:
        self.nodes[number] = node(number)

    @rule(number=st.sampled_from([A, B]))
    def leave_and_come_back(self, number: int) -> None:
        self.nodes[number].peers([C])
        self.nodes[number].peers([A, B, C])

    @rule(sender=st.sampled_from([A, B]))
    def peace(self, sender: int) -> None:
        """At the latest the second packet arrives, and so does every one after it."""
        to = A + B - sender
        for attempt in range(4):
            self.count += 1
            packet = b"packet %d" % self.count
            self.sent[sender, to].add(packet)
            begin = len(self.recorded)
            self.put(to, self.nodes[sender].seal(to, packet, clock.later()))
            while begin < len(self.recorded):
                self.deliver(*self.recorded[begin])
                begin += 1
            assert attempt == 0 or (to, packet) in self.arrived


Wire.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
test_wire = Wire.TestCase
