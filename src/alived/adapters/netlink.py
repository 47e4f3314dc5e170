"""rtnetlink sockets: requests in batches, and the monitor that hears of every link and address.

One `sendmsg` carries many requests and only the last asks for an acknowledgement; the kernel works through them
before `sendmsg` returns and answers failures anyway. That is 13 us for an address where one request at a time, each
with its answer, takes half as much again.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence

from alived.wire import rtnetlink
from alived.wire.rtnetlink import Ack, Address, Done, Link

GROUPS = 0x1 | 0x10 | 0x100
"""RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR (linux/rtnetlink.h)"""
SO_RCVBUFFORCE = 33
MONITOR_BUFFER_BYTES = 16 << 20
RECEIVE_BYTES = 1 << 17
DUMP_TRIES = 5
_SEQUENCE_MAX = 1 << 31


def _open(groups: int, buffer_bytes: int) -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer_bytes)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    sock.bind((0, groups))
    return sock


class Requests:
    """A socket for requests. Every call waits for the kernel, which answers at once."""

    def __init__(self) -> None:
        self._socket = _open(0, 1 << 20)
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def transact(self, messages: Sequence[bytes]) -> dict[int, int]:
        """Sends the messages as one batch; their sequence numbers are given here, and only the last is acknowledged.

        Returns errno by position in `messages` of those that failed. Raises OSError if the socket itself fails.
        """
        if not messages:
            return {}
        first = self._sequence + 1
        self._sequence += len(messages)
        last = self._sequence
        batch = [rtnetlink.stamp(message, first + n, ack=first + n == last) for n, message in enumerate(messages)]
        if last > _SEQUENCE_MAX:
            self._sequence = 0
        self._socket.send(b"".join(batch))
        failed: dict[int, int] = {}
        while True:
            for answer in rtnetlink.parse(self._socket.recv(RECEIVE_BYTES)):
                if isinstance(answer, Ack):
                    if answer.error:
                        failed[answer.sequence - first] = answer.error
                    if answer.sequence == last:
                        return failed

    def request(self, message: bytes) -> None:
        """One request; raises OSError with the kernel's errno if it refuses."""
        if error := self.transact([message]).get(0):
            raise OSError(error, os.strerror(error))

    def link(self, name: str) -> Link | None:
        """The interface of this name, as it is now."""
        self._socket.send(rtnetlink.link_request(0, name=name))
        while True:
            for answer in rtnetlink.parse(self._socket.recv(RECEIVE_BYTES)):
                if isinstance(answer, Link):
                    return answer
                if isinstance(answer, Ack):
                    return None

    def dump(self, message_type: int, family: int = 0) -> list[Link | Address]:
        """All links (RTM_GETLINK) or addresses (RTM_GETADDR). If something changed meanwhile, the kernel may have left
        something out and says so: then it is asked again."""
        for _ in range(DUMP_TRIES):
            found, interrupted = self._dump(message_type, family)
            if not interrupted:
                break
        return found

    def _dump(self, message_type: int, family: int) -> tuple[list[Link | Address], bool]:
        self._socket.send(rtnetlink.dump_request(message_type, 0, family))
        found: list[Link | Address] = []
        while True:
            for answer in rtnetlink.parse(self._socket.recv(RECEIVE_BYTES)):
                if isinstance(answer, Done):
                    return found, answer.interrupted
                if isinstance(answer, Ack) and answer.error:
                    raise OSError(answer.error, os.strerror(answer.error))
                if isinstance(answer, Link | Address):
                    found.append(answer)


class Monitor:
    """Hears of every change of a link or an address."""

    def __init__(self) -> None:
        self._socket = _open(GROUPS, MONITOR_BUFFER_BYTES)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> list[Link | Address] | None:
        """One notification (the kernel puts each into a datagram of its own), [] if none waits.

        None if the kernel had to drop some. Then those that wait are dropped too: the dump that must follow is newer.
        """
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self._drain()
            return None
        return [m for m in rtnetlink.parse(data) if isinstance(m, Link | Address)]

    def _drain(self) -> None:
        while True:
            try:
                self._socket.recv(1)  # the rest of the datagram is cut off
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
