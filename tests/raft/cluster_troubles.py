"""What goes wrong in the simulated cluster, one thing after the other, and how it all ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from alived.base import NS_PER_MS as MS
from alived.raft.member_events import (
    AddMember,
    Asking,
    Command,
    Demote,
    MemberReconfigured,
    MemberShutdown,
    Phase,
    Promote,
    RemoveMember,
    Transfer,
)
from tests.raft.simulated_machine import Machine

if TYPE_CHECKING:
    from tests.raft.cluster_simulation import Simulation


class Troubles:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._random = simulation.random
        self._requests = 0
        self._over = False
        self._kinds: list[tuple[int, Callable[[Machine], str]]] = [
            (6, self._kill),
            (4, self._crash),
            (6, self._stop),
            (4, self._stop_engine),
            (4, self._kill_engine),
            (6, self._isolate),
            (6, self._cut_link),
            (5, self._split),
            (5, self._mute),
            (4, self._heal),
            (2, self._refuse),
            (2, self._blank),
            (10, self._judge),
            (4, self._prefer),
            (8, self._transfer),
            (6 if simulation.world.spares else 0, self._change_members),
            (2, self._reload),
            (4, self._shut_down),
        ]

    def next(self) -> None:
        if self._over:
            return
        weights = [weight for weight, _ in self._kinds]
        [(_, kind)] = self._random.choices(self._kinds, weights)
        machine = self._random.choice(list(self._simulation.machines.values()))
        text = kind(machine)
        if text:
            self._simulation.counts["faults"] += 1
            self._simulation.counts[kind.__name__.strip("_").replace("_", " ")] += 1
            self._simulation.tell(text)
        again = int(self._random.expovariate(1 / self._simulation.world.trouble_every_ns)) + 1
        self._simulation.later(again, self.next)

    def end(self) -> None:
        """Everything is repaired."""
        self._over = True
        simulation = self._simulation
        simulation.cut.clear()
        simulation.calm = True
        for machine in simulation.machines.values():
            machine.disk.refuses = False
            machine.engine.stopped_until_ns = machine.stopped_until_ns = simulation.now_ns
            machine.engine.priority = None
            for group in list(machine.engine.unable):
                machine.engine.judge(group, "")
            simulation.later(600 * MS, lambda machine=machine: self._revive(machine))  # type: ignore[misc]

    def _revive(self, machine: Machine) -> None:
        if not machine.powered:
            machine.power_on()
        machine.start()
        if not machine.engine.up:
            machine.engine.start()

    # -- processes and machines

    def _soon(self, longest_ns: int, act: Callable[[], None]) -> None:
        self._simulation.later(self._random.randrange(5 * MS, longest_ns), act)

    def _until(self, longest_ns: int) -> int:
        return self._simulation.now_ns + self._random.randrange(MS, longest_ns)

    def _kill(self, machine: Machine) -> str:
        if machine.member is None:
            return ""
        machine.kill()
        self._soon(500 * MS, machine.start)
        return f"{machine.name}: the process is killed"

    def _crash(self, machine: Machine) -> str:
        if not machine.powered:
            return ""
        machine.power_off()
        self._soon(1000 * MS, lambda: None if machine.powered else machine.power_on())
        return f"{machine.name}: power is lost"

    def _stop(self, machine: Machine) -> str:
        machine.stop(self._until(1000 * MS))
        return f"{machine.name}: the process stops for a while"

    def _stop_engine(self, machine: Machine) -> str:
        machine.engine.stop(self._until(1000 * MS))
        return f"{machine.name}: the engine stops for a while"

    def _kill_engine(self, machine: Machine) -> str:
        if not machine.engine.up:
            return ""
        machine.engine.die()
        engine = machine.engine.life

        def reap() -> None:
            if machine.powered and machine.engine.life == engine:
                machine.engine.reap()
                life = machine.life
                self._simulation.later(self._random.randrange(30 * MS), lambda: machine.engine_lost(life))
                self._soon(100 * MS, start)

        def start() -> None:
            if machine.powered and machine.engine.life == engine:
                machine.engine.start()

        self._soon(50 * MS, reap)
        return f"{machine.name}: the engine dies"

    def _shut_down(self, machine: Machine) -> str:
        if machine.member is None:
            return ""
        machine.feed(MemberShutdown(), machine.life)
        self._soon(1500 * MS, machine.kill)
        self._simulation.later(1600 * MS, machine.start)
        return f"{machine.name}: the daemon ends"

    def _reload(self, machine: Machine) -> str:
        machine.feed(MemberReconfigured(machine.settings.cluster, machine.settings.groups), machine.life)
        return f"{machine.name}: reloads"

    # -- disks

    def _refuse(self, machine: Machine) -> str:
        machine.disk.refuses = True
        return f"{machine.name}: the disk will refuse"

    def _blank(self, machine: Machine) -> str:
        """An empty disk, when all others are well and a majority: what the cluster has promised survives that."""
        others = [other for other in self._simulation.machines.values() if other is not machine]
        voters = {number for other in others if _is_well(other) for number in other.consensus.configuration.voters.ids}
        majority = len(voters - {machine.number}) > len(voters) // 2
        if not machine.powered or not majority or not all(map(_is_well, others)):
            return ""
        machine.replace_disk()
        self._soon(1000 * MS, lambda: None if machine.powered else machine.power_on())
        return f"{machine.name}: comes back with an empty disk"

    # -- the network

    def _cut(self, pairs: set[tuple[str, str]]) -> None:
        """Nothing arrives, for a while."""
        self._simulation.cut |= pairs
        self._soon(1500 * MS, lambda: self._simulation.cut.difference_update(pairs))

    def _isolate(self, machine: Machine) -> str:
        others = self._simulation.machines
        self._cut({(machine.name, other) for other in others} | {(other, machine.name) for other in others})
        return f"{machine.name}: is cut off"

    def _cut_link(self, machine: Machine) -> str:
        other = self._random.choice(list(self._simulation.machines))
        if self._random.random() < 0.5:
            self._cut({(machine.name, other)})
            return f"{other} does not hear {machine.name}"
        self._cut({(machine.name, other), (other, machine.name)})
        return f"{machine.name} and {other} do not hear each other"

    def _split(self, machine: Machine) -> str:
        names = list(self._simulation.machines)
        side = {name for name in names if self._random.random() < 0.5}
        self._cut({(a, b) for a in names for b in names if (a in side) != (b in side)})
        return f"split: {', '.join(sorted(side)) or 'nobody'} and the others"

    def _mute(self, machine: Machine) -> str:
        self._cut({(machine.name, other) for other in self._simulation.machines})
        return f"{machine.name}: nobody hears it"

    def _heal(self, machine: Machine) -> str:
        self._simulation.cut.clear()
        return "all links are well"

    # -- what operators and trackers do

    def _judge(self, machine: Machine) -> str:
        group = self._random.choice(self._simulation.groups).name
        reason = "" if group in machine.engine.unable else "eth0 is down"
        machine.engine.judge(group, reason)
        return f"{machine.name}: {group} is {'unwell' if reason else 'well'}"

    def _prefer(self, machine: Machine) -> str:
        machine.engine.priority = self._random.choice([None, 0, 50, 150])
        machine.engine.report()
        return f"{machine.name}: has priority {machine.engine.priority}"

    def _ask(self, machine: Machine, command: Command) -> str:
        self._requests += 1
        machine.feed(Asking(self._requests, command), machine.life)
        return f"{machine.name} is asked: {command}"

    def _transfer(self, machine: Machine) -> str:
        to = self._random.choice(["", *self._simulation.machines])
        return self._ask(machine, Transfer(to))

    def _change_members(self, machine: Machine) -> str:
        someone = self._random.choice(list(self._simulation.machines.values()))
        as_configured = next(member for member in someone.settings.cluster.members if member.id == someone.name)
        commands: list[Command] = [
            AddMember(as_configured, allow_two_voters=True),
            AddMember(as_configured, allow_two_voters=True),
            RemoveMember(someone.name, allow_two_voters=True),
            Promote(someone.name, allow_two_voters=True),
            Demote(someone.name, allow_two_voters=True),
        ]
        return self._ask(machine, self._random.choice(commands))


def _is_well(machine: Machine) -> bool:
    return machine.member is not None and machine.member.phase is Phase.RUNNING
