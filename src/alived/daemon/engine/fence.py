"""The kernel lease as the engine uses it: whether anybody enforces it, and for how long a renewal lasts."""

from __future__ import annotations

import bisect
import contextlib

from alived.adapters.kernel_lease import KernelLease
from alived.adapters.loop import now_ns
from alived.config.model import Config
from alived.daemon.engine.reports import Reports
from alived.raft.profiles import TIMERS


class Fence:
    """Opened, renewed and closed for each group. The parent makes the table that enforces it, and mends it."""

    def __init__(self, key: bytes, reports: Reports) -> None:
        """key: of the table; b"": there is none, and nobody is asked."""
        self._reports = reports
        self._lease: KernelLease | None = None
        if key:
            with contextlib.suppress(OSError):  # the parent has no table either, and has said what that costs
                self._lease = KernelLease(key)
        self._timeouts_ns: tuple[int, ...] = ()
        """How long the kernel may let a group speak after a renewal; empty: nobody is asked"""
        self.present = False
        """Whether the kernel took the last one."""

    @property
    def asked(self) -> bool:
        """Whether the kernel is asked to enforce leases."""
        return bool(self._timeouts_ns)

    def configure(self, config: Config) -> None:
        """Looks whether there is a table."""
        asked = config.cluster if self._lease else None
        self._timeouts_ns = TIMERS[asked.profile].kernel_leases_ns if asked else ()
        self.present = bool(self._lease and config.cluster and self._lease.enforced())

    def renew(self, group: str, until_ns: int) -> bool:
        """The group may speak until then, or a little less long: never longer, so the clock is looked at here, right
        before the frame leaves. Gives whether `present` has changed."""
        before = self.present
        place = bisect.bisect_right(self._timeouts_ns, until_ns - now_ns()) - 1
        if self._lease and place >= 0:
            self.present = self._lease.renew(group, place)
            if before and not self.present:
                message = "the kernel does not take its lease: nothing silences the addresses if this process hangs"
                self._reports.notice(group, "kernel-lease-lost", message)
        return self.present is not before

    def close(self, group: str) -> None:
        if self._lease:
            self._lease.close(group)

    def shut(self) -> None:
        if self._lease:
            self._lease.shut()
            self._lease = None
