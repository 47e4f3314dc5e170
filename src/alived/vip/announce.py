"""When gratuitous ARPs and unsolicited neighbour advertisements are sent (keepalived's `garp_*` keywords).

The schedule knows moments; which addresses may be announced at such a moment is asked then, so that an address which
left in between is never announced. Without `garp_interval` / `gna_interval` a burst is one effect per round (the
sender slices it); with them each interface and family has a lane that lets one packet pass per interval.
"""

from __future__ import annotations

import collections
import enum
from collections.abc import Callable, Sequence
from typing import assert_never

from alived.base import NS_PER_S, Family
from alived.vip.config import GarpPolicy, VirtualAddress
from alived.vip.events import SendGratuitous
from alived.vip.plan import Key, key_of

LOWER_PRIO_SPACING_NS = NS_PER_S
"""At most one burst per second answers losing adverts, however many are heard."""
MERGE_NS = NS_PER_S // 10
"""Second bursts of addresses that were added one by one within this time go out together."""

Usable = Callable[[Sequence[VirtualAddress] | None], tuple[VirtualAddress, ...]]
"""Which of these (None: of all) may be announced now."""


class Moment(enum.Enum):
    """Why all addresses are to be announced."""

    FIRST = enum.auto()
    SECOND = enum.auto()
    REFRESH = enum.auto()
    LOWER_PRIO = enum.auto()
    LOWER_PRIO_AGAIN = enum.auto()


class Lane:
    """The queue of one interface and family: one packet per interval, round 0 of all addresses before any round 1.

    An address is queued once: a burst that comes while the previous one is still under way starts its rounds again.
    """

    def __init__(self) -> None:
        self.next_ns = 0
        self._queue: collections.OrderedDict[Key, tuple[VirtualAddress, int, int]] = collections.OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._queue)

    def put(self, va: VirtualAddress, rounds: int) -> None:
        self._queue[key_of(va)] = (va, 0, rounds)

    def take(self, usable: Usable) -> tuple[VirtualAddress, int] | None:
        """The next address that may be announced, with its round; None if there is none."""
        while self._queue:
            key, (va, done, rounds) = self._queue.popitem(last=False)
            if usable((va,)):
                if done + 1 < rounds:
                    self._queue[key] = (va, done + 1, rounds)
                return va, done
        return None

    def waiting(self) -> list[VirtualAddress]:
        return [va for va, _, _ in self._queue.values()]


class AnnounceSchedule:
    """Bursts, second bursts, refreshes and answers to losing adverts of one group, as a deadline and what is due."""

    def __init__(self, group: str, policy: GarpPolicy) -> None:
        self._group = group
        self.policy = policy
        self._moments: dict[Moment, int] = {}
        self._fresh: list[VirtualAddress] = []
        self._again: collections.deque[tuple[int, dict[Key, VirtualAddress]]] = collections.deque()
        self._lanes: dict[tuple[str, Family], Lane] = {}
        self._lower_prio_allowed_ns = 0
        self._running = False
        self.sent = 0
        """Announcements since the start, one for each address and round."""

    # -- what happened --

    def start(self, now_ns: int) -> None:
        """The group was bound: announce all of it now, once more after `garp_master_delay`, then refresh."""
        self._running = True
        self._moments[Moment.FIRST] = now_ns
        if self.policy.master_delay_ns:
            self._moments[Moment.SECOND] = now_ns + self.policy.master_delay_ns
        self._arm_refresh(now_ns)

    def extra(self, addresses: Sequence[VirtualAddress], now_ns: int) -> None:
        """Some addresses were bound (again): announce these now and once more after `garp_master_delay`."""
        self._fresh += addresses
        if not addresses or not self.policy.master_delay_ns:
            return
        due_ns = now_ns + self.policy.master_delay_ns
        if self._again and due_ns - self._again[-1][0] < MERGE_NS:
            again = self._again[-1][1]
        else:
            again = {}
            self._again.append((due_ns, again))
        again.update((key_of(va), va) for va in addresses)

    def lower_prio(self, now_ns: int) -> None:
        """Somebody else claims the addresses: announce all now (or a second after the last time), later once more."""
        if self._running and self.policy.lower_prio_repeat:
            self._moments.setdefault(Moment.LOWER_PRIO, max(now_ns, self._lower_prio_allowed_ns))

    def repolicy(self, policy: GarpPolicy, now_ns: int) -> None:
        """A reload changed the policy. What is scheduled stays scheduled; what waits in lanes is announced anew."""
        old, self.policy = self.policy, policy
        if self._running and policy.master_refresh_ns != old.master_refresh_ns:
            self._arm_refresh(now_ns)
        if (policy.garp_interval_ns, policy.gna_interval_ns) != (old.garp_interval_ns, old.gna_interval_ns):
            for lane in self._lanes.values():
                self._fresh += lane.waiting()
            self._lanes.clear()

    def stop(self) -> None:
        """The group is not held any more: nothing is announced before the next `start`."""
        self._running = False
        self._moments.clear()
        self._fresh.clear()
        self._again.clear()
        self._lanes.clear()

    def once(self, addresses: Sequence[VirtualAddress], usable: Usable) -> list[SendGratuitous]:
        """One announcement of these at once, whatever is scheduled."""
        chosen = usable(addresses)
        self.sent += len(chosen)
        return [SendGratuitous(self._group, chosen)] if chosen else []

    # -- what is due --

    @property
    def deadline_ns(self) -> int | None:
        dues = [*self._moments.values(), *(lane.next_ns for lane in self._lanes.values() if lane)]
        if self._fresh:
            dues.append(0)
        if self._again:
            dues.append(self._again[0][0])
        return min(dues, default=None)

    def due(self, now_ns: int, usable: Usable) -> list[SendGratuitous]:
        """What must be sent now; moments that fall together make one burst with the most rounds of them."""
        effects: list[SendGratuitous] = []
        if rounds := max((self._pass(moment, now_ns) for moment in self._due_moments(now_ns)), default=0):
            self._burst(usable(None), rounds, effects)
        if self._fresh:
            fresh, self._fresh = self._fresh, []
            self._burst(usable(fresh), self.policy.master_repeat, effects)
        while self._again and self._again[0][0] <= now_ns:
            self._burst(usable(tuple(self._again.popleft()[1].values())), self.policy.master_repeat, effects)
        for (_, family), lane in self._lanes.items():
            if lane.next_ns <= now_ns and (taken := lane.take(usable)):
                va, done = taken
                lane.next_ns = now_ns + self._interval_ns(family)
                effects.append(SendGratuitous(self._group, (va,), done))
        self.sent += sum(len(effect.addresses) for effect in effects)
        return effects

    def _due_moments(self, now_ns: int) -> list[Moment]:
        return [moment for moment, due_ns in self._moments.items() if due_ns <= now_ns]

    def _pass(self, moment: Moment, now_ns: int) -> int:
        """Notes that the moment has come, arms what follows from it; returns the number of rounds."""
        del self._moments[moment]
        match moment:
            case Moment.FIRST | Moment.SECOND:
                return self.policy.master_repeat
            case Moment.REFRESH:
                self._arm_refresh(now_ns)
                return self.policy.master_refresh_repeat
            case Moment.LOWER_PRIO:
                self._lower_prio_allowed_ns = now_ns + LOWER_PRIO_SPACING_NS
                if self.policy.lower_prio_delay_ns:
                    self._moments[Moment.LOWER_PRIO_AGAIN] = now_ns + self.policy.lower_prio_delay_ns
                return self.policy.lower_prio_repeat
            case Moment.LOWER_PRIO_AGAIN:
                return self.policy.lower_prio_repeat
            case _:
                assert_never(moment)

    def _arm_refresh(self, now_ns: int) -> None:
        if self.policy.master_refresh_ns:
            self._moments[Moment.REFRESH] = now_ns + self.policy.master_refresh_ns
        else:
            self._moments.pop(Moment.REFRESH, None)

    def _interval_ns(self, family: Family) -> int:
        return self.policy.garp_interval_ns if family is Family.IPV4 else self.policy.gna_interval_ns

    def _burst(self, addresses: tuple[VirtualAddress, ...], rounds: int, effects: list[SendGratuitous]) -> None:
        """One effect for each round of the addresses without pacing; the others queue up in their lanes."""
        if self.policy.garp_interval_ns or self.policy.gna_interval_ns:
            paced = [va for va in addresses if self._interval_ns(va.family)]
            addresses = tuple(va for va in addresses if not self._interval_ns(va.family))
            for va in paced if rounds else ():
                self._lanes.setdefault((va.interface, va.family), Lane()).put(va, rounds)
        if addresses:
            effects.extend(SendGratuitous(self._group, addresses, done) for done in range(rounds))
