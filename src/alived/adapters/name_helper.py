"""The process that resolves names: getaddrinfo(3) waits for servers, files and modules of the system, and nothing
else must wait with it. Run by path, with the standard library alone; requests and answers are packets on fd 0.

`NUMBER NAME` is answered by `NUMBER + ADDRESS...` or `NUMBER - REASON`, in any order. It ends with the one who asks.
"""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor

THREADS = 256
"""Names that are looked up at a time, each in a thread that is made when none is idle: if the DNS is dead, a name in
/etc/hosts must not wait behind those that are not"""
MOST_ADDRESSES = 16
MAX_PACKET = 4096


def look_up(name: str) -> str:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return f"- {getattr(error, 'strerror', None) or error}"
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    return " ".join(("+", *list(addresses)[:MOST_ADDRESSES]))


def answer(sock: socket.socket, request: str) -> None:
    number, _, name = request.partition(" ")
    sock.send(f"{number} {look_up(name)}".encode()[:MAX_PACKET])


def main() -> None:
    sock = socket.socket(fileno=0)
    threads = ThreadPoolExecutor(THREADS)
    while packet := sock.recv(MAX_PACKET):
        threads.submit(answer, sock, packet.decode())
    os._exit(0)  # a thread that waits for a server would hold us up


if __name__ == "__main__":
    main()
