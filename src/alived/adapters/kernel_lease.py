"""The engine's hand on the kernel lease (`wire.lease_table`): one frame to `lo` opens, renews or closes a group's.

A frame costs some microseconds, waits for nothing and starts no process.
"""

from __future__ import annotations

import errno
import socket

from alived.wire.lease_table import ETHERTYPE_CLOSE, ETHERTYPE_RENEW, frame

_NOBODY = ""
"""Name of no group."""


class KernelLease:
    """The leases of one table, whose key this is. Raises OSError if there can be no packet socket (CAP_NET_RAW)."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._frames: dict[tuple[str, int], bytes] = {}
        # Protocol 0: it hears nothing.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
        self._socket.setblocking(False)

    def renew(self, group: str, place: int = 0) -> bool:
        """The group may speak from now on for one of the timeouts of the table, the one at this place; the first
        renewal opens. False: no table took it, so nothing keeps the group from speaking, whether it is renewed or not.
        """
        return self._send(group, ETHERTYPE_RENEW, place)

    def close(self, group: str) -> bool:
        """The group is silent from now on. False: no table took it."""
        return self._send(group, ETHERTYPE_CLOSE)

    def enforced(self) -> bool:
        """Whether a table takes our frames; changes no lease."""
        return self.close(_NOBODY)

    def shut(self) -> None:
        """Gives the socket back, for which the kernel takes some 10 ms; leases that are open end by themselves."""
        self._socket.close()

    def _send(self, group: str, ethertype: int, place: int = 0) -> bool:
        data = self._frames.get((group, place))
        if data is None:
            data = self._frames[group, place] = frame(self._key, group, place)
        try:
            self._socket.sendto(data, ("lo", ethertype))
        except OSError as error:
            return error.errno == errno.ENOBUFS  # what the kernel says of a packet that a rule has dropped
        return False  # it got through
