"""Whatever is said in whatever order, also to a process that did not run for a while: an owner has a lease, the kernel
lets nothing speak without one, and what was let go of is not held."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.owner import FaultCleared, FaultRaised, HookEvent, PriorityChanged, Shutdown, Startup, State
from alived.vip.gate_events import HookEnded
from alived.vip.ownership import Ownership
from alived.vip.ownership_events import (
    ClaimAddresses,
    CloseKernelLease,
    GroupHooksDue,
    HolderEmpty,
    Leased,
    OpenKernelLease,
    OwnershipChanged,
    OwnershipConfig,
    OwnershipEvent,
    OwnershipReconfigured,
    ReleaseAddresses,
    RenewKernelLease,
    ReportDue,
    Unleased,
)

LEAST_NS = 90 * NS_PER_MS
_CAUSES = st.sampled_from(["interface eth0", "script chk", "bind"])
_LIMITS = st.dictionaries(st.sampled_from(HookEvent), st.sampled_from([NS_PER_MS, NS_PER_MS * 30, NS_PER_S]))


class Owners(RuleBasedStateMachine):
    """The core, and a kernel and a holder that do as they are told."""

    @initialize(limits=_LIMITS, by_hooks=st.booleans(), fenced=st.booleans())
    def begin(self, limits: dict[HookEvent, int], by_hooks: bool, fenced: bool) -> None:
        self.config = OwnershipConfig(
            name="web",
            priority=100,
            hook_limits=limits,
            bound_by_hooks=by_hooks,
            fenced=fenced,
            least_ns=LEAST_NS,
        )
        self.core = Ownership(self.config)
        self.now_ns = 0
        self.until_ns: int | None = None
        """Of the newest lease, as it was said."""
        self.granted_until_ns = 0
        """Of the longest one: who grants a shorter one knows what he granted before."""
        self.speaks_until_ns = 0
        """What the kernel lets through."""
        self.claimed = False
        self.asked: list[GroupHooksDue] = []
        self.allowed = False
        """`before_bind` has ended well in this stint, or there is none."""
        self.state = State.INIT
        self.told: tuple[bool, int, bool] | None = None

    def give(self, event: OwnershipEvent) -> None:
        was_claimed = self.claimed
        if isinstance(event, Leased):
            self.until_ns = event.until_ns
            self.granted_until_ns = max(self.granted_until_ns, event.until_ns)
        elif isinstance(event, Unleased | Shutdown):
            self.until_ns = None
        for effect in self.core.step(event, self.now_ns):
            match effect:
                case OpenKernelLease() | RenewKernelLease():
                    assert isinstance(effect, OpenKernelLease) != (self.speaks_until_ns > 0)
                    assert self.core.lease_until_ns is not None
                    self.speaks_until_ns = self.core.lease_until_ns
                case CloseKernelLease():
                    assert self.claimed or self.config.bound_by_hooks
                    self.speaks_until_ns = 0
                case ClaimAddresses():
                    assert not self.claimed
                    assert self.speaks_until_ns or not self.config.fenced
                    assert self.core.lease_until_ns - self.now_ns >= LEAST_NS
                    self.claimed = True
                case ReleaseAddresses():
                    assert self.claimed and not self.speaks_until_ns
                    self.claimed = False
                case OwnershipChanged(old=old, new=new):
                    assert old is self.state and new is not old and effect.reason
                    self.state = new
                case GroupHooksDue():
                    assert effect.event in self.config.hook_limits
                    assert not self.asked or effect.number > self.asked[-1].number
                    self.asked.append(effect)
                case ReportDue():
                    self.told = (self.core.able, self.core.priority, self.core.holds)
        assert self.claimed or not was_claimed or self.core.holds or self.config.bound_by_hooks

    # -- what happens --

    @rule(millis=st.integers(0, 300))
    def time_passes(self, millis: int) -> None:
        """With its deadlines on the way."""
        end_ns = self.now_ns + millis * NS_PER_MS
        steps = 0
        while self.core.deadline_ns is not None and self.core.deadline_ns <= end_ns:
            self.now_ns = max(self.core.deadline_ns, self.now_ns)
            before_ns = self.core.deadline_ns
            self.give(DeadlineReached())
            assert self.core.deadline_ns is None or self.core.deadline_ns > before_ns
            steps += 1
            assert steps < 50
        self.now_ns = end_ns

    @rule(millis=st.integers(1, 5000), event=st.sampled_from(["lease", "no lease", "deadline"]))
    def it_does_not_run_for_a_while(self, millis: int, event: str) -> None:
        """What comes first after that is anybody's guess."""
        self.now_ns += millis * NS_PER_MS
        if event == "lease":
            self.give(Leased(self.now_ns + 150 * NS_PER_MS, 8, "elected"))
        else:
            self.give(Unleased("not elected") if event == "no lease" else DeadlineReached())

    @rule(millis=st.integers(-20, 200), term=st.sampled_from([7, 8]), leaving=st.booleans())
    def leased(self, millis: int, term: int, leaving: bool) -> None:
        self.give(Leased(self.now_ns + millis * NS_PER_MS, term, f"elected in {term}", leaving))

    @rule()
    def unleased(self) -> None:
        self.give(Unleased("somebody else leads"))

    @rule(cause=_CAUSES)
    def fault(self, cause: str) -> None:
        self.give(FaultRaised(cause, f"{cause} is bad"))

    @rule(cause=_CAUSES)
    def no_fault(self, cause: str) -> None:
        self.give(FaultCleared(cause))

    @rule(priority=st.integers(1, 254))
    def priority(self, priority: int) -> None:
        self.give(PriorityChanged(priority, "trackers"))

    @rule(ok=st.booleans())
    @precondition(lambda self: self.asked)
    def hook_ends(self, ok: bool) -> None:
        """In the order in which they were due, as the worker runs them."""
        ran = self.asked.pop(0)
        self.give(HookEnded(event=ran.event, number=ran.number, ok=ok, reason="" if ok else "it failed"))

    @rule()
    @precondition(lambda self: not self.claimed)
    def kernel_is_empty(self) -> None:
        self.give(HolderEmpty())

    @rule(waits_for=st.sampled_from(["", "waits for script chk"]))
    def startup(self, waits_for: str) -> None:
        self.give(Startup(waits_for))

    @rule()
    def shutdown(self) -> None:
        self.give(Shutdown())

    @rule(limits=_LIMITS, priority=st.sampled_from([50, 100]))
    def reload(self, limits: dict[HookEvent, int], priority: int) -> None:
        self.config = OwnershipConfig(
            name="web",
            priority=priority,
            hook_limits=limits,
            bound_by_hooks=self.config.bound_by_hooks,
            fenced=self.config.fenced,
            least_ns=LEAST_NS,
        )
        self.give(OwnershipReconfigured(self.config))

    # -- what must always be so --

    @invariant()
    def an_owner_has_a_lease(self) -> None:
        if self.core.state is State.MASTER:
            assert self.until_ns is not None
            if self.core.deadline_ns is None or self.now_ns < self.core.deadline_ns:
                assert self.now_ns < self.until_ns
            assert self.core.deadline_ns is not None and self.core.deadline_ns <= self.until_ns

    @invariant()
    def the_kernel_lets_nothing_speak_for_longer_than_was_granted(self) -> None:
        if self.speaks_until_ns:
            assert self.speaks_until_ns <= self.granted_until_ns
            assert self.core.state is State.MASTER

    @invariant()
    def what_is_let_go_is_not_held(self) -> None:
        assert self.state is self.core.state
        owns = self.core.state is State.MASTER
        assert self.claimed == (owns and not self.config.bound_by_hooks)
        assert self.core.holds or not owns

    @invariant()
    def one_in_fault_owns_nothing_and_says_so(self) -> None:
        shown = self.core.snapshot()
        assert (shown.state is State.FAULT) <= bool(shown.faults)
        assert not (shown.faults and shown.state is State.MASTER)
        assert self.core.able == (shown.state in (State.BACKUP, State.MASTER))

    @invariant()
    def the_elector_knows(self) -> None:
        if self.told is not None:
            assert self.told == (self.core.able, self.core.priority, self.core.holds)


TestOwners = Owners.TestCase
TestOwners.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
