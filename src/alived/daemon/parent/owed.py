"""Which scripts the worker still owes us, so that one that dies or hangs does not take a change of state with it.

At least once: a worker that died in the middle of a script runs it again after its restart, unless a newer state of
the same object has come; only the newest counts, since it is the state that the scripts shall leave behind.
"""

from __future__ import annotations

import msgspec

from alived.config.model import Config
from alived.daemon.shared.messages import ScriptsRan, ServerChanged, Transition
from alived.daemon.shared.told import notify_scripts
from alived.hooks.config import NotifyScripts

MAX_DELIVERIES = 3
"""A transition whose scripts outlived that many workers is given up: it may be what kills them."""
Key = tuple[str, str]
Change = Transition | ServerChanged


class _Debt(msgspec.Struct):
    change: Change
    deliveries: int = 1


class Owed:
    """Pure: the supervisor delivers what it says."""

    def __init__(self, config: Config) -> None:
        self._with_scripts = _with_scripts(config)
        self._debts: dict[Key, _Debt] = {}

    def configure(self, config: Config) -> None:
        """Objects that the new configuration lacks still have their `notify_deleted` to come."""
        self._with_scripts = _with_scripts(config) | self._with_scripts

    def add(self, change: Change) -> bool:
        """True if the worker has to hear of it: the object has scripts."""
        key = (change.kind, change.name)
        if key not in self._with_scripts:
            return False
        self._debts[key] = _Debt(change)
        return True

    def paid(self, message: ScriptsRan) -> None:
        debt = self._debts.get((message.kind, message.name))
        if debt is not None and debt.change.time_ns <= message.time_ns:
            del self._debts[(message.kind, message.name)]

    def deliver_again(self) -> tuple[list[Change], list[Change]]:
        """After the start of a new worker: what to send it, in the order of time, and what is given up."""
        given_up = [d.change for d in self._debts.values() if d.deliveries >= MAX_DELIVERIES]
        for change in given_up:
            del self._debts[(change.kind, change.name)]
        for debt in self._debts.values():
            debt.deliveries += 1
        again = sorted((d.change for d in self._debts.values()), key=lambda change: change.time_ns)
        return again, given_up


def _with_scripts(config: Config) -> frozenset[Key]:
    return frozenset(key for key, scripts in notify_scripts(config).items() if scripts != NotifyScripts())
