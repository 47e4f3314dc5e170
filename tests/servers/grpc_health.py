"""A server of grpcio with the health service. As a program: PORT [CERTIFICATE KEY]."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tests.servers.process import ServerProcess, directory, free_port, running

_STATES = health_pb2.HealthCheckResponse


@contextlib.contextmanager
def grpc_health(*tls: str) -> Iterator[ServerProcess]:
    """It knows the services "up", "down" and "". tls: its certificate and key."""
    with directory() as place:
        port = free_port()
        argv = (sys.executable, "-m", __name__, str(port), *tls)
        with running(ServerProcess(argv, port, place / "log", directory=Path.cwd())) as server:
            yield server


def main(port: str, *tls: str) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    for service, state in {"": _STATES.SERVING, "up": _STATES.SERVING, "down": _STATES.NOT_SERVING}.items():
        servicer.set(service, state)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if tls:
        certificate, key = (Path(name).read_bytes() for name in tls)
        server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
