"""A cluster of real members on simulated machines and a bad network: what a sceptic would do to it.

Clocks drift; packets are lost, doubled, late and out of order; links are cut in one direction or both; disks forget
what was not synced, tear the last record, refuse; engines are late, stop, die; processes stop, crash and start again;
nodes come with an empty disk; operators give commands meanwhile. After every step everything in `cluster_invariants`
must hold, and when the troubles end every group must soon have its owner. A seed reproduces everything:

    python -m tests.raft.cluster_simulation --seed 7 --nodes 3 --groups 4 --seconds 60 [--spread]
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
import time
from collections import Counter
from collections.abc import Callable

from alived.base import NS_PER_MS as MS
from alived.base import NS_PER_S as S
from alived.raft.config import Cluster, Member, QuorumLost, RaftInstance, Role
from alived.raft.member_events import Arrived, Outcome, Phase, Save
from alived.raft.member_settings import MemberSettings
from alived.raft.messages import Role as RaftRole
from alived.raft.packets import Packet, decode, encode
from tests.raft.cluster_invariants import Invariants, Violation
from tests.raft.cluster_troubles import Troubles
from tests.raft.simulated_machine import Machine
from tests.raft.simulated_parts import Clock, World

REST_NS = 8 * S
"""After the troubles everything must be well within this"""


class Simulation:
    """The driver of the machines; `story` tells what happened."""

    def __init__(self, seed: int, world: World | None = None) -> None:
        self.random = random.Random(seed)
        self.world = world or World()
        self.now_ns = 0
        self.story: list[tuple[int, str]] = []
        self.counts: Counter[str] = Counter()
        """Of events and faults"""
        self.cut: set[tuple[str, str]] = set()
        """(from, to): nothing arrives"""
        self.calm = False
        """No packet is lost, doubled or late"""
        self.delays: Callable[[Packet], int | None] = lambda packet: None
        """How late a packet is; None: as usual"""
        self.outcomes: list[Outcome] = []
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self._owners: dict[str, list[str]] = {}
        self._members: tuple[Member, ...] = ()
        self.groups = self._make_groups()
        self.machines = self._make_machines()
        self._by_number = {machine.number: machine for machine in self.machines.values()}
        single = [group.name for group in self.groups if group.quorum_lost is QuorumLost.RELEASE]
        self.invariants = Invariants(self.machines, single)
        self.troubles = Troubles(self)
        for machine in self.machines.values():
            self.later(self.random.randrange(500 * MS), machine.power_on)
        self.later(self.world.trouble_every_ns, self.troubles.next)

    def _make_groups(self) -> tuple[RaftInstance, ...]:
        count = self.world.groups
        return tuple(
            RaftInstance(
                name=f"g{place}",
                quorum_lost=QuorumLost.HOLD if self.world.hold and place == count else QuorumLost.RELEASE,
                preferred_nodes=(f"n{1 + place % 3}",) if place > 2 else (),
                nopreempt=place % 4 == 2,
                preempt_delay_ns=S if place % 2 else 0,
            )
            for place in range(1, count + 1)
        )

    def _make_machines(self) -> dict[str, Machine]:
        total = self.world.nodes + self.world.spares
        members = [
            Member(
                id=f"n{place}",
                address=f"10.0.0.{place}",
                priority=90 + 10 * (place % 3),
                role=Role.WITNESS
                if self.world.nodes - self.world.witnesses < place <= self.world.nodes
                else Role.VOTER,
            )
            for place in range(1, total + 1)
        ]
        self._members = tuple(members)
        machines = {}
        for place, member in enumerate(members, 1):
            known = members[: self.world.nodes]
            if place > self.world.nodes:
                known = [*known, member]
            cluster = Cluster(
                node_id=member.id,
                data_dir="/",
                members=tuple(known),
                cluster_id="test",
                spread_groups=self.world.spread,
            )
            rate = 1 + self.random.uniform(-self.world.drift, self.world.drift)
            machines[member.id] = Machine(MemberSettings.of(cluster, self.groups), self, Clock(rate, 0))
        return machines

    # -- time

    def later(self, delay_ns: int, act: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (self.now_ns + max(0, delay_ns), self._sequence, act))

    def run(self, duration_ns: int) -> None:
        """Raises Violation."""
        end = self.now_ns + duration_ns
        while self._events[0][0] <= end:
            self.now_ns, _, act = heapq.heappop(self._events)
            self.counts["events"] += 1
            act()
        self.now_ns = end

    def until(self, true: Callable[[], bool], limit_ns: int = 10 * S) -> None:
        """Run until it is so."""
        end = self.now_ns + limit_ns
        while not true():
            assert self.now_ns < end, "it never came true"
            self.run(MS // 5)

    def tell(self, text: str) -> None:
        self.story.append((self.now_ns, text))

    # -- what machines want

    def send(self, machine: Machine, to: int, packet: Packet) -> None:
        target = self._by_number.get(to)
        if target is None:
            return
        data = encode(packet)
        lives = machine.life, target.life
        copies = 1 + (not self.calm and self.random.random() < self.world.duplicate)
        for _ in range(copies):
            delay_ns = self.delays(packet) or self._delay()
            if delay_ns is not None:
                self.later(delay_ns, lambda: self._arrive(machine, target, data, lives))

    def _delay(self) -> int | None:
        """None: it is lost."""
        if self.calm:
            return self.random.randrange(100_000, 500_000)
        if self.random.random() < self.world.lose:
            return None
        delay_ns = self.random.randrange(100_000, self.world.longest_delay_ns)
        return delay_ns // 20 if self.random.random() < 0.9 else delay_ns

    def _arrive(self, machine: Machine, target: Machine, data: bytes, lives: tuple[int, int]) -> None:
        """Peers have a session for each process: what an earlier one has sent or was meant to hear is refused."""
        if (machine.name, target.name) in self.cut or lives[0] < target.newest_life.get(machine.name, 0):
            return
        target.newest_life[machine.name] = lives[0]
        target.feed(Arrived(machine.number, decode(data)), lives[1])

    def engine_changed(self, machine: Machine) -> None:
        self.invariants.engine_changed()
        for group in self.groups:
            owners = self.invariants.owners(group.name)
            if owners and owners != self._owners.get(group.name):
                self._owners[group.name] = owners
                self.counts["changes of owner"] += 1
                self.tell(f"{' and '.join(owners)} owns {group.name}")

    def stepped(self, machine: Machine) -> None:
        self.counts["steps"] += 1
        terms = self.invariants.terms
        self.invariants.stepped(machine)
        if self.invariants.terms > terms:
            assert machine.member is not None
            self.tell(f"{machine.name} leads term {machine.member.snapshot().term}")

    def written(self, machine: Machine, save: Save) -> None:
        self.invariants.written(machine, save)

    def told_operator(self, machine: Machine, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.tell(f"{machine.name} answers: {outcome.text}")

    # -- the end

    def rest(self) -> None:
        """The troubles end; raises Violation unless every group soon has an able owner, and keeps it."""
        self.troubles.end()
        self.tell("the troubles end")
        self.run(REST_NS)
        before, drops = self._final_owners(), self.counts["let go"]
        self.run(2 * S)
        if self.counts["let go"] != drops:
            raise Violation(f"no rest: {before} let go for a moment")
        self._check_members()
        self._check_preferences(before)
        if before != self._final_owners():
            raise Violation(f"no rest: owners were {before} and are {self._final_owners()}")

    def _check_members(self) -> None:
        """Every member of the cluster runs, and knows everything."""
        running = {name: machine.member for name, machine in self.machines.items() if machine.powered}
        views = {name: member.snapshot() for name, member in running.items() if member is not None}
        leaders = [view for view in views.values() if view.role is RaftRole.LEADER]
        if not leaders:
            raise Violation("nobody leads after the troubles")
        leader = max(leaders, key=lambda view: view.term)
        for peer in leader.members:
            view = views[peer.member.id]
            if view.phase is not Phase.RUNNING or (view.leader, view.applied_index) != (
                leader.node,
                leader.applied_index,
            ):
                raise Violation(f"{view.node} is left behind: {view}")

    def _check_preferences(self, owners: dict[str, str]) -> None:
        """All are able now: whom an operator asked for owns, or who is preferred, or who has the highest priority."""
        leader = max(
            (machine for machine in self.machines.values() if machine.leads), key=lambda one: one.consensus.term
        )
        members = [member for member in leader.consensus.directory.members.values() if member.may_own]
        for group in self.groups:
            preferred = [name for name in group.preferred_nodes if any(member.id == name for member in members)]
            if leader.consensus.directory.wish:
                best = leader.consensus.directory.wish
            elif group.nopreempt or (self.world.spread and not preferred):
                continue
            elif preferred:
                best = preferred[0]
            else:
                best = max(members, key=lambda member: member.priority).id
            equals = {member.id for member in members if self._as_good(member, best, group)}
            if owners[group.name] not in equals:
                raise Violation(f"{group.name} is at {owners[group.name]}, but {best} is better and well for long")

    def _as_good(self, member: Member, best: str, group: RaftInstance) -> bool:
        if member.id == best:
            return True
        own = next(one for one in self._members if one.id == best)
        return best not in group.preferred_nodes and member.priority == own.priority

    def _final_owners(self) -> dict[str, str]:
        final = {}
        for group in self.groups:
            owners = self.invariants.owners(group.name)
            if len(owners) != 1:
                raise Violation(f"{group.name} has {len(owners)} owners {REST_NS // S} s after the troubles: {owners}")
            final[group.name] = owners[0]
        return final


def simulate(seed: int, world: World, duration_ns: int) -> Simulation:
    """Troubles for so long, then peace. Raises Violation, with the story's end."""
    simulation = Simulation(seed, world)
    try:
        simulation.run(duration_ns)
        simulation.rest()
    except (Violation, AssertionError) as error:
        error.add_note(f"seed {seed}, {world}\n" + "\n".join(_lines(simulation)[-40:]))
        raise
    return simulation


def _lines(simulation: Simulation) -> list[str]:
    return [f"{moment / MS:12.3f} ms  {text}" for moment, text in simulation.story]


def _replay(seed: int, world: World, duration_ns: int) -> None:
    """One seed, with its story."""
    simulation = Simulation(seed, world)
    try:
        simulation.run(duration_ns)
        simulation.rest()
    finally:
        print("\n".join(_lines(simulation)))
        _sum_up(simulation.counts)


def _survey(seeds: range, world: World, duration_ns: int) -> bool:
    """Many seeds, with what they add up to; whether all is well."""
    total: Counter[str] = Counter()
    broken = 0
    for seed in seeds:
        try:
            total += simulate(seed, world, duration_ns).counts
        except (Violation, AssertionError) as error:
            broken += 1
            print(f"seed {seed}: {type(error).__name__}: {error}")
    print(f"{len(seeds)} seeds, {broken} broken")
    _sum_up(total)
    return not broken


def _sum_up(counts: Counter[str]) -> None:
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))


def main() -> None:
    parser = argparse.ArgumentParser(description="Replays a seed and tells its story, or looks at many.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seeds", type=int, default=1, help="so many, without their stories")
    parser.add_argument("--seconds", type=int, default=30, help="of troubles")
    for name, default in World._field_defaults.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(default, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=default)
        else:
            parser.add_argument(option, type=type(default), default=default)
    given = parser.parse_args()
    world = World(**{name: getattr(given, name) for name in World._fields})
    duration_ns = given.seconds * S
    began = time.perf_counter()
    well = True
    if given.seeds == 1:
        _replay(given.seed, world, duration_ns)
    else:
        well = _survey(range(given.seed, given.seed + given.seeds), world, duration_ns)
    took = time.perf_counter() - began
    minutes = given.seeds * (duration_ns + REST_NS) / (60 * S)
    print(f"{minutes:.1f} minutes of the cluster in {took:.1f} s: {minutes * 60 / took:.1f} times as fast as life")
    sys.exit(not well)


if __name__ == "__main__":
    main()
