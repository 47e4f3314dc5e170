"""Hears from the kernel which processes fork, execute, change their name and end: the process events connector.

The kernel has it in its first network namespace only, answers only those in its first PID namespace, and may be built
without it. So nothing is taken for granted: `Listening` is the first thing that is heard, or nothing ever is.
"""

from __future__ import annotations

import contextlib
import errno
import socket

from alived.adapters.netlink import SO_RCVBUFFORCE
from alived.base import DecodeError
from alived.wire import proc_events
from alived.wire.proc_events import Listening, ProcEvent

NETLINK_CONNECTOR = 11
BUFFER_BYTES = 4 << 20
"""Some 5000 events: the kernel counts its own overhead too"""
RECEIVE_BYTES = 1 << 12
BATCH = 512
"""Events before others get their turn"""


class ProcEvents:
    """Hears from the moment it is made until it is closed."""

    def __init__(self) -> None:
        """Raises OSError if the kernel cannot be asked here."""
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, NETLINK_CONNECTOR
        )
        try:
            with contextlib.suppress(PermissionError):
                self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
            self._socket.bind((0, proc_events.CN_IDX_PROC))
            self._port: int = self._socket.getsockname()[0]
            self._send(proc_events.PROC_CN_MCAST_LISTEN)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """Kernels before 6.6 count those that listen: one that only closes its socket is counted for ever."""
        with contextlib.suppress(OSError):
            self._send(proc_events.PROC_CN_MCAST_IGNORE)
        self._socket.close()

    def _send(self, operation: int) -> None:
        self._socket.send(proc_events.request(operation, self._port))

    def read(self) -> list[ProcEvent] | None:
        """What has happened, [] if nothing more. None if the kernel had to drop some; then those that wait are dropped
        too: who is told that must look at all processes, which is newer."""
        found: list[ProcEvent] = []
        while len(found) < BATCH:
            try:
                data, sender = self._socket.recvfrom(RECEIVE_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._drain()
                return None
            if sender[0] == 0 and (event := _parse(data)) and not self._is_answer_to_another(event):
                found.append(event)  # the sender is the kernel: others may send to the group, too
        return found

    def _is_answer_to_another(self, event: ProcEvent) -> bool:
        return isinstance(event, Listening) and event.port != self._port

    def _drain(self) -> None:
        while True:
            try:
                self._socket.recv(1)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise


def _parse(data: bytes) -> ProcEvent | None:
    try:
        return proc_events.parse(data)
    except DecodeError:
        return None
