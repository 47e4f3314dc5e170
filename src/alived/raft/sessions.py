"""Sessions between nodes over datagrams: a recording of genuine datagrams is worth nothing, whoever has restarted
meanwhile and however old it is.

- A receiver gives each session of a sender a token. A datagram counts only with that token, and with a sequence number
  that was not seen among the last 64: datagrams may overtake each other a little.
- HELLO asks for a token, WELCOME grants it and repeats the nonce of the HELLO. The first datagram that carries a new
  token proves that its sender lives now; only then is its former session forgotten. So a replayed HELLO changes
  nothing: its answer is of no use to who has no key. Nothing is kept for a session that is not proven, as a token is a
  keyed hash of the session and of a number that changes whenever a session is proven.
- STALE tells a sender that its token is none, because the receiver has restarted or another session was proven.

HELLO, WELCOME and STALE have no body: no answer is longer than what it answers. Answers are rationed, and go to the
address of the configuration, never to where a datagram came from.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, assert_never

from alived.base import NS_PER_MS, DecodeError
from alived.raft.datagrams import Codec, Datagram, Kind
from alived.raft.packets import MAX_PACKET
from alived.raft.ration import Ration

WINDOW = 64
HELLO_INTERVAL_NS = 50 * NS_PER_MS
"""A peer is sent at most one HELLO in this time"""
WELCOME_INTERVAL_NS = 20 * NS_PER_MS
"""A peer is sent at most one WELCOME in this time in the long run, ..."""
WELCOMES_AT_ONCE = 8
"""... and so many at once"""
_ALL_SEEN = (1 << WINDOW) - 1


class Opened(NamedTuple):
    """What a datagram has brought."""

    sender: int
    packet: bytes | None
    """None: nothing for the node itself"""
    answer: bytes | None
    """A datagram to be sent to `sender`, at the address where it belongs"""


class SessionView(NamedTuple):
    """A peer, as these sessions see it."""

    sends: bool
    """We have a token: what we send counts there, unless the peer has restarted just now"""
    receives: bool
    """A session of the peer is proven: what it sends counts here"""


class Sessions:
    """This node's sessions with its peers, by their numbers.

    Call `peers`, then `seal` what is to be sent, `open` what has arrived and `hellos` a few times a second, and send
    the datagrams that they return. Nothing that a peer or an attacker does makes this grow.
    """

    def __init__(self, number: int, cluster_id: str, keys: Sequence[bytes], secret: bytes) -> None:
        """number: this node's. keys: see `datagrams.Codec`. secret: 32 random bytes, others at each start."""
        self.number = number
        self._cluster_id = cluster_id
        self._codec = Codec(cluster_id, keys)
        self._secret = secret
        self._counter = itertools.count(1)
        self._peers: dict[int, _Peer] = {}
        self.errors: dict[str, int] = {}
        """How many datagrams were dropped, by reason: those of `Codec.decode`, "misdirected", "unknown-sender", "stale"
        (a token of former times), "replayed" (or too old), "unasked" (an answer that nobody waits for)"""

    def rekey(self, keys: Sequence[bytes]) -> None:
        """Sign with the first key and accept all, from now on. Sessions go on."""
        self._codec = Codec(self._cluster_id, keys)

    def peers(self, numbers: Iterable[int]) -> None:
        """Who the peers are, from now on; this node itself is none. Sessions with those that stay go on."""
        self._peers = {
            number: self._peers.get(number) or _Peer(number, self._draw(b"session"), next(self._counter))
            for number in sorted(set(numbers) - {self.number})
        }

    def snapshot(self) -> dict[int, SessionView]:
        return {
            number: SessionView(peer.token is not None, peer.proven is not None) for number, peer in self._peers.items()
        }

    # -- out

    def seal(self, to: int, packet: bytes, now_ns: int) -> bytes | None:
        """The datagram for a peer. Without a token it is a HELLO, or None if one was sent just now; the newest packet
        is kept until the token comes."""
        assert len(packet) <= MAX_PACKET, f"a packet of {len(packet)} bytes"
        peer = self._peers[to]
        if peer.token is None:
            peer.waiting = packet
            return self._hello(peer, now_ns)
        peer.sequence += 1
        return self._encode(peer, Kind.DATA, peer.token, peer.sequence, packet)

    @property
    def in_doubt(self) -> bool:
        """Some peer is to be sent a HELLO, now or later."""
        return any(peer.token_in_doubt for peer in self._peers.values())

    def hellos(self, now_ns: int) -> Iterator[tuple[int, bytes]]:
        """(to, datagram) for peers who have given us no token, or seem to have restarted since."""
        for peer in self._peers.values():
            if peer.token_in_doubt and (hello := self._hello(peer, now_ns)) is not None:
                yield peer.number, hello

    def _hello(self, peer: _Peer, now_ns: int) -> bytes | None:
        if now_ns < peer.next_hello_ns:
            return None
        peer.next_hello_ns = now_ns + HELLO_INTERVAL_NS
        peer.nonce = self._draw(b"nonce")
        return self._encode(peer, Kind.HELLO, 0, peer.nonce)

    def _encode(self, peer: _Peer, kind: Kind, token: int, sequence: int, body: bytes = b"") -> bytes:
        return self._codec.encode(Datagram(kind, self.number, peer.number, peer.session, token, sequence, body))

    # -- in

    def open(self, data: bytes, now_ns: int) -> Opened:
        """Raises DecodeError, whose reason is counted in `errors`, for what is dropped without an answer."""
        try:
            return self._open(data, now_ns)
        except DecodeError as error:
            self._count(error.reason)
            raise

    def _open(self, data: bytes, now_ns: int) -> Opened:
        datagram = self._codec.decode(data)
        if datagram.recipient != self.number:
            raise DecodeError("misdirected", "it is meant for another node, whose address leads here")
        peer = self._peers.get(datagram.sender)
        if peer is None:
            raise DecodeError("unknown-sender", "it comes from a node that is no member")
        match datagram.kind:
            case Kind.DATA:
                return self._data(peer, datagram, now_ns)
            case Kind.HELLO:
                answer = self._welcome(peer, datagram, now_ns)
            case Kind.WELCOME:
                answer = self._welcomed(peer, datagram, now_ns)
            case Kind.STALE:
                answer = self._told_stale(peer, datagram, now_ns)
            case _:
                assert_never(datagram.kind)
        return Opened(peer.number, None, answer)

    def _data(self, peer: _Peer, datagram: Datagram, now_ns: int) -> Opened:
        proven = peer.proven
        if proven is None or datagram.token != proven.token:
            if datagram.token != self._grant(peer, datagram.session):
                self._count("stale")
                return Opened(peer.number, None, self._stale(peer, datagram, now_ns))
            peer.proven = proven = _Proven(datagram.session, datagram.token)
            peer.generation = next(self._counter)
        if not proven.is_new(datagram.sequence):
            raise DecodeError("replayed", "it was seen before, or is too old to know")
        return Opened(peer.number, datagram.body, None)

    def _grant(self, peer: _Peer, session: int) -> int:
        """The token for a session that is to follow the proven one."""
        return self._derive(b"token", peer.number, session, peer.generation)

    def _stale(self, peer: _Peer, datagram: Datagram, now_ns: int) -> bytes | None:
        """None if the ration is used up. It is a ration of its own: a sender who has not heard of it must not use up
        the answer to his HELLO."""
        if not peer.stales.take(now_ns):
            return None
        return self._encode(peer, Kind.STALE, datagram.token, datagram.session)

    def _welcome(self, peer: _Peer, hello: Datagram, now_ns: int) -> bytes | None:
        if peer.proven is not None and peer.proven.session == hello.session:
            token = peer.proven.token
        else:
            token = self._grant(peer, hello.session)
            peer.token_in_doubt = True
        return self._encode(peer, Kind.WELCOME, token, hello.sequence) if peer.welcomes.take(now_ns) else None

    def _welcomed(self, peer: _Peer, welcome: Datagram, now_ns: int) -> bytes | None:
        """What has waited for the token leaves at once."""
        if welcome.sequence != peer.nonce:
            raise DecodeError("unasked", "it answers no HELLO that waits for an answer")
        peer.nonce = None
        peer.token = welcome.token
        peer.token_in_doubt = False
        waiting, peer.waiting = peer.waiting, None
        return self.seal(peer.number, waiting, now_ns) if waiting is not None else None

    def _told_stale(self, peer: _Peer, stale: Datagram, now_ns: int) -> bytes | None:
        if stale.token != peer.token or stale.sequence != peer.session:
            raise DecodeError("unasked", "it is about a token that is not in use")
        peer.token_in_doubt = True
        return self._hello(peer, now_ns)

    def _count(self, reason: str) -> None:
        self.errors[reason] = self.errors.get(reason, 0) + 1

    # -- numbers that nobody else can know

    def _draw(self, purpose: bytes) -> int:
        """One that was never used before."""
        return self._derive(purpose, next(self._counter))

    def _derive(self, purpose: bytes, *numbers: int) -> int:
        data = struct.pack(f"<{len(numbers)}Q", *numbers)
        digest = hashlib.blake2s(data, key=self._secret, digest_size=8, person=purpose).digest()
        return int.from_bytes(digest, "little")


class _Peer:
    """What is kept of a peer: of bounded size, whatever arrives."""

    __slots__ = (
        "generation",
        "next_hello_ns",
        "nonce",
        "number",
        "proven",
        "sequence",
        "session",
        "stales",
        "token",
        "token_in_doubt",
        "waiting",
        "welcomes",
    )

    def __init__(self, number: int, session: int, generation: int) -> None:
        self.number = number
        # what we send
        self.session = session
        self.sequence = 0
        self.token: int | None = None
        self.token_in_doubt = True
        """There is none, or the peer has said hello from another session, or that the token is stale"""
        self.nonce: int | None = None
        """Of the HELLO that waits for its answer"""
        self.next_hello_ns = 0
        self.waiting: bytes | None = None
        # what it sends
        self.proven: _Proven | None = None
        self.generation = generation
        """Never used before: a token that was granted once is never granted to another session"""
        self.welcomes = Ration(WELCOME_INTERVAL_NS, WELCOMES_AT_ONCE)
        self.stales = Ration(HELLO_INTERVAL_NS, 1)


class _Proven:
    """A session of a peer from which a datagram with our token has come, and the sequence numbers seen of it."""

    __slots__ = ("_highest", "_seen", "session", "token")

    def __init__(self, session: int, token: int) -> None:
        self.session = session
        self.token = token
        self._highest = 0
        self._seen = 1
        """Bit n: the highest one less n was seen"""

    def is_new(self, sequence: int) -> bool:
        """Whether it was certainly not seen before; from now on it was."""
        ahead = sequence - self._highest
        if ahead > 0:
            self._highest = sequence
            self._seen = ((self._seen << ahead) & _ALL_SEEN | 1) if ahead < WINDOW else 1
            return True
        if -ahead >= WINDOW or self._seen >> -ahead & 1:
            return False
        self._seen |= 1 << -ahead
        return True
