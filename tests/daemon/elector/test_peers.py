"""Which transport a cluster gets: TLS if it has certificates, else datagrams."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from alived.adapters.loop import Loop
from alived.adapters.peers import PeersError
from alived.daemon.elector.peers import open_peers
from alived.raft.config import Cluster, Tls
from tests.adapters.certificates import Authority
from tests.adapters.peering import free_port
from tests.adapters.peering import loop as loop


def cluster(kind: socket.SocketKind, tls: Tls | None = None) -> Cluster:
    port = free_port(kind)
    return Cluster(node_id="a", data_dir="", members=(), listen_address="127.0.0.1", listen_port=port, tls=tls)


def test_datagrams(loop: Loop) -> None:
    peers = open_peers(loop, cluster(socket.SOCK_DGRAM), lambda *_: None, lambda *_: None)
    assert peers.authentication.startswith("datagrams without a key")
    peers.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")
def test_tls(loop: Loop, tmp_path: Path) -> None:
    tls = Authority(tmp_path / "ca").issue("a")
    peers = open_peers(loop, cluster(socket.SOCK_STREAM, tls), lambda *_: None, lambda *_: None)
    assert peers.authentication.startswith("TLS 1.3 with certificates on both sides")
    peers.close()


def test_what_cannot_be_used_is_said(loop: Loop) -> None:
    tls = Tls(ca_file="/none/ca.pem", cert_file="/none/a.pem", key_file="/none/a.key")
    with pytest.raises(PeersError, match=r"^cannot read /none/ca.pem: No such file or directory$"):
        open_peers(loop, cluster(socket.SOCK_STREAM, tls), lambda *_: None, lambda *_: None)
