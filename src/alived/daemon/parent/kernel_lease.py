"""The parent's part of the kernel lease: which addresses the table covers, and that it is there.

The table is made, all closed, before an engine is forked, and removed after the last address is gone. In between it is
looked after: somebody may flush all rules of the machine, and an interface that comes, or comes back, is hooked by
itself only since Linux 6.16. Where the kernel or nft does not have what it takes there is no table at all: one that
nobody can renew would keep every owner silent.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Container, Iterator

import msgspec

from alived.adapters import nft
from alived.adapters.kernel_lease import KernelLease
from alived.adapters.loop import Loop, Timer
from alived.adapters.nft import NftError
from alived.adapters.runtime_dir import RuntimeDir
from alived.base import NS_PER_S
from alived.config.model import Config
from alived.raft.profiles import TIMERS
from alived.wire import lease_table
from alived.wire.lease_table import KEY_LENGTH, LeasedGroup, LeaseTable

REVIEW_NS = NS_PER_S
"""How often the table is looked after."""
MARKER_FILE = "kernel-lease"
"""There while the table may be: a daemon that is killed leaves both, and the next one knows that there is something to
remove."""
COST = (
    "a frozen or killed owner goes on answering until the lifetime of its addresses ends, "
    "and for addresses that hooks have bound until somebody removes them"
)

Note = Callable[[str, str, str], None]
"""(level, code, sentence): a line for the log."""


def wanted_table(config: Config, name: str, key: bytes) -> LeaseTable | None:
    """What the kernel shall enforce; None: nothing of this configuration is owned by a lease."""
    groups = tuple(
        LeasedGroup(group.raft.name, tuple((va.interface, va.address) for va in group.vips.addresses))
        for group in config.raft_groups
        if group.vips.addresses
    )
    if config.cluster is None or not groups:
        return None
    timeouts_ns = TIMERS[config.cluster.profile].kernel_leases_ns
    return LeaseTable(name=name, key=key, timeouts_ns=timeouts_ns, groups=groups)


class KernelLeases:
    """The table of one daemon."""

    def __init__(self, loop: Loop, directory: RuntimeDir, note: Note) -> None:
        self.key = secrets.token_bytes(KEY_LENGTH)
        """For the engine, which renews: one that a daemon before this one has left cannot open anything."""
        self.missing = ""
        """Why the kernel does not enforce the leases that there are, a sentence; "": it does, or there are none"""
        self._loop = loop
        self._timer: Timer | None = None
        self._directory = directory
        self._note = note
        self._name = nft.table_name(directory.path)
        self._wanted: LeaseTable | None = None
        self._made: LeaseTable | None = None
        """What is there: without interfaces that are not, if the kernel wants it so"""
        self._indices: dict[str, int] = {}
        """Of the interfaces, when it was made"""
        self._hand: KernelLease | None = None
        """Kept: to close a packet socket takes the kernel 10 ms"""

    @property
    def enforced(self) -> bool:
        return self._made is not None

    def enforce(self, config: Config) -> None:
        """Makes the table say what this configuration wants: new groups closed, leases that go on as they are."""
        wanted = wanted_table(config, self._name, self.key)
        if wanted is None:
            self.lift()
        elif wanted != self._wanted or self._made is None:
            self._wanted = wanted
            self._establish(wanted)
            self._look_after()

    def _review(self) -> None:
        """Whether it is still there, and whether interfaces have come."""
        self._timer = None
        if self._wanted is None or self._made is None:
            return
        if not self._meets():
            self._note("warning", "kernel-lease-lost", "somebody has removed the table of the kernel lease: made again")
            self._establish(self._wanted)
        elif self._indices != _indices(self._wanted):
            self._establish(self._wanted)
        self._look_after()

    def _look_after(self) -> None:
        if self._timer is None and self._made is not None:
            self._timer = self._loop.call_later(REVIEW_NS, self._review)

    def lift(self) -> None:
        """Removes the table, or what a killed daemon has left of it. Without either nft is not even asked for."""
        self._wanted, self.missing = None, ""
        if self._hand is not None:
            self._hand.shut()
            self._hand = None
        if self._made is not None or self._directory.has(MARKER_FILE):
            self._made = None
            try:
                nft.run(lease_table.remove(self._name))
                self._directory.remove(MARKER_FILE)
            except NftError as error:
                sentence = (
                    f"cannot remove the table {self._name} of the kernel lease, which silences addresses: {error}"
                )
                self._note("error", "kernel-lease-kept", sentence)

    def _establish(self, wanted: LeaseTable) -> None:
        self._indices = _indices(wanted)
        try:
            self._directory.replace(MARKER_FILE, f"{self._name}\n")
            self._made = self._make(wanted)
            met = self._meets()
        except (NftError, OSError) as error:
            self._give_up(str(error))
            return
        if not met:
            self._give_up("frames to lo do not reach the table: is lo up?")
            return
        self.missing = ""
        absent = {*lease_table.interfaces(wanted.groups)} - {*lease_table.interfaces(self._made.groups)}
        if absent:
            names = ", ".join(sorted(absent))
            sentence = (
                f"{names} is not there yet: this kernel (before 6.16) enforces leases on it a second after it comes"
            )
            self._note("warning", "kernel-lease-later", sentence)

    def _make(self, wanted: LeaseTable) -> LeaseTable:
        """Gives what was made. Raises NftError."""
        refusals: list[NftError] = []
        for script, table in self._attempts(wanted):
            try:
                nft.run(script)
            except NftError as error:
                refusals.append(error)
            else:
                return table
        raise refusals[0]

    def _attempts(self, wanted: LeaseTable) -> Iterator[tuple[str, LeaseTable]]:
        """From best to worst: leases that are open stay so, or are closed until the next renewal; with interfaces that
        are not there, or, for a kernel before 6.16, without them."""
        tables = list(dict.fromkeys((wanted, _only(wanted, self._indices))))
        if self._made is not None:
            yield from ((lease_table.change(self._made, table), table) for table in tables)
        yield from ((lease_table.make(table), table) for table in tables)

    def _meets(self) -> bool:
        """Whether a table takes our frames. Raises OSError if there can be no packet socket."""
        if self._hand is None:
            self._hand = KernelLease(self.key)
        return self._hand.enforced()

    def _give_up(self, why: str) -> None:
        wanted = self._wanted
        self.lift()
        self._wanted, self.missing = wanted, f"{why}; {COST}"
        self._note("warning", "kernel-lease-missing", f"the kernel does not enforce the leases: {self.missing}")


def _indices(table: LeaseTable) -> dict[str, int]:
    """The interfaces of a table that are there."""
    there = {name: index for index, name in socket.if_nameindex()}
    return {name: there[name] for name in lease_table.interfaces(table.groups) if name in there}


def _only(table: LeaseTable, present: Container[str]) -> LeaseTable:
    """The same table for these interfaces alone."""
    groups = tuple(
        LeasedGroup(group.name, tuple(pair for pair in group.addresses if pair[0] in present)) for group in table.groups
    )
    return msgspec.structs.replace(table, groups=groups)
