"""The process that resolves names: getaddrinfo(3) waits for servers, files and modules of the system, and nothing
else must wait with it. Run by path, with the standard library alone; requests and answers are packets on fd 0.

`NUMBER NAME` is answered by `NUMBER + ADDRESS...` or `NUMBER - REASON`, in any order. It ends with the one who asks.
"""

from __future__ import annotations

import os
import queue
import socket
import threading

THREADS = 16
"""Names that are looked up at a time; others wait for those that do not resolve"""
MOST_ADDRESSES = 16
MAX_PACKET = 4096


def look_up(name: str) -> str:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return f"- {getattr(error, 'strerror', None) or error}"
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    return " ".join(("+", *list(addresses)[:MOST_ADDRESSES]))


def answer(requests: queue.Queue[str], sock: socket.socket) -> None:
    while True:
        number, _, name = requests.get().partition(" ")
        sock.send(f"{number} {look_up(name)}".encode()[:MAX_PACKET])


def main() -> None:
    sock = socket.socket(fileno=0)
    requests: queue.Queue[str] = queue.Queue()
    for _ in range(THREADS):
        threading.Thread(target=answer, args=(requests, sock), daemon=True).start()
    while packet := sock.recv(MAX_PACKET):
        requests.put(packet.decode())
    os._exit(0)  # a thread that waits for a server would hold us up


if __name__ == "__main__":
    main()
