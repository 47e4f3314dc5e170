"""The kernel lease as the engine uses it: whether anybody enforces it, and for how long a renewal lasts."""

from __future__ import annotations

import contextlib

from alived.adapters.kernel_lease import KernelLease
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
        self.timeout_ns = 0
        """How long the kernel lets a group speak after a renewal; 0: nobody is asked."""
        self.present = False
        """Whether the kernel took the last one."""

    def configure(self, config: Config) -> None:
        """Looks whether there is a table."""
        self.timeout_ns = TIMERS[config.cluster.profile].kernel_lease_ns if self._lease and config.cluster else 0
        self.present = bool(self._lease and config.cluster and self._lease.enforced())

    def renew(self, group: str) -> bool:
        """Whether `present` has changed."""
        before = self.present
        if self._lease:
            self.present = self._lease.renew(group)
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
