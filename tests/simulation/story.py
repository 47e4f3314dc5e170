"""What happens in a simulation, by seed: routers are made, chaos, then calm episodes whose outcome is known."""

from __future__ import annotations

import random
from collections.abc import Callable

from alived.base import NS_PER_CS, NS_PER_S
from alived.vrrp.config import State, VrrpInstance
from alived.vrrp.instance import Instance
from alived.vrrp.sync_group import SyncGroup
from alived.vrrp.timers import master_down_interval_ns, skew_time_ns
from tests.simulation import checks
from tests.simulation.world import CALM, Plan, Router, Weather, World

OCTETS = (9, 10, 20, 3, 100)
"""Last octets of addresses: their order as text is not their order as numbers."""
PRIORITY_STEP = 5
"""Least difference of unequal priorities: their skew times differ by more than clocks and wires do."""
DRIFT_PPM = 1000
CHAOS_INTERVALS = 40
LOWEST = 5
"""A priority below all others."""


def make_plan(seed: int, routers: int) -> Plan:
    rng = random.Random(f"{seed}/plan")
    networks = rng.choice((1, 1, 2))
    version = rng.choice((2, 3))
    base_cs = rng.choice((100, 200) if version == 2 else (10, 25, 100))
    priorities = [rng.randrange(10, 200, PRIORITY_STEP) for _ in range(routers)]
    if rng.random() < 0.3:
        priorities[1] = priorities[0]
    if rng.random() < 0.2:
        priorities[rng.randrange(routers)] = 255
    octets = rng.sample(OCTETS, routers)
    nopreempt = rng.random() < 0.25
    grouped = networks > 1 and rng.random() < 0.7
    configs = []
    for priority in priorities:
        # A v2 router refuses other intervals; a v3 router follows its master's.
        interval_cs = base_cs * rng.choice((1, 1, 2)) if version == 3 else base_cs
        of_router = [
            VrrpInstance(
                name=str(network),
                interface=f"eth{network}",
                virtual_router_id=network + 1,
                version=version,
                priority=priority,
                advert_interval_cs=interval_cs,
                nopreempt=nopreempt or rng.random() < 0.1,
                preempt_delay_ns=rng.choice((0, 0, 0, base_cs * 2 * NS_PER_CS)),
                startup_delay_ns=rng.choice((0, 0, 0, base_cs * 3 * NS_PER_CS)),
                lower_prio_no_advert=rng.random() < 0.2,
                higher_prio_send_advert=True,
                sync_group="G" if grouped else "",
            )
            for network in range(networks)
        ]
        configs.append(tuple(of_router))
    return Plan(
        configs=tuple(configs),
        addresses=tuple(tuple(f"10.0.{network}.{octet}" for network in range(networks)) for octet in octets),
        drift_ppm=tuple(rng.randint(-DRIFT_PPM, DRIFT_PPM) for _ in priorities),
        grouped=grouped,
        delay_ns=base_cs * NS_PER_CS // 1000,
    )


class Story:
    """One simulation. `tell()` raises `checks.Broken` if something does not hold."""

    def __init__(
        self,
        seed: int,
        routers: int,
        instance_class: type[Instance] = Instance,
        group_class: type[SyncGroup] = SyncGroup,
    ) -> None:
        self.rng = random.Random(f"{seed}/story")
        self.plan = make_plan(seed, routers)
        self.world = World(seed, self.plan, instance_class, group_class)
        self.world.after_step = checks.after_step
        self.world.after_event = checks.together
        self.interval_ns = self.plan.longest_interval_ns
        slowest = max(c.startup_delay_ns + c.preempt_delay_ns for router in self.plan.configs for c in router)
        self.settle_ns = slowest + 12 * self.interval_ns + 4 * NS_PER_S
        self.quiet_ns = 5 * self.interval_ns + 2 * NS_PER_S

    def tell(self) -> None:
        for router in self.world.routers:
            self.world.after(self.rng.randrange(3 * self.interval_ns), router.start)
        self.chaos()
        self.calm_down()
        self.settle()
        for episode in self.rng.sample([self.crash, self.stop, self.split, self.deafen, self.worsen, self.sicken], 4):
            self.world.say(f"--- {episode.__name__}")
            episode()

    # Chaos: anything, at any time

    def chaos(self) -> None:
        duration_ns = CHAOS_INTERVALS * self.interval_ns
        self.world.weather = Weather(
            loss=self.rng.choice((0.0, 0.05, 0.3)),
            duplication=self.rng.choice((0.0, 0.1)),
            late=self.rng.choice((0.0, 0.2)),
            late_ns=2 * self.interval_ns,
        )
        for _ in range(self.rng.randrange(2, 12)):
            self.world.after(self.rng.randrange(duration_ns), self.rng.choice(self._faults()))
        self.world.run(duration_ns)

    def _faults(self) -> list[Callable[[], None]]:
        router = self.rng.choice(self.world.routers)
        name = f"router {router.index}"
        network = self.rng.choice(self.plan.networks)
        until_ns = self.rng.randrange(self.interval_ns // 2, 12 * self.interval_ns)
        pairs = [(a, b) for a in self.plan.routers for b in self.plan.routers if a != b]
        cut = set(self.rng.sample(pairs, self.rng.randint(1, len(pairs))))
        priority = self.rng.randrange(10, 200, PRIORITY_STEP)

        def for_a_while(text: str, begin: Callable[[], None], end: Callable[[], None]) -> Callable[[], None]:
            def fault() -> None:
                self.world.say(f"{text} for {until_ns / NS_PER_S:.3f} s")
                begin()
                self.world.after(until_ns, end)

            return fault

        def restart() -> None:
            if not router.alive:
                router.start()

        return [
            for_a_while(f"{name} crashes", router.crash, restart),
            for_a_while(f"{name} stops", router.stop, restart),
            for_a_while(f"{name} is paused", router.pause, router.resume),
            for_a_while(
                f"{name}: cable {network} out",
                lambda: router.set_cable(network, False),
                lambda: router.set_cable(network, True),
            ),
            for_a_while(
                f"{name}: check on {network} fails",
                lambda: router.set_check(network, False),
                lambda: router.set_check(network, True),
            ),
            for_a_while(
                f"cut {sorted(cut)}",
                lambda: self.world.blocked.update(cut),
                lambda: self.world.blocked.difference_update(cut),
            ),
            lambda: router.set_priority(priority),
        ]

    def calm_down(self) -> None:
        """Everything works again. What is still planned (the end of a fault) finds nothing to do."""
        world = self.world
        world.say("--- calm")
        world.weather = CALM
        world.blocked.clear()
        world.run(12 * self.interval_ns)
        for router in world.routers:
            router.resume()
            for network in self.plan.networks:
                router.set_cable(network, True)
                router.set_check(network, True)
            if not router.alive:
                router.start()

    def settle(self) -> None:
        self.world.run(self.settle_ns)
        since_ns = self.world.now_ns
        self.world.run(self.quiet_ns)
        checks.settled(self.world, since_ns)
        for network in self.plan.networks:
            masters = self.world.masters(network)
            self.world.clients[network] = masters[0] if masters else None

    # Calm episodes

    def crash(self) -> None:
        """The MASTER dies without a word: one successor, the best, after its Master_Down_Interval."""
        self._succeed(lambda router: router.crash(), master_down=True)

    def stop(self) -> None:
        """The MASTER stops: one successor, the best, after its Skew_Time."""
        self._succeed(lambda router: router.stop(), master_down=False)

    def _succeed(self, end: Callable[..., None], *, master_down: bool) -> None:
        world = self.world
        network = self.rng.choice(self.plan.networks)
        (master,) = world.masters(network)
        held = [at for at in self.plan.networks if world.masters(at) == [master]]
        others = {index for index in self.plan.routers if index != master}
        world.run(self.rng.randrange(self.interval_ns))
        gone_ns, first = world.now_ns, len(world.changes)
        end(world.routers[master])
        world.run(self.settle_ns)
        changes = [change for change in world.changes[first:] if change.router != master]
        bounds = {at: self._takeover_bound_ns(master, at, others, master_down) for at in held}
        for at in held:
            bound_ns = max(bounds.values()) if self.plan.grouped else bounds[at]
            checks.one_successor(world, at, changes, self._candidates(at, others), bound_ns, gone_ns)
        world.routers[master].start()
        self.settle()

    def _candidates(self, network: int, others: set[int]) -> set[int]:
        """The best, and its equals: two routers of one priority may try at the same moment."""
        highest = max(self.world.priority(index, network) for index in others)
        return {index for index in others if self.world.priority(index, network) == highest}

    def _takeover_bound_ns(self, master: int, network: int, others: set[int], master_down: bool) -> int:
        config = self.plan.configs[checks.best(self.world, network, others)][network]
        priority = max(self.world.priority(index, network) for index in others)
        interval_cs = self.plan.configs[master][network].advert_interval_cs
        compute = master_down_interval_ns if master_down else skew_time_ns
        wait_ns = compute(config.version, priority, interval_cs)
        return wait_ns + wait_ns * 3 * DRIFT_PPM // 1_000_000 + 2 * self.plan.delay_ns

    def worsen(self) -> None:
        """A tracker with a weight fails at the MASTER, so that all others are better, and is well again."""
        router, held = self._some_master()
        before = self.world.priority(router.index, held[0])
        if not router.cores[held[0]].config.is_owner:  # nothing moves an owner's priority
            self._ail(router, held, lambda: router.set_priority(LOWEST), lambda: router.set_priority(before))

    def sicken(self) -> None:
        """A condition fails at the MASTER: in a sync group of one member, and all follow. It is well again."""
        router, held = self._some_master()
        network = held[0]
        concerned = held if self.plan.grouped else [network]
        fail, heal = (lambda well=well: router.set_check(network, well) for well in (False, True))
        self._ail(router, concerned, fail, heal)

    def _some_master(self) -> tuple[Router, list[int]]:
        """With the networks that it holds, one of them first by chance."""
        network = self.rng.choice(self.plan.networks)
        (master,) = self.world.masters(network)
        others = [at for at in self.plan.networks if at != network and self.world.masters(at) == [master]]
        return self.world.routers[master], [network, *others]

    def _ail(self, router: Router, networks: list[int], fail: Callable[[], None], heal: Callable[[], None]) -> None:
        fail()
        self.settle()
        checks.gone(self.world, networks, router.index)
        before = {network: self.world.masters(network) for network in networks}
        self.world.say(f"router {router.index} is well again")
        heal()
        self.settle()
        checks.stays_away(self.world, before, router.index)

    def split(self) -> None:
        """The routers fall apart into islands and meet again."""
        islands = {index: self.rng.randrange(3) for index in self.plan.routers}
        pairs = [(a, b) for a in self.plan.routers for b in self.plan.routers if a != b]
        self.world.blocked = {(a, b) for a, b in pairs if islands[a] != islands[b]}
        self.world.say(f"islands {islands}")
        self.settle()
        contenders = {at: set(self.world.masters(at)) for at in self.plan.networks}
        self._heal()
        if not self.plan.grouped:
            for network in self.plan.networks:
                winner = checks.best(self.world, network, contenders[network])
                right = self.world.masters(network) == [winner] or self._preempted(network, winner)
                checks.require(right, f"network {network}: {contenders[network]} met, {winner} should have stayed")

    def _preempted(self, network: int, winner: int) -> bool:
        """Somebody better was BACKUP on an island (nopreempt lets that be) and could not know."""
        (master,) = self.world.masters(network)
        return self.world.priority(master, network) > self.world.priority(winner, network)

    def deafen(self) -> None:
        """Some hear others who do not hear them."""
        pairs = [(a, b) for a in self.plan.routers for b in self.plan.routers if a != b]
        self.world.blocked = {pair for pair in pairs if self.rng.random() < 0.5}
        self.world.say(f"deaf: {sorted(self.world.blocked)}")
        self.world.run(self.settle_ns)
        self._heal()

    def _heal(self) -> None:
        world = self.world
        world.say("--- heal")
        world.blocked.clear()
        healed_ns = world.now_ns
        surplus = [at for at in self.plan.networks if len(world.masters(at)) > 1]
        world.run(self.settle_ns)
        since_ns = world.now_ns
        world.run(self.quiet_ns)
        checks.settled(world, since_ns)
        checks.neighbours_know(world)
        for network in surplus:
            if not any(config[network].preempt_delay_ns for config in self.plan.configs):
                checks.gave_way(world, network, healed_ns, self._give_way_bound_ns())

    def _give_way_bound_ns(self) -> int:
        """All have advertised once, and a last one took over just before: answered by the next advert."""
        return 2 * self.interval_ns + 4 * self.plan.delay_ns


def tell(
    seed: int,
    routers: int,
    instance_class: type[Instance] = Instance,
    group_class: type[SyncGroup] = SyncGroup,
) -> Story:
    """Tells the story of this seed to its end."""
    story = Story(seed, routers, instance_class, group_class)
    story.tell()
    assert all(router.cores for router in story.world.routers)
    assert State.MASTER in {change.new for change in story.world.changes}
    return story
