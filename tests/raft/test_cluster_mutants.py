"""Each rule without which two nodes could own, or promises be lost: a bad day that needs it, and what happens without.

Every day is lived twice: by members as they are, and by members of which one rule was taken out. The simulation must be
content with the first and find out the second.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from alived.base import NS_PER_MS as MS
from alived.base import NS_PER_S as S
from alived.raft.consensus import Consensus
from alived.raft.directory import Directory
from alived.raft.formation import Formation
from alived.raft.handover import Handover
from alived.raft.lease import Lease
from alived.raft.member import Member
from alived.raft.member_events import Arrived
from alived.raft.messages import AppendResponse
from alived.raft.outbox import Outbox
from alived.raft.packets import Subleases
from alived.raft.state import Raft
from alived.raft.subleases import Grants, Subleased
from tests.raft.cluster_invariants import Violation
from tests.raft.cluster_simulation import Simulation
from tests.raft.simulated_machine import Machine
from tests.raft.simulated_parts import World

pytestmark = [pytest.mark.simulation, pytest.mark.timeout(600)]

Break = Callable[[pytest.MonkeyPatch], None]
NEVER_NS = 10**6 * S


def settled(seed: int = 1, **values: Any) -> Simulation:
    """A cluster that owns, and to which nothing happens that the test does not do."""
    quiet = {"lose": 0, "duplicate": 0, "trouble_every_ns": NEVER_NS, "slow_disk": 0, "kernel_lease": False}
    simulation = Simulation(seed, World(**{"groups": 1, **quiet, **values}))
    simulation.calm = True
    simulation.run(2 * S)
    assert all(simulation.invariants.owners(group.name) for group in simulation.groups)
    return simulation


def others(simulation: Simulation, *but: Machine) -> list[Machine]:
    return [machine for machine in simulation.machines.values() if machine not in but]


def leader(simulation: Simulation) -> Machine:
    return next(machine for machine in simulation.machines.values() if machine.leads)


def owner(simulation: Simulation, group: str) -> Machine:
    [name] = simulation.invariants.owners(group)
    return simulation.machines[name]


def isolate(simulation: Simulation, machine: Machine) -> None:
    for other in others(simulation, machine):
        simulation.cut |= {(machine.name, other.name), (other.name, machine.name)}


# -- days


def the_leader_is_cut_off(**values: Any) -> None:
    simulation = settled(**values)
    isolate(simulation, leader(simulation))
    simulation.run(2 * S)


def a_voter_starts_again_while_another_campaigns() -> None:
    """What a node promised is not on its disk."""
    simulation = settled()
    first = leader(simulation)
    second, third = others(simulation, first)
    simulation.cut |= {(first.name, third.name), (third.name, first.name)}
    for _ in range(60):
        second.kill()
        second.start()
        simulation.run(37 * MS)


def the_leader_hands_over_while_its_engine_hangs() -> None:
    simulation = settled()
    simulation.run(2 * S)  # The others are well for long enough.
    first = leader(simulation)
    first.engine.stop(simulation.now_ns + 400 * MS)
    others(simulation, first)[0].engine.priority = 200
    others(simulation, first)[0].engine.report()
    simulation.run(2 * S)
    assert not first.leads


def the_leader_hears_nobody_and_its_engine_is_late() -> None:
    simulation = settled()
    first = leader(simulation)
    simulation.cut |= {(other.name, first.name) for other in others(simulation, first)}
    simulation.run(60 * MS)
    first.engine.stop(simulation.now_ns + S)
    simulation.run(2 * S)
    assert not first.leads


def a_group_moves_while_the_engine_that_owns_it_hangs() -> None:
    simulation = settled(groups=3, spread=True)
    preferred = owner(simulation, "g3")
    preferred.engine.judge("g3", "eth0 is down")
    simulation.run(S)
    other = owner(simulation, "g3")
    assert other is not preferred
    preferred.engine.judge("g3", "")
    simulation.run(950 * MS)
    other.engine.stop(simulation.now_ns + 400 * MS)
    simulation.run(2 * S)
    assert owner(simulation, "g3") is preferred


def a_follower_that_owns_is_cut_off() -> None:
    simulation = settled(groups=3, spread=True)
    first = leader(simulation)
    isolate(simulation, others(simulation, first)[0])
    simulation.run(2 * S)


def a_follower_that_owns_hears_answers_late_and_is_heard_no_more() -> None:
    simulation = settled(groups=3, spread=True)
    first = leader(simulation)
    follower = others(simulation, first)[0]
    simulation.delays = lambda packet: 110 * MS if isinstance(packet, Subleases) else None
    simulation.run(S)
    simulation.cut |= {(follower.name, other.name) for other in others(simulation, follower)}
    simulation.run(2 * S)


def a_deposed_leader_is_asked_for_its_vote() -> None:
    """By one that has not heard it for long and is of a later term, while its engine hangs."""
    for pause_ms in range(100, 400, 15):
        simulation = settled()
        first = leader(simulation)
        second, third = others(simulation, first)
        simulation.cut.add((first.name, third.name))
        simulation.run(500 * MS)
        term = third.consensus.term + 5
        of_later_term = AppendResponse(sender=second.number, to=third.number, term=term, index=0, reject=True)
        third.feed(Arrived(second.number, of_later_term), third.life)
        simulation.run(pause_ms * MS)
        first.engine.stop(simulation.now_ns + S)
        simulation.cut.clear()
        simulation.run(400 * MS)


def who_has_the_log_is_lost_and_who_had_it_comes_back_empty() -> None:
    """One that was cut off must not lead by the vote of one that forgot."""
    simulation = settled()
    third = others(simulation, leader(simulation))[0]
    isolate(simulation, third)
    leader(simulation).kill()
    simulation.run(S)
    for machine in others(simulation, third):
        machine.start()
    simulation.run(2 * S)
    first = leader(simulation)
    [second] = others(simulation, first, third)
    first.power_off()
    second.replace_disk()
    simulation.cut.clear()
    second.power_on()
    simulation.run(3 * S)
    assert not third.leads


def a_voter_loses_power_while_it_writes() -> None:
    """What it has acknowledged is on its disk."""
    for seed in range(3):
        simulation = settled(seed, slow_disk=1)
        third = others(simulation, leader(simulation))[0]
        isolate(simulation, third)
        leader(simulation).kill()
        simulation.run(300 * MS)
        for machine in others(simulation, third):
            machine.start()
        simulation.until(partial(_any_committed, others(simulation, third)))
        first = leader(simulation)
        [second] = others(simulation, third, first)
        first.power_off()
        second.power_off(kept=0)
        simulation.cut.clear()
        second.power_on()
        simulation.run(3 * S)


def _any_committed(machines: list[Machine]) -> bool:
    return any(map(_committed, machines))


def _committed(machine: Machine) -> bool:
    """Whether it leads, and its voters have what it began its term with."""
    return machine.leads and machine.consensus.node.raft.committed_in_own_term


# -- rules that are taken out


def _leases_are_too_long(patch: pytest.MonkeyPatch) -> None:
    make = Lease.__init__

    def longer(self: Lease, *values: Any) -> None:
        make(self, *values)
        self._lease_ns *= 3

    patch.setattr(Lease, "__init__", longer)


def _promises_end_with_the_process(patch: pytest.MonkeyPatch) -> None:
    start = Raft.start

    def forget(self: Raft, applied: int) -> None:
        start(self, applied)
        self.promise_ticks = 0

    patch.setattr(Raft, "start", forget)


def _hands_over_before_all_is_let_go(patch: pytest.MonkeyPatch) -> None:
    proceed = Handover.proceed

    def hasty(self: Handover, *, clear: bool) -> bool:
        return proceed(self, clear=True)

    patch.setattr(Handover, "proceed", hasty)
    _votes_before_its_engine_has_let_go(patch)  # The word to campaign would wait there yet.


def _grants_what_another_may_hold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Grants, "holder", lambda self, group, now_ns: "")


def _subleases_outlive_the_lease(patch: pytest.MonkeyPatch) -> None:
    hear = Subleased.hear

    def longer(self: Subleased, answer: Subleases, term: int) -> bool:
        held = tuple(msgspec.structs.replace(one, span_ns=3 * one.span_ns) for one in answer.held)
        return hear(self, msgspec.structs.replace(answer, held=held), term)

    patch.setattr(Subleased, "hear", longer)


def _subleases_count_from_receipt(patch: pytest.MonkeyPatch) -> None:
    step, hear = Member.step, Subleased.hear
    clock = [0]

    def noted(self: Member, event: Any, now_ns: int) -> Any:
        clock[0] = now_ns
        return step(self, event, now_ns)

    def late(self: Subleased, answer: Subleases, term: int) -> bool:
        heard = hear(self, answer, term)
        if heard:
            self.until_ns = {one.group: clock[0] + one.span_ns for one in answer.held}
        return heard

    patch.setattr(Member, "step", noted)
    patch.setattr(Subleased, "hear", late)


def _votes_before_its_engine_has_let_go(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outbox, "shut", property(lambda self: False, lambda self, shut: None), raising=False)


def _an_empty_node_votes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Directory, "catching_up", property(lambda self: False, lambda self, is_so: None), raising=False)


def _forms_what_is_formed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Formation, "exists", lambda self: False)
    patch.setattr(Formation, "_agrees", lambda self, known, now_ns: True)


def _sends_before_it_is_written(patch: pytest.MonkeyPatch) -> None:
    save, send = Consensus._save, Consensus._send

    def hasty(self: Consensus, ready: Any) -> Any:
        send(self, [message for message in ready.messages_after_sync if message.to != self.node.id])
        return save(self, ready)

    patch.setattr(Consensus, "_save", hasty)


RULES: list[tuple[Break, Callable[[], None]]] = [
    (_leases_are_too_long, the_leader_is_cut_off),
    (_promises_end_with_the_process, a_voter_starts_again_while_another_campaigns),
    (_hands_over_before_all_is_let_go, the_leader_hands_over_while_its_engine_hangs),
    (_grants_what_another_may_hold, a_group_moves_while_the_engine_that_owns_it_hangs),
    (_subleases_outlive_the_lease, a_follower_that_owns_is_cut_off),
    (_subleases_count_from_receipt, a_follower_that_owns_hears_answers_late_and_is_heard_no_more),
    (_votes_before_its_engine_has_let_go, a_deposed_leader_is_asked_for_its_vote),
    (_votes_before_its_engine_has_let_go, the_leader_hears_nobody_and_its_engine_is_late),
    (_an_empty_node_votes, who_has_the_log_is_lost_and_who_had_it_comes_back_empty),
    (_forms_what_is_formed, who_has_the_log_is_lost_and_who_had_it_comes_back_empty),
    (_sends_before_it_is_written, a_voter_loses_power_while_it_writes),
]


@pytest.mark.parametrize("day", dict.fromkeys(day for _, day in RULES), ids=lambda day: day.__name__)
def test_with_all_rules_the_day_is_harmless(day: Callable[[], None]) -> None:
    day()


@pytest.mark.parametrize(("break_it", "day"), RULES, ids=lambda value: value.__name__.strip("_"))
def test_without_a_rule_it_is_not(break_it: Break, day: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    break_it(monkeypatch)
    with pytest.raises(Violation):
        day()
