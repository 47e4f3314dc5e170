"""The peers of a raft process, by datagrams or by TLS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from alived.adapters.loop import Loop
from alived.adapters.peer_udp import UdpPeers
from alived.adapters.peers import Arrived, Log
from alived.raft.config import Cluster, Member
from alived.raft.packets import Packet


class Peers(Protocol):
    """Sends packets to members and hears them. Nothing blocks; what cannot be sent is lost."""

    @property
    def authentication(self) -> str:
        """How peers are known to be who they say; a sentence."""

    @property
    def refused(self) -> Mapping[str, int]:
        """Packets not accepted, by reason."""

    def configure(self, peers: Mapping[int, Member]) -> None:
        """Where they are now."""

    def rekey(self, cluster: Cluster) -> None:
        """A reload: keys may have changed."""

    def send(self, to: int, packet: Packet) -> None: ...

    def drain(self) -> None:
        """Hears all that has come."""

    def close(self) -> None: ...


def open_peers(loop: Loop, cluster: Cluster, arrived: Arrived, log: Log) -> Peers:
    """Listens where the configuration says; nobody is sent anything before `configure`. arrived(number, packet): what
    a member has said. Raises `adapters.peers.PeersError`, whose text is for the operator."""
    if cluster.tls is None:
        return UdpPeers(loop, cluster, arrived, log)
    from alived.adapters.peer_tls import TlsPeers  # only who needs OpenSSL loads it

    return TlsPeers(loop, cluster, arrived, log)
