"""Packets between the members of a cluster over TLS: each member connects to each other one to speak, and listens on
the connections that the others make.

So there is nothing to agree on when two connect at the same moment, and a connection that breaks is the business of who
wanted to speak.
"""

from __future__ import annotations

import functools
import ssl
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from alived.adapters.loop import Loop
from alived.adapters.peers import Arrived, Complaints, Log, PeersError, canonical, socket_address
from alived.adapters.tls_door import Door
from alived.adapters.tls_identity import (
    SECONDS_PER_DAY,
    Identity,
    expiry_s,
    expiry_text,
    load_identity,
    names,
    said,
)
from alived.adapters.tls_link import Link
from alived.adapters.tls_stream import TlsStream
from alived.base import NS_PER_S, DecodeError
from alived.raft.config import Cluster, Member
from alived.raft.directory import node_number
from alived.raft.frames import FrameReader, frame, preface
from alived.raft.packets import Packet, decode, encode

EXPIRY_NOTICE_DAYS = 30
READS_A_DRAIN = 1024
"""Far more than members can have said"""
DAY_NS = SECONDS_PER_DAY * NS_PER_S


class TlsPeers:
    """The transport that `daemon.peers.Peers` describes."""

    def __init__(self, loop: Loop, cluster: Cluster, arrived: Arrived, log: Log) -> None:
        """arrived(number, packet): what a member has said. Raises PeersError."""
        self._loop, self._arrived, self._log = loop, arrived, log
        self._complaints = Complaints(log)
        self._refused: Counter[str] = Counter()
        self._cluster = cluster
        self._number = node_number(cluster.node_id)
        self._members: dict[int, Member] = {}
        self._links: dict[int, Link] = {}
        """To speak"""
        self._heard: dict[int, TlsStream] = {}
        """To listen"""
        self._identity = _identity(cluster)
        self._door = Door(loop, cluster.listen_address, cluster.listen_port, self)
        self._expires_s: dict[str, int] = {cluster.node_id: self._identity.expires_s}
        """When certificates expire, by the names of the members; seconds since 1970"""
        self._timer = loop.call_later(0, self._remind)

    @property
    def authentication(self) -> str:
        """How peers are known to be who they say; a sentence."""
        return f"TLS 1.3 with certificates on both sides; ours expires on {expiry_text(self._identity.expires_s)}"

    @property
    def refused(self) -> Mapping[str, int]:
        """What was not accepted, by reason (`raft.frames`, "unknown-sender", "handshake", "rationed", "malformed"), and
        "not-sent": packets that did not leave, as the peer was not there or did not read."""
        return dict(self._refused)

    def configure(self, peers: Mapping[int, Member]) -> None:
        """Where they are now. Connections with those that stay where they are stay too."""
        former, self._members = self._members, dict(peers)
        for number in former:
            if number not in peers and number in self._heard:
                self._heard.pop(number).close()
        for number, link in list(self._links.items()):
            if _place(former[number]) != _place(self._members.get(number)):
                link.close()
                del self._links[number]
        for number, member in self._members.items():
            if number != self._number and number not in self._links:
                self._link(number, member)

    def rekey(self, cluster: Cluster) -> None:
        """Reads the certificates again. If they have changed, all connections are made anew with them; if they cannot
        be used, the former ones stay."""
        try:
            identity = _identity(cluster)
        except PeersError as error:
            self._log("error", "certificate", f"{error}; the former certificate stays in use")
            return
        if identity.digest != self._identity.digest:
            self._identity = identity
            self._expires_s[cluster.node_id] = identity.expires_s
            self._door.turn_all_out()
            self._hang_up()
            self.configure(self._members)
            self._note_expiries()

    def send(self, to: int, packet: Packet) -> None:
        """Nothing is sent to who is no member (any more)."""
        if to in self._links:
            self._links[to].send(frame(encode(packet)))

    def drain(self) -> None:
        """Hears all that has come."""
        for stream in list(self._heard.values()):
            stream.turn(READS_A_DRAIN)

    def close(self) -> None:
        self._timer.cancel()
        self._door.close()
        self._hang_up()
        self._members = {}

    def _hang_up(self) -> None:
        for link in self._links.values():
            link.close()
        for stream in self._heard.values():
            stream.close()
        self._links, self._heard = {}, {}

    # -- speaking: what links ask and tell

    def _link(self, number: int, member: Member) -> None:
        try:
            to = socket_address(member.address, member.port)
            source = socket_address(self._cluster.listen_address, 0) if self._cluster.listen_address else None
        except (ValueError, OSError) as error:
            self.unreachable(member.id, str(error))
            return
        if source is not None and source.family != to.family:
            source = None
        beginning = preface(self._cluster.cluster_id, number)
        self._links[number] = Link(self._loop, self, member.id, to, source, beginning)

    @property
    def client_context(self) -> ssl.SSLContext:
        return self._identity.client

    def linked(self, name: str, certificate: Mapping[str, Any]) -> None:
        self._seen(name, certificate)

    def unreachable(self, name: str, reason: str) -> None:
        self._complaints.make("peer-unreachable", name, f"{name} cannot be reached: {reason}")

    def unlinked(self, name: str, reason: str) -> None:
        self._complaints.make("peer-unlinked", name, f"the connection to {name} ended: {reason}")

    def dropped(self) -> None:
        self._refused["not-sent"] += 1

    # -- listening: what the door asks and tells

    @property
    def server_context(self) -> ssl.SSLContext:
        return self._identity.server

    def lives_at(self, address: str) -> bool:
        return self._name_at(address) != ""

    def _name_at(self, address: str) -> str:
        """Of the member who lives there, "" if none does."""
        where = canonical(address)
        return next((member.id for member in self._members.values() if canonical(member.address) == where), "")

    def entered(self, stream: TlsStream, certificate: Mapping[str, Any], address: str) -> None:
        found = names(certificate)
        numbers = [number for number, member in self._members.items() if member.id in found]
        if len(numbers) != 1:
            stream.close()
            what = "several members" if numbers else "no member"
            self.turned_away(address, "unknown-sender", f"its certificate is for {said(found)}, which is {what}")
            return
        (number,) = numbers
        self._seen(self._members[number].id, certificate)
        if number in self._heard:
            self._heard[number].close()
        self._heard[number] = stream
        reader = FrameReader(self._cluster.cluster_id, self._number)
        stream.received = functools.partial(self._received, number, stream, reader)
        stream.failed = functools.partial(self._silent, number)
        if number in self._links:
            self._links[number].hurry()

    def turned_away(self, address: str, reason: str, detail: str) -> None:
        name = self._name_at(address)
        self._refuse(name, f"{name} ({address})" if name else address, reason, detail)

    def _received(self, number: int, stream: TlsStream, reader: FrameReader, data: bytes) -> None:
        try:
            for body in reader.feed(data):
                self._arrived(number, decode(body), False)
                if self._heard.get(number) is not stream:  # what arrived was the end
                    return
        except DecodeError as error:
            stream.close()
            del self._heard[number]
            name = self._members[number].id
            self._refuse(name, name, error.reason, error.detail)

    def _silent(self, number: int, _reason: str) -> None:
        """The member comes back, or the link to it says why not."""
        del self._heard[number]

    def _refuse(self, about: str, who: str, reason: str, detail: str) -> None:
        self._refused[reason] += 1
        self._complaints.make(f"peer-{reason}", about, f"a connection of {who} was refused: {detail or reason}")

    # -- certificates that expire

    def _seen(self, name: str, certificate: Mapping[str, Any]) -> None:
        self._expires_s[name] = expiry_s(certificate)
        self._note_expiries()

    def _remind(self) -> None:
        self._timer = self._loop.call_later(DAY_NS, self._remind)
        self._note_expiries()

    def _note_expiries(self) -> None:
        now_s = time.time()
        for name, expires_s in self._expires_s.items():
            days = int((expires_s - now_s) // SECONDS_PER_DAY)
            if days < EXPIRY_NOTICE_DAYS:
                when = f"expires in {days} days, on" if days >= 0 else "has expired on"
                message = f"the certificate of {name} {when} {expiry_text(expires_s)}"
                self._complaints.make("certificate-expires", name, message)


def _identity(cluster: Cluster) -> Identity:
    """Raises PeersError."""
    assert cluster.tls is not None, "TLS was chosen"
    return load_identity(cluster.tls, cluster.node_id, [member.id for member in cluster.members])


def _place(member: Member | None) -> object:
    """What a link depends on."""
    return member and (member.address, member.port)
