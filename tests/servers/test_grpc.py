"""The check of gRPC asks a real server of grpcio."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from alived.health.config import GrpcCheck
from alived.raft.config import Tls
from tests.adapters.certificates import Authority
from tests.servers.asking import SHORT_NS, at, outcome
from tests.servers.grpc_health import grpc_health
from tests.servers.process import ServerProcess, directory, readable_by_servers


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with grpc_health() as server:
        yield server


@pytest.fixture
def check(server: ServerProcess) -> GrpcCheck:
    return GrpcCheck(**at(server))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("", (True, "the server is SERVING")),
        ("up", (True, "service up is SERVING")),
        ("down", (False, "service down is NOT_SERVING")),
        ("none", (False, "gRPC status NOT_FOUND")),
    ],
)
def test_services(check: GrpcCheck, service: str, expected: tuple[bool, str]) -> None:
    assert outcome(msgspec.structs.replace(check, service=service)) == expected


def test_a_frozen_server(server: ServerProcess, check: GrpcCheck) -> None:
    with server.frozen():
        frozen = outcome(msgspec.structs.replace(check, connect_timeout_ns=SHORT_NS))
    assert frozen == (False, "no answer in time")
    assert outcome(check)[0]


def test_tls(files: Tls) -> None:
    with grpc_health(files.cert_file, files.key_file) as server:
        check = GrpcCheck(**at(server), tls=True, tls_verify=True, tls_ca=files.ca_file, tls_name="rpc.example")  # type: ignore[arg-type]
        assert outcome(check) == (True, "the server is SERVING")
        ok, reason = outcome(msgspec.structs.replace(check, tls_name="other.example"))
        assert not ok
        assert "TLS: " in reason


@pytest.fixture
def files() -> Iterator[Tls]:
    with directory() as place:
        files = Authority(place).issue("rpc", dns=("rpc.example",))
        readable_by_servers(place)
        yield files
