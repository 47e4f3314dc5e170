"""Real members on bad machines and a bad network keep what they promise; broken on purpose, they are found out."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_MS as MS
from alived.base import NS_PER_S as S
from alived.raft.confchange import ChangeKind
from alived.raft.directory import change_of
from tests.raft.cluster_simulation import Simulation, simulate
from tests.raft.simulated_parts import World

pytestmark = [pytest.mark.simulation, pytest.mark.timeout(600)]

WORLDS = {
    "three": World(),
    "three without a kernel lease": World(kernel_lease=False),
    "five": World(nodes=5, groups=3),
    "spread": World(nodes=3, groups=5, spread=True),
    "two and a witness": World(nodes=3, witnesses=1),
    "hold": World(hold=True),
    "one": World(nodes=1, groups=1),
}


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("seed", range(2))
def test_nothing_impossible_happens_and_all_is_well_in_the_end(name: str, seed: int) -> None:
    simulation = simulate(seed, WORLDS[name], 10 * S)
    assert simulation.counts["changes of owner"] > 0
    assert simulation.counts["faults"] > 10
    assert simulation.invariants.commits > 0


def test_a_seed_reproduces_everything() -> None:
    def story() -> list[tuple[int, str]]:
        simulation = Simulation(7)
        simulation.run(5 * S)
        return simulation.story

    assert story() == story() != []


def test_a_node_that_lost_its_disk_gets_the_log_under_the_same_leader() -> None:
    """The leader remembers what it acknowledged, and must forget that."""
    simulation = Simulation(1, World(lose=0, duplicate=0, longest_delay_ns=MS * 2, trouble_every_ns=1000 * S))
    simulation.run(3 * S)
    leader = next(name for name, machine in simulation.machines.items() if simulation.invariants.owners("g1") == [name])
    other = next(machine for name, machine in simulation.machines.items() if name != leader)
    terms = simulation.invariants.terms
    other.replace_disk()
    other.power_on()
    simulation.rest()
    assert other.member is not None
    assert other.disk.memory.last_index > 0
    assert simulation.invariants.terms == terms


def test_a_leader_that_finds_itself_removed_makes_way() -> None:
    """It has won with the log in which its removal was not committed yet, and commits it by leading."""
    simulation = Simulation(1, World(lose=0, duplicate=0, trouble_every_ns=1000 * S, slow_disk=0))
    simulation.calm = True
    simulation.run(3 * S)
    machines = list(simulation.machines.values())
    first = next(machine for machine in machines if machine.leads)
    second, third = (machine for machine in machines if machine is not first)
    simulation.cut = {(second.name, first.name), (third.name, first.name), (first.name, third.name)}
    member = first.consensus.directory.members[second.number]
    first.consensus.node.propose_change(change_of(ChangeKind.REMOVE, member))
    last = first.consensus.node.raft.log.last_index
    simulation.until(lambda: second.consensus.node.raft.log.last_index == last)
    first.kill()
    simulation.cut.clear()
    simulation.until(lambda: second.number not in third.consensus.directory.members)
    first.start()
    simulation.run(3 * S)
    assert not second.leads
    assert {*simulation.invariants.owners("g1")} <= {first.name, third.name}
    assert len(simulation.invariants.owners("g1")) == 1
