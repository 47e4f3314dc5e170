"""nginx, over HTTP and TLS."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from alived.raft.config import Tls
from tests.servers.process import NOBODY, ServerProcess, directory, free_port, program, readable_by_servers, running

_CONFIG = """
daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log {place}/access.log;
    client_body_temp_path {place}/t; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;
    uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
    server {{
        listen 127.0.0.1:{port}{tls};
        {certificate}
        default_type text/plain;
        location = /health {{ return 200 '{{"status": "UP", "lag": 3}}\\n'; }}
        location = /down {{ return 503 "closed\\n"; }}
        location = /moved {{ return 301 /health; }}
        location = /host {{ return 200 "host $http_host\\n"; }}
        location = /method {{ return 200 "$request_method $http_x_token\\n"; }}
        location /files/ {{ alias {place}/; }}
        location = /slow {{ alias {place}/large; limit_rate 1000; }}
        location = /chunked {{ alias {place}/page; ssi on; ssi_types text/plain; }}
    }}
}}
"""
PAGE = b"all is well\n" * 100


@contextlib.contextmanager
def nginx(tls: Tls | None = None) -> Iterator[ServerProcess]:
    """tls: with this certificate; clients that show one of its authority are verified, others are let in."""
    nginx_path = program("nginx")
    with directory() as place:
        port = free_port()
        certificate = _certificate(place, tls) if tls else ""
        (place / "page").write_bytes(PAGE)
        (place / "large").write_bytes(b"x" * 1_000_000)
        config = _CONFIG.format(place=place, port=port, tls=" ssl" if tls else "", certificate=certificate)
        (place / "nginx.conf").write_text(f"user {NOBODY} nogroup;\n{config}")
        readable_by_servers(place)
        argv = (nginx_path, "-p", str(place), "-c", str(place / "nginx.conf"), "-e", str(place / "error.log"))
        with running(ServerProcess(argv, port, place / "log")) as server:
            yield server


def _certificate(place: Path, tls: Tls) -> str:
    names = {"ca": tls.ca_file, "cert": tls.cert_file, "key": tls.key_file}
    for name, file in names.items():
        shutil.copy(file, place / f"{name}.pem")
    lines = (
        f"ssl_certificate {place}/cert.pem;",
        f"ssl_certificate_key {place}/key.pem;",
        f"ssl_client_certificate {place}/ca.pem;",
        "ssl_verify_client optional;",
        'add_header X-Client "$ssl_client_verify";',
        'location = /client { return 200 "client $ssl_client_verify name $ssl_server_name\\n"; }',
    )
    return "\n        ".join(lines)
