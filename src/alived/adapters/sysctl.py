"""Kernel settings under /proc/sys/net: set while we need them, and put back as they were."""

from __future__ import annotations

import contextlib
import pathlib

ROOT = pathlib.Path("/proc/sys/net")


class Sysctls:
    """Settings that we changed, with what they were before. `restore()` undoes them in reverse order, except where
    somebody else has set another value since: that is theirs now."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[str, str]] = {}

    def set(self, key: str, value: str) -> None:
        """key: path below /proc/sys/net, e.g. "ipv4/conf/eth0/arp_ignore". Raises OSError if it cannot be set."""
        path = ROOT / key
        current = path.read_text().strip()
        if current == value:
            return
        path.write_text(value)
        original, _ = self._before.get(key, (current, value))
        self._before[key] = (original, value)

    def raise_to(self, key: str, least: int) -> None:
        """Sets the key to `least` if it is lower."""
        if int((ROOT / key).read_text()) < least:
            self.set(key, str(least))

    def restore(self) -> None:
        for key, (before, ours) in reversed(self._before.items()):
            path = ROOT / key
            with contextlib.suppress(OSError):  # the interface is gone, and its settings with it
                if path.read_text().strip() == ours:
                    path.write_text(before)
        self._before.clear()


def is_forwarding(interface: str) -> bool:
    """Whether the kernel routes IPv6 that comes in here: what the R flag of our neighbour advertisements says."""
    try:
        return (ROOT / f"ipv6/conf/{interface}/forwarding").read_text().strip() != "0"
    except OSError:
        return False
