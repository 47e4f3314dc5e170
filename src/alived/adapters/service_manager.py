"""sd_notify(3): tells systemd what the daemon does, if systemd asked (NOTIFY_SOCKET)."""

from __future__ import annotations

import os
import socket

from alived.base import NS_PER_US


class ServiceManager:
    """Notifications that never block and never fail loudly: they are a courtesy."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self.failed = 0
        """Notifications that systemd did not take."""
        watchdog_us = os.environ.get("WATCHDOG_USEC", "")
        is_ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_ns = int(watchdog_us) * NS_PER_US if watchdog_us.isdigit() and is_ours else 0
        """systemd restarts us if it hears no WATCHDOG=1 for this long; 0: it does not watch."""

    def extend(self, patience_ns: int) -> None:
        """A start or an end takes so much longer."""
        self.tell(f"EXTEND_TIMEOUT_USEC={patience_ns // NS_PER_US}")

    def tell(self, *assignments: str) -> None:
        """Sends e.g. "READY=1", "STATUS=..."."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sock:
            try:
                sock.sendto("\n".join(assignments).encode(), address)
            except OSError:
                self.failed += 1
