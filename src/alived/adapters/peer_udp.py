"""Packets between the members of a cluster as signed datagrams over UDP. What is believed: `raft.sessions`."""

from __future__ import annotations

import functools
import os
import socket
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from alived.adapters.key_files import KeyFileError, read_keys
from alived.adapters.loop import Loop, Timer, now_ns
from alived.adapters.peers import (
    Arrived,
    Complaints,
    Log,
    PeersError,
    SocketAddress,
    canonical,
    listening_sockets,
    socket_address,
)
from alived.base import NS_PER_MS, DecodeError
from alived.raft.config import Cluster, Member
from alived.raft.datagrams import MAX_DATAGRAM
from alived.raft.directory import node_number
from alived.raft.packets import Packet, decode, encode
from alived.raft.sessions import Sessions

HELLO_EVERY_NS = 250 * NS_PER_MS
READS_A_TURN = 64
READS_A_DRAIN = 1024
"""Far more than members can have said; a flood does not keep the process from everything else."""
_UNREMARKABLE = frozenset({"replayed", "unasked"})
"""Networks double datagrams: counted, but nothing for the log"""


class _Place(NamedTuple):
    """Where a member is, and the socket that leads there."""

    name: str
    socket: socket.socket
    to: SocketAddress


class UdpPeers:
    """The transport that `daemon.peers.Peers` describes."""

    def __init__(self, loop: Loop, cluster: Cluster, arrived: Arrived, log: Log) -> None:
        """Raises PeersError."""
        self._loop, self._arrived, self._log = loop, arrived, log
        self._complaints = Complaints(log)
        self._refused: Counter[str] = Counter()
        self._places: dict[int, _Place] = {}
        self._names: dict[str, str] = {}
        """Of members, by address"""
        try:
            keys = read_keys(cluster.key_files)
        except KeyFileError as error:
            raise PeersError(str(error)) from error
        self._keys = len(keys)
        self._sessions = Sessions(node_number(cluster.node_id), cluster.cluster_id, keys, os.urandom(32))
        self._buffer = memoryview(bytearray(MAX_DATAGRAM + 1))  # one more: what is too long is seen to be
        self._sockets = listening_sockets(socket.SOCK_DGRAM, cluster.listen_address, cluster.listen_port)
        for sock in self._sockets.values():
            loop.add_reader(sock.fileno(), functools.partial(self._read, sock, READS_A_TURN))
        self._timer: Timer | None = None
        """Runs while somebody is to be greeted"""

    @property
    def authentication(self) -> str:
        """How peers are known to be who they say; a sentence."""
        if not self._keys:
            return "datagrams without a key: whoever reaches the port can pose as a member (see key_file and tls)"
        return "signed datagrams, one key" if self._keys == 1 else f"signed datagrams, {self._keys} keys accepted"

    @property
    def refused(self) -> Mapping[str, int]:
        """Datagrams not accepted, by reason (`Sessions.errors`, "malformed"); "not-sent": those that did not leave."""
        return {**self._sessions.errors, **self._refused}

    def configure(self, peers: Mapping[int, Member]) -> None:
        """Where they are now."""
        self._sessions.peers(peers)
        self._names = {canonical(member.address): member.id for member in peers.values()}
        self._places = {}
        for number, member in peers.items():
            if number != self._sessions.number:
                self._place(number, member)
        if self._timer:
            self._timer.cancel()
        self._greet()

    def rekey(self, cluster: Cluster) -> None:
        """Reads the key files again. If they cannot be used, the keys stay as they were."""
        try:
            keys = read_keys(cluster.key_files)
        except KeyFileError as error:
            self._log("error", "key-file", f"{error}; the former keys stay in use")
            return
        self._keys = len(keys)
        self._sessions.rekey(keys)

    def send(self, to: int, packet: Packet) -> None:
        """Nothing is sent to who is no member (any more)."""
        if to in self._places:
            self._transmit(to, self._sessions.seal(to, encode(packet), now_ns()))

    def drain(self) -> None:
        """Hears all that has come."""
        for sock in self._sockets.values():
            self._read(sock, READS_A_DRAIN)

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        for sock in self._sockets.values():
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets = {}

    # -- out

    def _place(self, number: int, member: Member) -> None:
        try:
            to = socket_address(member.address, member.port)
        except (ValueError, OSError) as error:
            self._unreachable(member.id, member.address, str(error))
            return
        sock = self._sockets.get(to.family)
        if sock is None:
            self._unreachable(member.id, member.address, "this node does not listen on an address of that kind")
            return
        self._places[number] = _Place(member.id, sock, to)

    def _unreachable(self, name: str, address: str, why: str) -> None:
        self._complaints.make("peer-unreachable", name, f"{name} at {address} cannot be reached: {why}")

    def _greet(self) -> None:
        self._timer = None
        for number, hello in self._sessions.hellos(now_ns()):
            self._transmit(number, hello)
        self._greet_again()

    def _greet_again(self) -> None:
        """In a while, if somebody is to be greeted still."""
        if self._timer is None and self._sockets and self._sessions.in_doubt:
            self._timer = self._loop.call_later(HELLO_EVERY_NS, self._greet)

    def _transmit(self, to: int, data: bytes | None) -> None:
        place = self._places.get(to)
        if place is None or data is None:
            return
        try:
            place.socket.sendto(data, place.to.address)
        except OSError as error:
            self._refused["not-sent"] += 1
            self._unreachable(place.name, place.to.address[0], error.strerror or str(error))

    # -- in

    def _read(self, sock: socket.socket, most: int) -> None:
        heard = []
        for _ in range(most):
            try:
                length, source = sock.recvfrom_into(self._buffer)
            except BlockingIOError:
                break
            if said := self._open(bytes(self._buffer[:length]), source[0]):
                heard.append(said)
        for left, (sender, packet) in zip(range(len(heard) - 1, -1, -1), heard):
            self._arrived(sender, packet, left > 0)
            if not self._sockets:  # what arrived was the end
                return

    def _open(self, data: bytes, source: str) -> tuple[int, Packet] | None:
        try:
            sender, body, answer = self._sessions.open(data, now_ns())
            if body is not None:
                packet = decode(body)
        except DecodeError as error:
            self._refuse(error, source)
            return None
        self._transmit(sender, answer)
        if body is not None:
            return sender, packet
        self._greet_again()
        return None

    def _refuse(self, error: DecodeError, source: str) -> None:
        if error.reason == "malformed":
            self._refused["malformed"] += 1
        if error.reason not in _UNREMARKABLE:
            name = self._names.get(canonical(source), "")
            who = f"{name} ({source})" if name else source
            message = f"a datagram of {who} was refused: {error.detail or error.reason}"
            self._complaints.make(f"peer-{error.reason}", name, message)
