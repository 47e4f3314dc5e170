"""What a candidate depends on, as priority and faults: interfaces, and everything for which there are verdicts.

Each tracked thing is up or down. With weight 0 it is a condition: the candidate is in FAULT while it is down. With
another weight it moves the priority, keepalived's way: a positive weight is added while it is up, a negative one while
it is down, and `reverse` turns the sign of the adjustment (weight 0: FAULT while it is *up*). The sum stays within
1..254 (of a node elected by Raft: 1..255); an owner's priority never moves.

A thing that has a value (the number in a file) weighs value x weight, and with -254 or less it is a fault. With weight
0 any value but 0 is a fault (`reverse`: 0 is). While nobody can say whether the value still holds, it counts as down
too: no longer in favour of the candidate.

Where all nodes may be unhealthy and somebody shall own the addresses all the same (`all_unhealthy best`), a condition
other than a link is no fault: the candidate stays one, with a priority below that of all who are well, and the lower
the more conditions fail.

An interface is there or not from the beginning; a script has to run before it is known, and so with its like. Until
then it changes nothing, and a candidate for which it is a condition waits (keepalived: no state, no `notify`, until the
first result).

Level-triggered: say what is, as often as you like; what changed comes back as events for the instance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec

from alived.owner import AllUnhealthy, FaultCleared, FaultRaised, PriorityChanged
from alived.vrrp.config import LAST_RESORT_PRIORITY, OWNER_PRIORITY, TrackedInterface, VrrpInstance

TrackerEvent = FaultRaised | FaultCleared | PriorityChanged


LOWEST_ADJUSTMENT, HIGHEST_ADJUSTMENT = -254, 253
"""What a value may weigh (keepalived's figures)"""


class Level(NamedTuple):
    """How a tracked thing is. value: its number, if it has one."""

    up: bool
    value: int | None = None


class TrackedThing(msgspec.Struct, frozen=True):
    """`key` is the fault's cause and the subject of its sentence: "interface eth0", "script check_http"."""

    key: str
    weight: int = 0
    reverse: bool = False

    def is_fault(self, level: Level) -> bool:
        if self.weight == 0:
            return (level.up and not level.value) == self.reverse
        return level.value is not None and self._product(level.value) <= LOWEST_ADJUSTMENT

    def adjustment(self, level: Level) -> int:
        """What it adds to the priority."""
        if level.value is not None:
            product = self._product(level.value)
            if product <= LOWEST_ADJUSTMENT:  # a fault
                return 0
            return min(product, HIGHEST_ADJUSTMENT if level.up else 0)
        if level.up is not (self.weight > 0):
            return 0
        return self._product(1)

    def _product(self, value: int) -> int:
        return value * (-self.weight if self.reverse else self.weight)


class _Share(NamedTuple):
    """What one key adds to the whole, by what is known of it."""

    lowers: bool = False
    """It fails, and that makes the candidate the last resort instead of a fault."""
    adjustment: int = 0


class Tracking:
    """Everything that one candidate tracks. Of a thousand things that fail in one moment each costs the same: sums are
    kept, not made anew."""

    def __init__(self, priority: int, highest: int = OWNER_PRIORITY - 1, last_resort: int | None = None) -> None:
        """priority: before anything moves it; 0 and one above `highest` (the owner's) are never moved.
        last_resort: the highest one of a candidate that fails conditions; None: such a one is in FAULT."""
        self._base_priority = self._priority = priority
        self._highest = highest
        self._last_resort = last_resort if priority <= highest else None
        self._things: dict[str, list[TrackedThing]] = {}
        self._shares: dict[str, _Share] = {}
        """By the keys of which something is known."""
        self._lowering = self._adjustment = 0
        """The sums of all shares."""
        self._unanswered: dict[str, None] = {}
        """In the order of their adding."""
        self._faults: set[str] = set()

    def add_condition(self, interface: str) -> None:
        """Nothing without this interface."""
        self.add(TrackedThing(_interface_key(interface)))

    def add_interfaces(self, interfaces: Iterable[TrackedInterface]) -> None:
        for tracked in interfaces:
            self.add(TrackedThing(_interface_key(tracked.name), tracked.weight, tracked.reverse))

    def add(self, thing: TrackedThing) -> None:
        """The same key may be there several times, e.g. the instance's interface and a weight on it."""
        assert thing.key not in self._shares, "all is added before anything is known"
        self._things.setdefault(thing.key, []).append(thing)
        if not thing.weight:
            self._unanswered[thing.key] = None

    @property
    def priority(self) -> int:
        """The effective priority by what is known."""
        return self._priority

    @property
    def faults(self) -> frozenset[str]:
        """Causes of the faults by what is known."""
        return frozenset(self._faults)

    @property
    def keys(self) -> Collection[str]:
        return self._things.keys()

    @property
    def unanswered(self) -> Collection[str]:
        """Conditions of which nothing is known yet."""
        return self._unanswered.keys()

    def set_interface(self, name: str, up: bool | None) -> list[TrackerEvent]:
        """None: there is no interface of this name, which counts as down."""
        return self.set(_interface_key(name), up)

    def set(self, key: str, up: bool | None, reason: str = "", value: int | None = None) -> list[TrackerEvent]:
        """This thing is up, down, or (None) not there: counts as down. A key that is not tracked here changes nothing.
        reason: a sentence; "": that it is up, down or not there."""
        if key not in self._things:
            return []
        reason = reason or f"{key} {'is not there' if up is None else 'is up' if up else 'is down'}"
        fails = self._weigh(key, Level(bool(up), value))
        return [*self._fault_events(key, fails, reason), *self._priority_events(key, reason)]

    def _weigh(self, key: str, level: Level) -> bool:
        """Whether it fails."""
        things, before = self._things[key], self._shares.get(key, _Share())
        fails = any(thing.is_fault(level) for thing in things)
        share = _Share(fails and self._may_fail(key), sum(thing.adjustment(level) for thing in things))
        self._lowering += share.lowers - before.lowers
        self._adjustment += share.adjustment - before.adjustment
        self._shares[key] = share
        self._unanswered.pop(key, None)
        return fails

    def _fault_events(self, key: str, fails: bool, reason: str) -> list[TrackerEvent]:
        faulty = fails and not self._may_fail(key)
        if faulty == (key in self._faults):
            return []
        if not faulty:
            self._faults.remove(key)
            return [FaultCleared(key)]
        self._faults.add(key)
        return [FaultRaised(key, self._sentence(key, reason))]

    def _priority_events(self, key: str, reason: str) -> list[TrackerEvent]:
        if not 0 < self._base_priority <= self._highest:
            return []
        before, self._priority = self._priority, self._effective_priority()
        if self._priority == before:
            return []
        sentence = f"priority {before} -> {self._priority}: {self._sentence(key, reason)}"
        if self._is_last_resort(self._priority):
            sentence += ": owner only if nobody is well (all_unhealthy best)"
        return [PriorityChanged(self._priority, sentence)]

    def _effective_priority(self) -> int:
        last_resort, failed = self._last_resort, self._lowering
        if last_resort is not None and failed:
            return max(last_resort - failed + 1, min(last_resort, 1))
        return min(max(self._base_priority + self._adjustment, (last_resort or 0) + 1), self._highest)

    def _may_fail(self, key: str) -> bool:
        """Whether that makes it the last resort instead of a fault. Without its link nobody can own anything."""
        return self._last_resort is not None and not key.startswith(_interface_key(""))

    def _is_last_resort(self, priority: int) -> bool:
        return self._last_resort is not None and priority <= self._last_resort

    def _sentence(self, key: str, reason: str) -> str:
        weights = [f"{thing.weight:+d}" for thing in self._things[key] if thing.weight]
        return f"{reason} (weight {', '.join(weights)})" if weights else reason


def tracking_of(instance: VrrpInstance, group_interfaces: Iterable[TrackedInterface] = ()) -> Tracking:
    """What an instance tracks, its own and its sync group's interfaces."""
    last_resort = LAST_RESORT_PRIORITY if instance.all_unhealthy is AllUnhealthy.BEST else None
    tracking = Tracking(instance.priority, last_resort=last_resort)
    if instance.track_primary and instance.interface:
        tracking.add_condition(instance.interface)
    tracking.add_interfaces((*instance.track_interfaces, *group_interfaces))
    return tracking


def _interface_key(name: str) -> str:
    return f"interface {name}"
