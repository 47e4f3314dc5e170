"""What has to hold: after every step, and whenever the weather has been calm for long enough."""

from __future__ import annotations

from alived.base import NS_PER_S
from alived.vrrp.config import State
from alived.vrrp.peers import address_rank
from tests.simulation.world import Change, Router, World


class Broken(AssertionError):
    """An invariant does not hold."""


def require(condition: bool, text: str) -> None:
    if not condition:
        raise Broken(text)


def after_step(router: Router, network: int) -> None:
    """A core's state, timer and faults fit together, whatever the network does."""
    core = router.cores[network]
    snapshot = core.snapshot() if core.state in (State.FAULT, State.MASTER) else None
    runs = core.state in (State.BACKUP, State.MASTER)
    require(
        runs == (core.deadline_ns is not None), f"router {router.index}: {core.state} with timer {core.deadline_ns}"
    )
    if snapshot is not None:
        in_fault = core.state is State.FAULT
        require(in_fault == bool(snapshot.faults), f"router {router.index}: {core.state} with faults {snapshot.faults}")
    if core.state is State.MASTER:
        assert core.deadline_ns is not None
        wait_ns = core.deadline_ns - router.local_ns()
        require(wait_ns <= core.config.advert_interval_ns, f"router {router.index}: MASTER silent for {wait_ns} ns")


def components(world: World) -> list[set[int]]:
    """Routers that hear each other. (After a partition along a cut: never one-way.)"""
    found: list[set[int]] = []
    for index in world.plan.routers:
        heard = {other for other in world.plan.routers if (index, other) not in world.blocked}
        if not any(index in component for component in found):
            found.append(heard | {index})
    return found


def settled(world: World, since_ns: int) -> None:
    """Each component has exactly one MASTER for each network, the right one, and nothing has moved since then."""
    late = [change for change in world.changes if change.at_ns > since_ns]
    require(not late, f"still moving long after the last fault: {late[:4]}")
    for network in world.plan.networks:
        for component in components(world):
            eligible = {index for index in component if world.routers[index].eligible(network)}
            masters = set(world.masters(network)) & component
            if not eligible:
                require(not masters, f"network {network}: MASTER {masters} is not eligible")
                continue
            require(len(masters) == 1, f"network {network}: MASTER are {sorted(masters)} of {sorted(eligible)}")
            require(masters <= eligible, f"network {network}: MASTER {masters} is not eligible, {eligible} are")
            (master,) = masters
            right_one(world, network, master, eligible)


def right_one(world: World, network: int, master: int, eligible: set[int]) -> None:
    """Nobody who preempts has a higher priority than the MASTER."""
    for index in eligible - {master}:
        preempts = world.routers[index].preempts(network)
        ours, theirs = world.priority(index, network), world.priority(master, network)
        require(not preempts or ours <= theirs, f"network {network}: MASTER {master} ({theirs}), but {index} ({ours})")


def together(router: Router) -> None:
    """The members of a sync group that run are in one state, after every event."""
    states = {core.state for core in router.cores}
    if router.group is not None and State.INIT not in states:
        require(len(states) == 1, f"router {router.index}: its group is {sorted(states)}")


def neighbours_know(world: World) -> None:
    """The client of each network sends to the MASTER: the last gratuitous ARP was the survivor's."""
    for network in world.plan.networks:
        masters = world.masters(network)
        require(
            [world.clients[network]] == masters,
            f"network {network}: neighbours use {world.clients[network]}, MASTER is {masters}",
        )


def best(world: World, network: int, eligible: set[int]) -> int:
    """Who wins when all of these are MASTER, or all are BACKUP: highest priority, then highest address."""
    return max(
        eligible,
        key=lambda index: (world.priority(index, network), address_rank(world.plan.addresses[index][network])),
    )


def gave_way(world: World, network: int, healed_ns: int, bound_ns: int) -> None:
    """After a heal the surplus MASTERs are gone within the bound. (None of them became one again: `settled`.)"""
    last = max((change.at_ns for change in world.changes if change.network == network), default=0)
    late_ns = last - healed_ns - bound_ns
    require(late_ns <= 0, f"network {network}: a MASTER gave way {late_ns / NS_PER_S:.3f} s too late")


def one_successor(
    world: World, network: int, changes: list[Change], expected: set[int], bound_ns: int, gone_ns: int
) -> None:
    """After a MASTER has gone: the best of the others follows, in time, and nobody else tries."""
    masters = [change for change in changes if change.network == network and change.new is State.MASTER]
    require(bool(masters), f"network {network}: nobody took over")
    tried = {change.router for change in masters}
    require(tried <= expected, f"network {network}: {sorted(tried)} took over, expected {sorted(expected)}")
    late_ns = masters[0].at_ns - gone_ns - bound_ns
    require(late_ns <= 0, f"network {network}: taken over {late_ns / NS_PER_S:.6f} s too late")


def gone(world: World, networks: list[int], router: int) -> None:
    """It was MASTER and is unwell, while others are well: nopreempt does not protect it."""
    for network in networks:
        require(world.masters(network) != [router], f"network {network}: {router} is unwell and still MASTER")


def stays_away(world: World, before: dict[int, list[int]], router: int) -> None:
    """It is well again. Without preempt it leaves the addresses where they were."""
    for network, masters in before.items():
        now = world.masters(network)
        require(
            world.routers[router].preempts(network) or now == masters,
            f"network {network}: {router} came back although it does not preempt: MASTER was {masters}, is {now}",
        )
