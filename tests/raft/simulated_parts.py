"""What the machines of the simulated cluster are made of: clocks that drift, disks that forget; and how bad it gets.

Times are true ones unless they are called clock.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from alived.base import NS_PER_MS as MS
from alived.raft.member_events import Compact, Outcome, Save
from alived.raft.memory import MemoryStorage
from alived.raft.packets import Packet

if TYPE_CHECKING:
    from tests.raft.simulated_machine import Machine


class World(NamedTuple):
    """How bad the days are. Probabilities, and mean times between events."""

    nodes: int = 3
    witnesses: int = 0
    """So many of the nodes"""
    spares: int = 0
    """Nodes that are no members at first"""
    groups: int = 2
    hold: bool = False
    """The last group goes on when the quorum is lost"""
    spread: bool = False
    lose: float = 0.02
    duplicate: float = 0.02
    longest_delay_ns: int = 30 * MS
    trouble_every_ns: int = 300 * MS
    drift: float = 1e-3
    kernel_lease: bool = True
    """The fence ends a little before the lease; else it keeps an owner on the air to the last moment of it"""
    slow_disk: float = 0.02
    """A sync takes up to 50 ms instead of 2"""


class Driver(Protocol):
    """What a machine needs of the simulation."""

    now_ns: int
    random: random.Random
    world: World
    counts: Counter[str]

    def later(self, delay_ns: int, act: Callable[[], None]) -> None: ...
    def send(self, machine: Machine, to: int, packet: Packet) -> None: ...
    def tell(self, text: str) -> None: ...
    def engine_changed(self, machine: Machine) -> None: ...
    def stepped(self, machine: Machine) -> None: ...
    def written(self, machine: Machine, save: Save) -> None: ...
    def told_operator(self, machine: Machine, outcome: Outcome) -> None: ...


class Clock:
    """CLOCK_BOOTTIME of a machine: too fast or too slow, and from a start of its own."""

    def __init__(self, rate: float, offset_ns: int) -> None:
        self.rate = rate
        self.offset_ns = offset_ns

    def read(self, true_ns: int) -> int:
        return self.offset_ns + int(true_ns * self.rate)

    def true_ns(self, clock_ns: int) -> int:
        """When it will show this, or a little later."""
        return int((clock_ns - self.offset_ns) / self.rate) + 1


class Disk:
    """What is written can be read; what is synced survives a crash of the machine, of the rest a beginning."""

    def __init__(self) -> None:
        self.memory = MemoryStorage()
        self._durable = MemoryStorage()
        self._pending: list[Save] = []
        self.refuses = False

    def write(self, save: Save) -> None:
        """It may reach the disk from now on; nobody knows yet."""
        self._pending.append(save)

    def finish(self, save: Save) -> None:
        _apply(self.memory, save)
        if save.must_sync or save.snapshot is not None:
            self.sync()

    def sync(self) -> None:
        for save in self._pending:
            _apply(self._durable, save)
        self._pending = []

    def compact(self, effect: Compact) -> None:
        self.sync()
        for storage in (self.memory, self._durable):
            storage.compact(effect.snapshot.index, effect.snapshot)

    def crash(self, kept: int) -> None:
        """So many of the writes that were not synced have reached the disk, the next was torn: left out."""
        for save in self._pending[:kept]:
            _apply(self._durable, save)
        self._pending = []
        self.memory = copy.deepcopy(self._durable)
        self.refuses = False

    @property
    def unsynced(self) -> int:
        return len(self._pending)


def _apply(storage: MemoryStorage, save: Save) -> None:
    if save.snapshot is not None:
        storage.restore(save.snapshot)
    if save.hard_state is not None:
        storage.set_hard_state(save.hard_state)
    storage.append(save.entries)
