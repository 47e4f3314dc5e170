"""Time, the network and the machines of a simulation. Everything that happens is an entry of one queue.

Nothing here knows what is right; `checks.py` does. All randomness is the seed's.
"""

from __future__ import annotations

import collections
import heapq
import itertools
import random
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.vrrp.config import State, VrrpInstance, VrrpSyncGroup
from alived.vrrp.events import (
    AdvertisementReceived,
    FaultCleared,
    FaultRaised,
    GroupDecided,
    InstanceEvent,
    MemberReport,
    PrimaryAddressChanged,
    PriorityChanged,
    Reannounce,
    SendAdvertisement,
    Shutdown,
    Startup,
    StateChanged,
)
from alived.vrrp.group_events import MemberChanged, MoveMember
from alived.vrrp.instance import Instance
from alived.vrrp.sync_group import SyncGroup

Action = Callable[[], None]
LINK_CAUSE, CHECK_CAUSE = "interface", "check"
TRACE_LINES = 400


class Weather(NamedTuple):
    """How the network treats a packet, until told otherwise."""

    loss: float = 0.0
    duplication: float = 0.0
    late: float = 0.0
    """Share of packets that take up to `late_ns`: they arrive after later ones."""
    late_ns: int = 0


CALM = Weather()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the seed made of the routers. configs: by router, then by network."""

    configs: tuple[tuple[VrrpInstance, ...], ...]
    addresses: tuple[tuple[str, ...], ...]
    drift_ppm: tuple[int, ...]
    grouped: bool
    delay_ns: int
    """Longest way of a packet in calm weather."""

    @property
    def routers(self) -> range:
        return range(len(self.configs))

    @property
    def networks(self) -> range:
        return range(len(self.configs[0]))

    @property
    def longest_interval_ns(self) -> int:
        return max(config.advert_interval_ns for router in self.configs for config in router)


class Change(NamedTuple):
    at_ns: int
    router: int
    network: int
    new: State


class Router:
    """One machine: a core for each network, its clock, and whether it runs."""

    def __init__(self, world: World, index: int) -> None:
        self.world = world
        self.index = index
        self.alive = False
        self.paused = False
        self.down: set[int] = set()
        """Networks to which the cable is out."""
        self.failing: set[int] = set()
        """Networks whose instance tracks a check that fails."""
        self.waiting: list[Action] = []
        """What arrived while paused."""
        self.cores: list[Instance] = []
        self.group: SyncGroup | None = None
        rng = random.Random(f"{world.seed}/{index}")
        self._offset_ns = rng.randrange(10**15)
        self._rate_ppm = 1_000_000 + world.plan.drift_ppm[index]

    def local_ns(self) -> int:
        """This machine's clock: its own start and its own rate."""
        return self._offset_ns + self.world.now_ns * self._rate_ppm // 1_000_000

    def world_ns(self, local_ns: int) -> int:
        """The first moment at which this machine's clock shows that."""
        return -((self._offset_ns - local_ns) * 1_000_000 // self._rate_ppm)

    def eligible(self, network: int) -> bool:
        if not self.alive or self.paused:
            return False
        faulty = self.down | self.failing
        return not faulty if self.world.plan.grouped else network not in faulty

    def preempts(self, network: int) -> bool:
        """A group preempts if all of its members do."""
        configs = self.world.plan.configs[self.index]
        return all(one.is_owner or not one.nopreempt for one in (configs if self.group else (configs[network],)))

    # What the world does to it

    def start(self) -> None:
        plan = self.world.plan
        self.alive, self.paused = True, False
        self.waiting.clear()
        self.cores = [self.world.instance_class(config) for config in plan.configs[self.index]]
        if plan.grouped:
            self.group = self.world.group_class(VrrpSyncGroup(name="G", members=tuple(map(str, plan.networks))))
        for network, address in enumerate(plan.addresses[self.index]):
            self.feed(network, PrimaryAddressChanged(address))
            if network in self.down:
                self.feed(network, FaultRaised(LINK_CAUSE, "no carrier"))
            if network in self.failing:
                self.feed(network, FaultRaised(CHECK_CAUSE, "refused"))
        for network in plan.networks:
            self.feed(network, Startup())

    def crash(self) -> None:
        self.alive = self.paused = False
        self.waiting.clear()

    def stop(self) -> None:
        self.when_running(self._stop)

    def _stop(self) -> None:
        for network in self.world.plan.networks:
            self.feed(network, Shutdown())
        self.crash()

    def pause(self) -> None:
        self.paused = self.alive

    def resume(self) -> None:
        """What waits in the buffers is heard before any timer is judged, as the loop does it."""
        if not self.paused:
            return
        self.paused = False
        waiting, self.waiting = self.waiting, []
        for action in waiting:
            action()
        if self.alive:
            self.run_due()

    def set_cable(self, network: int, up: bool) -> None:
        if up == (network not in self.down):
            return
        if up:
            self.down.discard(network)
            self.when_running(lambda: self.feed(network, FaultCleared(LINK_CAUSE)))
        else:
            self.down.add(network)
            self.when_running(lambda: self.feed(network, FaultRaised(LINK_CAUSE, "no carrier")))

    def set_check(self, network: int, well: bool) -> None:
        """Of what the instance on this network tracks as a condition."""
        if well == (network not in self.failing):
            return
        self.failing.symmetric_difference_update({network})
        event = FaultCleared(CHECK_CAUSE) if well else FaultRaised(CHECK_CAUSE, "refused")
        self.when_running(lambda: self.feed(network, event))

    def set_priority(self, priority: int) -> None:
        if not self.cores or self.cores[0].config.is_owner:
            return
        for network in self.world.plan.networks:
            event = PriorityChanged(priority, "a tracker")
            self.when_running(lambda network=network, event=event: self.feed(network, event))  # type: ignore[misc]

    def when_running(self, action: Action) -> None:
        """Now, or when a paused machine goes on; never on a dead one."""
        if self.paused:
            self.waiting.append(action)
        elif self.alive:
            action()

    # Running the cores

    def receive(self, network: int, advert: AdvertisementReceived) -> None:
        if network not in self.down:
            self.when_running(lambda: self.feed(network, advert))

    def run_due(self) -> None:
        if not self.alive or self.paused:
            return
        for network, core in enumerate(self.cores):
            while core.deadline_ns is not None and core.deadline_ns <= self.local_ns():
                self.feed(network, DeadlineReached())

    def feed(self, network: int, event: InstanceEvent) -> None:
        work: collections.deque[tuple[int, InstanceEvent]] = collections.deque([(network, event)])
        while work:
            at, incoming = work.popleft()
            core = self.cores[at]
            self.world.steps += 1
            for effect in core.step(incoming, self.local_ns()):
                match effect:
                    case SendAdvertisement(_, priority):
                        self.world.transmit(self, at, priority)
                    case StateChanged():
                        self.world.state_changed(self, at, effect)
                    case Reannounce():
                        self.world.announce(self, at)
                    case MemberReport():
                        work.extend(self._ask_group(effect))
                    case _:
                        pass
            self.world.after_step(self, at)
            self._schedule(core)
        self.world.after_event(self)

    def _ask_group(self, report: MemberReport) -> list[tuple[int, InstanceEvent]]:
        assert self.group is not None
        news = MemberChanged(report.instance, report.state, report.wanted, report.priority, report.reason)
        moves = [effect for effect in self.group.step(news, self.local_ns()) if isinstance(effect, MoveMember)]
        return [(int(move.instance), GroupDecided(move.state, move.reason)) for move in moves]

    def _schedule(self, core: Instance) -> None:
        if core.deadline_ns is not None:
            self.world.at(self.world_ns(core.deadline_ns), self.run_due)


class World:
    """The queue, the network and the neighbour tables of one client for each network."""

    def __init__(
        self,
        seed: int,
        plan: Plan,
        instance_class: type[Instance] = Instance,
        group_class: type[SyncGroup] = SyncGroup,
    ) -> None:
        self.seed = seed
        self.plan = plan
        self.instance_class = instance_class
        self.group_class = group_class
        self.rng = random.Random(f"{seed}/network")
        self.now_ns = 0
        self.steps = 0
        self.weather = CALM
        self.blocked: set[tuple[int, int]] = set()
        """(sender, receiver): nothing passes, on any network."""
        self.clients: list[int | None] = [None] * len(plan.networks)
        """To which router the client of a network sends: the last that announced itself."""
        self.changes: list[Change] = []
        self.after_step: Callable[[Router, int], None] = lambda router, network: None
        """Told after each step of a core."""
        self.after_event: Callable[[Router], None] = lambda router: None
        """Told when a router has done with an event, its sync group included."""
        self.trace: collections.deque[str] = collections.deque(maxlen=TRACE_LINES)
        self._queue: list[tuple[int, int, Action]] = []
        self._numbers = itertools.count()
        self._last_arrival_ns: dict[tuple[int, int, int], int] = {}
        self.routers = [Router(self, index) for index in plan.routers]

    def at(self, moment_ns: int, action: Action) -> None:
        heapq.heappush(self._queue, (max(moment_ns, self.now_ns), next(self._numbers), action))

    def after(self, duration_ns: int, action: Action) -> None:
        self.at(self.now_ns + duration_ns, action)

    def run(self, duration_ns: int) -> None:
        end_ns = self.now_ns + duration_ns
        while self._queue and self._queue[0][0] <= end_ns:
            self.now_ns, _, action = heapq.heappop(self._queue)
            action()
        self.now_ns = end_ns

    def say(self, text: str) -> None:
        self.trace.append(f"{self.now_ns / NS_PER_S:12.6f} s  {text}")

    # Effects of routers

    def transmit(self, sender: Router, network: int, priority: int) -> None:
        if network in sender.down:
            return
        config = self.plan.configs[sender.index][network]
        source = self.plan.addresses[sender.index][network]
        advert = AdvertisementReceived(source, priority, config.advert_interval_cs, ())
        for receiver in self.routers:
            if receiver is sender or (sender.index, receiver.index) in self.blocked:
                continue
            copies = 1 + (self.rng.random() < self.weather.duplication)
            for _ in range(copies):
                if self.rng.random() >= self.weather.loss:
                    self._deliver(sender, receiver, network, advert)

    def _deliver(self, sender: Router, receiver: Router, network: int, advert: AdvertisementReceived) -> None:
        """A wire keeps the order of packets, unless the weather makes one late."""
        wire = sender.index, receiver.index, network
        arrival_ns = self.now_ns + self.rng.randint(self.plan.delay_ns // 10, self.plan.delay_ns)
        if self.rng.random() < self.weather.late:
            arrival_ns += self.rng.randint(0, self.weather.late_ns)
        else:
            arrival_ns = self._last_arrival_ns[wire] = max(arrival_ns, self._last_arrival_ns.get(wire, 0))
        self.at(arrival_ns, lambda: receiver.receive(network, advert))

    def state_changed(self, router: Router, network: int, change: StateChanged) -> None:
        self.say(f"router {router.index} network {network}: {change.old} -> {change.new}: {change.reason}")
        self.changes.append(Change(self.now_ns, router.index, network, change.new))
        if change.new is State.MASTER:
            # Addresses first, then the gratuitous ARPs: some time after the first advert.
            binding_ns = self.rng.randint(0, 3 * NS_PER_MS)
            self.after(binding_ns, lambda: router.when_running(lambda: self.announce(router, network)))

    def announce(self, router: Router, network: int) -> None:
        if network not in router.down and router.cores[network].state is State.MASTER:
            self.clients[network] = router.index

    # What checks ask

    def masters(self, network: int) -> list[int]:
        """Routers that run and believe to be MASTER."""
        return [
            router.index
            for router in self.routers
            if router.alive and not router.paused and router.cores[network].state is State.MASTER
        ]

    def priority(self, router: int, network: int) -> int:
        return self.routers[router].cores[network].snapshot().priority
