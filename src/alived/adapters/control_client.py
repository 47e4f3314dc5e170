"""The control socket's client: one request, one answer, with a time limit. It imports nothing heavy."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

GROUP = "alived"
"""Members of this group, if the machine has it, may use the socket without being root."""


@contextlib.contextmanager
def socket_address(directory: str, name: str) -> Iterator[str]:
    """A path of at most 107 bytes (unix(7)) for a file in a directory with a path of any length."""
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{name}"
    finally:
        os.close(fd)


class NotRunning(Exception):
    """No daemon answers; the text says why for the operator."""


def ask(directory: str, name: str, command: str, arguments: dict[str, Any], limit_s: float) -> dict[str, Any]:
    """One request to a daemon: its answer {"ok", "result", "error"}. Raises NotRunning."""
    give_up = time.monotonic() + limit_s
    request = json.dumps({"command": command, "arguments": arguments}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
        sock.settimeout(limit_s)
        try:
            with socket_address(directory, name) as address:
                sock.connect(address)
            sock.sendall(request)
            line = _read_line(sock, give_up)
            answer = json.loads(line)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotRunning(f"no alived runs with the runtime directory {directory}") from error
        except PermissionError as error:
            raise NotRunning(
                f"you may not use {os.path.join(directory, name)}: be root or a member of the group {GROUP}"
            ) from error
        except TimeoutError as error:
            raise NotRunning(f"the alived of {directory} does not answer within {limit_s:g} s") from error
        except (OSError, ValueError) as error:
            raise NotRunning(f"the alived of {directory} gave no answer: {error}") from error
    if not isinstance(answer, dict):
        raise NotRunning(f"the alived of {directory} gave no answer that makes sense")
    return answer


def _read_line(sock: socket.socket, give_up: float) -> bytes:
    chunks: list[bytes] = []
    while not (chunks and chunks[-1].endswith(b"\n")):
        sock.settimeout(max(give_up - time.monotonic(), 0.001))
        chunk = sock.recv(1 << 16)
        if not chunk:
            break
        chunks.append(chunk)
    return b"".join(chunks)
