"""Kernel settings under /proc/sys/net: set while we need them, and put back as they were."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable

ROOT = pathlib.Path("/proc/sys/net")


Settings = dict[str, tuple[str, str]]
"""(value before, value that we set) by path below /proc/sys/net"""


class Sysctls:
    """Settings that we changed, with what they were before.

    changed: told of each change before it is made, so that somebody can undo it if we die; {}: all are undone.
    """

    def __init__(self, changed: Callable[[Settings], None]) -> None:
        self._before: Settings = {}
        self._changed = changed

    def set(self, key: str, value: str) -> None:
        """key: path below /proc/sys/net, e.g. "ipv4/conf/eth0/arp_ignore". Raises OSError if it cannot be set."""
        path = ROOT / key
        current = path.read_text().strip()
        if current == value:
            return
        before, _ = self._before.get(key, (current, value))
        self._before[key] = (before, value)
        self._changed({key: (before, value)})
        path.write_text(value)

    def before(self, key: str) -> str:
        """What somebody else has set. Raises OSError if there is no such setting."""
        known = self._before.get(key)
        return known[0] if known else (ROOT / key).read_text().strip()

    def restore(self) -> None:
        restore(self._before)
        self._before.clear()
        self._changed({})


def restore(settings: Settings) -> None:
    """Undoes the changes in reverse order, except where somebody has set another value since: that is theirs now."""
    for key, (before, ours) in reversed(settings.items()):
        path = ROOT / key
        with contextlib.suppress(OSError):  # the interface is gone, and its settings with it
            if path.read_text().strip() == ours:
                path.write_text(before)


def is_forwarding(interface: str) -> bool:
    """Whether the kernel routes IPv6 that comes in here: what the R flag of our neighbour advertisements says."""
    try:
        return (ROOT / f"ipv6/conf/{interface}/forwarding").read_text().strip() != "0"
    except OSError:
        return False
