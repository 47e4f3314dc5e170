"""Whatever happens in whatever order: a holder and a kernel that answers late, with thieves, links and reloads."""

from __future__ import annotations

import collections

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached, Family
from alived.vip.config import ConflictPolicy, GarpPolicy, VanishPolicy, VipGroup, VirtualAddress
from alived.vip.events import (
    AddAddresses,
    AddressAbsent,
    AddressPresent,
    Announce,
    BindFailed,
    Claim,
    ConflictSeen,
    InterfaceDown,
    InterfaceUp,
    OwnershipFailed,
    OwnershipPossible,
    Release,
    RemoveAddresses,
    SendGratuitous,
    VipEffect,
    VipEvent,
    VipReconfigured,
)
from alived.vip.group import VipHolder
from alived.vip.plan import Key, key_of, text_of
from tests.vip.playbook import ipv4, ipv6

_POOL = [
    ipv4(1),
    ipv4(2),
    ipv4(2, interface="eth1"),
    ipv4(3, label="eth0:3"),
    ipv4(3, no_track=True),
    ipv6("a"),
    ipv6("b", nodad=False),
    ipv6("b", interface="eth1", nodad=False),
]
_GARPS = st.builds(
    GarpPolicy,
    master_delay_ns=st.sampled_from([0, 5 * NS_PER_S]),
    master_repeat=st.sampled_from([0, 1, 5]),
    master_refresh_ns=st.sampled_from([0, 7 * NS_PER_S]),
    garp_interval_ns=st.sampled_from([0, 300 * NS_PER_MS]),
    gna_interval_ns=st.sampled_from([0, 300 * NS_PER_MS]),
)
_CONFIGS = st.builds(
    VipGroup,
    name=st.just("VI_1"),
    addresses=st.lists(st.sampled_from(_POOL), max_size=5, unique_by=key_of).map(tuple),
    garp=_GARPS,
    conflict=st.sampled_from(ConflictPolicy),
    vanish=st.sampled_from(VanishPolicy),
    lifetime_s=st.sampled_from([None, 0, 1, 30]),
)
_INTERFACES = st.sampled_from(["eth0", "eth1"])
_ANY = st.sampled_from(_POOL)


class HolderAndKernel(RuleBasedStateMachine):
    """The kernel carries out requests in order but some time later, and tells of everything some time after that."""

    @initialize(config=_CONFIGS)
    def start(self, config: VipGroup) -> None:
        self.now_ns = NS_PER_S
        self.holder = VipHolder(config)
        self.kernel: dict[Key, VirtualAddress] = {}
        self.tentative: set[Key] = set()
        self.requests: collections.deque[AddAddresses | RemoveAddresses] = collections.deque()
        self.told: collections.deque[VipEvent] = collections.deque()
        self.open: set[str] = set()
        """Causes of which `OwnershipFailed` was said and not taken back."""
        self.asked: set[Key] = set()
        """What the holder ever asked for."""
        self.foreign: set[Key] = set()
        """What somebody else added since."""
        self.possible: set[Key] = set()
        """What it ever asked for or was told to be there."""

    def step(self, event: VipEvent) -> list[VipEffect]:
        effects = list(self.holder.step(event, self.now_ns))
        for effect in effects:
            self.check(effect)
        assert self.holder.deadline_ns is None or self.holder.deadline_ns > self.now_ns
        assert not isinstance(event, Claim) or self.holder.claimed
        assert not isinstance(event, Release) or not self.holder.claimed
        return effects

    def check(self, effect: VipEffect) -> None:
        wanted = {key_of(va) for va in self.holder.config.addresses}
        match effect:
            case AddAddresses(addresses=addresses):
                assert self.holder.claimed
                assert addresses
                assert {key_of(va) for va in addresses} <= wanted
                self.asked |= {key_of(va) for va in addresses}
                self.possible |= self.asked
                self.requests.append(effect)
            case RemoveAddresses(addresses=addresses):
                assert addresses
                assert {key_of(va) for va in addresses} <= self.possible, "only what may be there"
                self.forget_queued(addresses)
                self.requests.append(effect)
            case SendGratuitous(addresses=addresses):
                assert self.holder.claimed
                assert addresses
                assert {key_of(va) for va in addresses} <= wanted
            case OwnershipFailed(cause=cause):
                assert self.holder.claimed
                self.open.add(cause)
            case OwnershipPossible(cause=cause):
                self.open.remove(cause)
            case _:
                pass

    # -- the election and the operator --

    @rule(event=st.sampled_from([Claim("x"), Release("x"), Announce("x")]))
    def election(self, event: VipEvent) -> None:
        self.step(event)

    @rule(config=_CONFIGS)
    def reload(self, config: VipGroup) -> None:
        self.step(VipReconfigured(config))
        for key in [key_of(va) for va in config.addresses]:
            if key in self.kernel:  # the engine repeats what is there: the holder ignored what was not its own
                self.told.append(AddressPresent(*key, tentative=key in self.tentative, foreign=key in self.foreign))

    # -- time --

    @rule(step_ns=st.sampled_from([1, NS_PER_MS, 100 * NS_PER_MS, NS_PER_S, 10 * NS_PER_S]))
    def late(self, step_ns: int) -> None:
        """Time passes unnoticed: the process was stopped or busy."""
        self.now_ns += step_ns

    @precondition(lambda self: self.holder.deadline_ns is not None)
    @rule()
    def in_time(self) -> None:
        assert self.holder.deadline_ns is not None
        self.now_ns = max(self.now_ns, self.holder.deadline_ns)
        self.step(DeadlineReached())

    # -- the kernel --

    @precondition(lambda self: self.requests)
    @rule(answers=st.booleans())
    def kernel_works(self, answers: bool) -> None:
        request = self.requests.popleft()
        for va in request.addresses:
            key = key_of(va)
            if isinstance(request, AddAddresses):
                if key not in self.kernel and va.family is Family.IPV6 and not va.nodad:
                    self.tentative.add(key)
                self.kernel[key] = va
                self.foreign.discard(key)
                self.told.append(AddressPresent(*key, tentative=key in self.tentative))
            elif self.kernel.pop(key, None) or answers:
                self.tentative.discard(key)
                self.told.append(AddressAbsent(*key))

    @precondition(lambda self: self.told)
    @rule()
    def kernel_tells(self) -> None:
        event = self.told.popleft()
        if isinstance(event, AddressPresent):
            self.possible.add((event.interface, event.address, event.prefix_length))
        self.step(event)

    @precondition(lambda self: self.tentative)
    @rule(failed=st.booleans())
    def detection_ends(self, failed: bool) -> None:
        key = min(self.tentative)
        self.tentative.discard(key)
        self.told.append(AddressPresent(*key, tentative=failed, dadfailed=failed))

    @rule(va=_ANY)
    def somebody_removes(self, va: VirtualAddress) -> None:
        if self.kernel.pop(key_of(va), None):
            self.tentative.discard(key_of(va))
            self.told.append(AddressAbsent(*key_of(va)))

    @rule(va=_ANY)
    def somebody_adds(self, va: VirtualAddress) -> None:
        if key_of(va) not in self.kernel:
            self.kernel[key_of(va)] = va
            self.foreign.add(key_of(va))
            self.told.append(AddressPresent(*key_of(va), foreign=True))

    @precondition(lambda self: self.requests and isinstance(self.requests[0], AddAddresses))
    @rule()
    def kernel_refuses(self) -> None:
        """Whatever the reason is, it holds for the same request in the queue behind it too."""
        refused = self.requests.popleft().addresses
        self.forget_queued(refused)
        for va in refused:
            self.step(BindFailed(va.interface, va.address, "no"))

    def forget_queued(self, addresses: tuple[VirtualAddress, ...]) -> None:
        for number, request in enumerate(self.requests):
            if isinstance(request, AddAddresses):
                left = tuple(va for va in request.addresses if va not in addresses)
                self.requests[number] = msgspec.structs.replace(request, addresses=left)

    @rule(interface=_INTERFACES)
    def link_down(self, interface: str) -> None:
        self.step(InterfaceDown(interface))

    @rule(interface=_INTERFACES)
    def link_up(self, interface: str) -> None:
        self.step(InterfaceUp(interface))

    @rule(va=_ANY)
    def conflict(self, va: VirtualAddress) -> None:
        self.step(ConflictSeen(va.address, "02:00:00:00:00:07"))

    # -- what must hold --

    @invariant()
    def idle_after_release(self) -> None:
        if hasattr(self, "holder") and not self.holder.claimed:
            assert self.holder.snapshot().wanted == ()

    def settle(self) -> None:
        """Nobody interferes any more, the kernel answers, the election hears of faults, back-offs end."""
        for interface in ("eth0", "eth1"):
            self.step(InterfaceUp(interface))
        for _ in range(70):
            if self.open and self.holder.claimed:
                self.step(Release("x"))
            while self.requests or self.told:
                while self.requests:
                    self.kernel_works(answers=True)
                while self.told:
                    self.kernel_tells()
            self.told.extend(AddressPresent(*key) for key in sorted(self.tentative))
            self.tentative.clear()
            self.now_ns += NS_PER_S
            self.step(DeadlineReached())

    def teardown(self) -> None:
        """Level-triggered: whatever happened, in the end what should be is, and only that."""
        if not hasattr(self, "holder"):
            return
        self.settle()
        wanted = {key_of(va) for va in self.holder.config.addresses}
        there = self.kernel.keys() & (wanted | self.asked - self.foreign)
        if self.holder.claimed:
            assert wanted == there
            assert not self.open
        else:
            assert there <= self.foreign
            assert self.holder.deadline_ns is None
        assert sorted(self.holder.snapshot().present) == sorted(text_of(self.kernel[key]) for key in there)


HolderAndKernel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestHolderAndKernel = HolderAndKernel.TestCase
