"""Whatever happens in whatever order: legal states, sane timers, no exception."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from alived.base import NS_PER_CS, NS_PER_S, DeadlineReached
from alived.vrrp.config import State, VrrpInstance
from alived.vrrp.events import (
    AddressListDiffers,
    AdvertisementReceived,
    FaultCleared,
    FaultRaised,
    GroupDecided,
    InstanceEffect,
    InstanceEvent,
    LowerPriorityHeard,
    MemberReport,
    Noticed,
    PrimaryAddressChanged,
    PriorityChanged,
    PriorityTaken,
    Reannounce,
    Reconfigured,
    SendAdvertisement,
    Shutdown,
    Startup,
    StateChanged,
)
from alived.vrrp.instance import Instance
from alived.vrrp.timers import master_down_interval_ns

_ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.10", "fe80::1"])
_INTERVALS = st.sampled_from([1, 10, 100, 250, 4095])

_CONFIGS = st.builds(
    VrrpInstance,
    name=st.just("VI_1"),
    interface=st.just("eth0"),
    virtual_router_id=st.just(51),
    version=st.sampled_from([2, 3]),
    priority=st.sampled_from([1, 100, 254, 255]),
    advert_interval_cs=_INTERVALS,
    initial_state=st.sampled_from([State.BACKUP, State.MASTER]),
    nopreempt=st.booleans(),
    preempt_delay_ns=st.sampled_from([0, 5 * NS_PER_S]),
    startup_delay_ns=st.sampled_from([0, 5 * NS_PER_S]),
    down_timer_adverts=st.sampled_from([1, 3, 100]),
    lower_prio_no_advert=st.booleans(),
    higher_prio_send_advert=st.booleans(),
    sync_group=st.sampled_from(["", "G"]),
)
_ADVERTS = st.builds(
    AdvertisementReceived, _ADDRESSES, st.sampled_from([0, 1, 99, 100, 101, 254, 255]), _INTERVALS, st.just(())
)
_OTHERS = st.one_of(
    st.just(Startup()),
    st.just(Shutdown()),
    st.builds(AddressListDiffers, _ADDRESSES, st.just(())),
    st.builds(FaultRaised, st.sampled_from(["a", "b"]), st.just("broken")),
    st.builds(FaultCleared, st.sampled_from(["a", "b"])),
    st.builds(PriorityChanged, st.integers(1, 254), st.just("tracked")),
    st.builds(PrimaryAddressChanged, _ADDRESSES | st.just("")),
    st.builds(GroupDecided, st.sampled_from(State), st.just("the group")),
    st.builds(Reconfigured, _CONFIGS),
)
_DUE = st.just(DeadlineReached())
_PAUSES = st.one_of(st.just(0), st.integers(0, NS_PER_S), st.integers(0, 20 * NS_PER_S))
_KINDS = st.sampled_from([_DUE] * 4 + [_ADVERTS] * 4 + [_OTHERS] * 3)
_STORIES = st.lists(st.tuples(_KINDS.flatmap(lambda kind: kind), _PAUSES), min_size=10, max_size=60)

LEGAL = {
    (State.INIT, State.BACKUP),
    (State.INIT, State.MASTER),
    (State.INIT, State.FAULT),
    (State.BACKUP, State.MASTER),
    (State.BACKUP, State.FAULT),
    (State.BACKUP, State.INIT),
    (State.MASTER, State.BACKUP),
    (State.MASTER, State.FAULT),
    (State.MASTER, State.INIT),
    (State.FAULT, State.BACKUP),
    (State.FAULT, State.MASTER),
    (State.FAULT, State.INIT),
}


class Watched:
    """An instance and what has to hold after each of its steps."""

    def __init__(self, config: VrrpInstance) -> None:
        self.instance = Instance(config)
        self.now_ns = 0
        self.farewells = self.sent = 0

    def take(self, event: InstanceEvent, pause_ns: int) -> None:
        instance = self.instance
        if isinstance(event, PriorityChanged) and instance.config.is_owner:
            return
        if isinstance(event, Reconfigured) and event.config.version != instance.config.version:
            event = Reconfigured(msgspec.structs.replace(event.config, version=instance.config.version))
        if isinstance(event, DeadlineReached):
            if instance.deadline_ns is None:
                return
            self.now_ns = max(instance.deadline_ns, self.now_ns) + pause_ns // 100
        else:
            self.now_ns += pause_ns
        before = instance.state
        effects = instance.step(event, self.now_ns)
        self._check_effects(event, before, effects)
        self._check_timer(event)
        self._check_snapshot()

    def _check_effects(self, event: InstanceEvent, before: State, effects: Sequence[InstanceEffect]) -> None:
        changes = [effect for effect in effects if isinstance(effect, StateChanged)]
        assert len(changes) <= 1
        for change in changes:
            assert (change.old, change.new) in LEGAL
            assert (change.old, change.new) == (before, self.instance.state)
            assert change.reason
        assert changes or self.instance.state is before
        sends = [effect.priority for effect in effects if isinstance(effect, SendAdvertisement)]
        self.sent += len(sends)
        assert len(sends) <= 1
        assert not sends or State.MASTER in (before, self.instance.state)
        left = before is State.MASTER and self.instance.state is not State.MASTER
        assert (0 in sends) == (left and not isinstance(event, AdvertisementReceived))
        reports = [effect for effect in effects if isinstance(effect, MemberReport)]
        assert not reports or (effects[-1] is reports[0] and self.instance.config.sync_group)
        assert all(
            isinstance(effect, Reannounce | LowerPriorityHeard | PriorityTaken | Noticed | MemberReport)
            for effect in effects
            if effect not in changes and not isinstance(effect, SendAdvertisement)
        )

    def _check_timer(self, event: InstanceEvent) -> None:
        instance = self.instance
        config, due_ns = instance.config, instance.deadline_ns
        assert (due_ns is None) == (instance.state in (State.INIT, State.FAULT))
        if due_ns is None:
            return
        if instance.state is State.MASTER:
            assert due_ns <= self.now_ns + config.advert_interval_ns
        longest_ns = master_down_interval_ns(config.version, 1, 4095, 100) + config.startup_delay_ns
        assert due_ns <= self.now_ns + max(longest_ns, 100 * 4095 * NS_PER_CS) + 10 * NS_PER_S
        if isinstance(event, DeadlineReached):
            assert due_ns > self.now_ns or (config.is_owner and due_ns == self.now_ns)

    def _check_snapshot(self) -> None:
        snapshot = self.instance.snapshot()
        assert (snapshot.state is State.FAULT) == bool(snapshot.faults) or snapshot.state is State.INIT
        assert snapshot.adverts_sent == self.sent
        masters = snapshot.became_master - snapshot.released_master
        assert masters == (snapshot.state is State.MASTER)
        assert 1 <= snapshot.priority <= 255
        assert all(peer.missed >= 0 for peer in snapshot.peers)
        assert msgspec.json.decode(msgspec.json.encode(snapshot), type=type(snapshot)) == snapshot


@settings(max_examples=400)
@given(_CONFIGS, _STORIES)
def test_any_story_leads_to_a_legal_state(config: VrrpInstance, story: list[tuple[InstanceEvent, int]]) -> None:
    watched = Watched(config)
    watched.take(PrimaryAddressChanged("192.0.2.2"), 0)
    watched.take(Startup(), 0)
    for event, pause_ns in story:
        watched.take(event, pause_ns)


@given(_CONFIGS, _STORIES)
def test_the_same_story_gives_the_same_effects(config: VrrpInstance, story: list[tuple[InstanceEvent, int]]) -> None:
    """A core is a function of its events; and the fast paths decide nothing: without them all is the same."""
    instances = Instance(config), Instance(config)
    now_ns = 0
    for event, pause_ns in [(Startup(), 0), *story]:
        if isinstance(event, PriorityChanged) and instances[0].config.is_owner:
            continue
        now_ns += pause_ns
        if isinstance(event, DeadlineReached):
            if instances[0].deadline_ns is None:
                continue
            now_ns = max(now_ns, instances[0].deadline_ns)
        instances[1]._routine = False
        instances[1]._familiar = None
        one, other = (list(instance.step(event, now_ns)) for instance in instances)
        assert one == other
        assert instances[0].deadline_ns == instances[1].deadline_ns
        assert instances[0].snapshot() == instances[1].snapshot()
