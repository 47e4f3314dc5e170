"""The state machine of one virtual router: RFC 9568 section 6.4 with keepalived's FAULT, delays and groups.

              Startup                Master_Down_Timer
    INIT ----------------> BACKUP -----------------------> MASTER
      ^   (an owner: straight to MASTER)  <-----------------
      |                                   a better advert
      |  Shutdown: from every state; a fault: from BACKUP and MASTER to FAULT, the last one gone: as Startup

    event \\ state    | INIT   | BACKUP                           | MASTER                            | FAULT
    -----------------+--------+----------------------------------+-----------------------------------+---------
    Startup          | S1, S2 | -                                | -                                 | -
    Shutdown         | -      | S4: INIT                         | S11: priority 0, INIT             | INIT
    DeadlineReached  | -      | S5: advert, MASTER               | S12: advert, timer on its grid    | -
    advert: prio 0   | -      | S6: timer := Skew_Time           | S13: advert, timer restarted      | -
    advert: better   | -      | S7: timer := Master_Down_Interval| S14: BACKUP                       | -
    advert: equal    | -      | S7                               | by address; S17 same one: noticed | -
    advert: worse    | -      | S8: the timer runs on; S7 while  | S15: advert at once, Reannounce   | -
                     |        | nopreempt or preempt_delay hold  |                                   |
    FaultRaised      | noted  | FAULT                            | priority 0, FAULT                 | noted
    FaultCleared     | noted  | noted                            | noted                             | last: S1, S2
    GroupDecided     | -      | takes that state                 | takes that state                  | BACKUP

(S numbers: rows of RFC 9568 section 6.4.1 to 6.4.3 as tests/vrrp/test_instance_rfc.py names them. INIT and FAULT are
the RFC's Initialize.) A BACKUP that is a member of a sync group does not take S5 by itself: it reports that it *wants*
to and waits for the group; likewise it leaves FAULT only when the group says so. Downward it never asks.

Where keepalived and the RFC leave a choice:

- `state MASTER` below priority 255 waits one interval and 1/256 of it at Startup instead of Master_Down_Interval
  (keepalived); after a fault it waits like everybody else.
- Another priority is carried by the next regular advert (keepalived). An advert at once would speed nothing up: the
  BACKUPs' timers run from the last advert that beat them, not from the first that does not.
- Answers out of turn (S13, S15) are limited to ANSWERS_PER_WINDOW in one advert interval (one second at most), so that
  a flood makes us send no more than that. An advert that is not answered does not restart the timer either: a flood of
  priority 0 must not silence us.
- `Reannounce` follows a losing advert at once and again with the next regular advert: a router that has just become
  MASTER sends its gratuitous ARPs some ms *after* its first advert, and ours have to be the last.

An instance expects to be stepped with `DeadlineReached` when `deadline_ns` has come and not before, after all waiting
adverts have been given to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from alived.base import NS_PER_S, DeadlineReached
from alived.vrrp.config import OWNER_PRIORITY, State, VrrpInstance
from alived.vrrp.events import (
    AddressListDiffers,
    AdvertisementReceived,
    FaultCleared,
    FaultRaised,
    GroupDecided,
    InstanceEffect,
    InstanceEvent,
    InstanceSnapshot,
    MemberReport,
    Noticed,
    PrimaryAddressChanged,
    PriorityChanged,
    Reannounce,
    Reconfigured,
    SendAdvertisement,
    Shutdown,
    Startup,
    StateChanged,
)
from alived.vrrp.peers import Peer, Peers
from alived.vrrp.standing import Standing
from alived.vrrp.timers import Allowance, seconds, skew_time_ns

ANSWERS_PER_WINDOW = 3
"""One for each of three routers that stop or lose at the same time; more than that at once is no election."""
REANNOUNCEMENTS_PER_S = 2
"""At once and with the next advert; while the other one goes on (it does not hear us), no more than this."""


class Instance:
    """A virtual router on one interface: a core (`step`, `deadline_ns`, `snapshot`)."""

    __slots__ = (
        "_advert",
        "_adverts_received",
        "_adverts_sent",
        "_answers",
        "_became_master",
        "_familiar",
        "_faults",
        "_hold_until_ns",
        "_master",
        "_peers",
        "_preempt_at_ns",
        "_priority_zero_received",
        "_priority_zero_sent",
        "_reannounce_due",
        "_reannouncements",
        "_reason",
        "_released_master",
        "_reported",
        "_routine",
        "_since_ns",
        "_skewed",
        "_standing",
        "_wants_master",
        "config",
        "deadline_ns",
        "state",
    )

    def __init__(self, config: VrrpInstance) -> None:
        self.config = config
        self.state = State.INIT
        self.deadline_ns: int | None = None
        self._standing = Standing(config)
        self._peers = Peers()
        self._master: Peer | None = None
        """Who sent the last advert that counted."""
        self._faults: dict[str, str] = {}
        self._reason = "not started"
        self._since_ns = 0
        self._hold_until_ns = 0
        """End of the start-up delay."""
        self._preempt_at_ns: int | None = None
        """End of preempt_delay, once a worse master was heard."""
        self._skewed = True
        """The running Master_Down_Timer contains our Skew_Time."""
        self._wants_master = False
        """The timer fired, the sync group has not decided yet."""
        self._reported: tuple[State, State] | None = None
        self._reannounce_due = False
        self._answers = Allowance(ANSWERS_PER_WINDOW, 0)
        self._reannouncements = Allowance(REANNOUNCEMENTS_PER_S, NS_PER_S)
        self._adverts_sent = self._adverts_received = 0
        self._became_master = self._released_master = 0
        self._priority_zero_sent = self._priority_zero_received = 0
        self._routine = False
        """MASTER with nothing to do but to advertise."""
        self._familiar: AdvertisementReceived | None = None
        """As BACKUP: the master's advert that needs nothing but a restart of the timer."""
        self._advert: tuple[InstanceEffect, ...] = ()
        self._prepare()

    def step(self, event: InstanceEvent, now_ns: int) -> Sequence[InstanceEffect]:
        """What follows from `event`, in the order in which it must happen. The first two cases are the steady state
        of a MASTER and of a BACKUP and most of all steps."""
        if type(event) is DeadlineReached and self._routine:
            due_ns = self.deadline_ns
            assert due_ns is not None and now_ns >= due_ns
            interval_ns = self._standing.advert_interval_ns
            next_ns = due_ns + interval_ns
            self.deadline_ns = next_ns if next_ns > now_ns else now_ns + interval_ns
            self._adverts_sent += 1
            return self._advert
        if event == self._familiar:
            self.deadline_ns = now_ns + self._standing.master_down_interval_ns
            self._adverts_received += 1
            master = self._master
            assert master is not None
            master.last_heard_ns = now_ns
            master.adverts += 1
            return ()
        self._familiar = None
        effects = self._dispatch(event, now_ns)
        self._routine = self.state is State.MASTER and not self._reannounce_due
        return [*effects, *self._report()] if self.config.sync_group else effects

    def _dispatch(self, event: InstanceEvent, now_ns: int) -> list[InstanceEffect]:  # noqa: PLR0911
        match event:
            case AdvertisementReceived():
                return self._advertisement_received(event, now_ns)
            case DeadlineReached():
                return self._deadline_reached(now_ns)
            case Startup():
                return self._startup(now_ns)
            case Shutdown(reason):
                return self._shutdown(reason, now_ns)
            case FaultRaised(cause, reason):
                return self._fault_raised(cause, reason, now_ns)
            case FaultCleared(cause):
                return self._fault_cleared(cause, now_ns)
            case GroupDecided(state, reason):
                return self._group_decided(state, reason, now_ns)
            case PriorityChanged(priority):
                return self._priority_changed(priority)
            case PrimaryAddressChanged(address):
                self._standing.set_primary_address(address)
                return []
            case Reconfigured(config):
                return self._reconfigured(config, now_ns)
            case AddressListDiffers(source, addresses):
                ours = " ".join(self.config.addresses) or "none"
                theirs = " ".join(addresses) or "none"
                return [self._notice("address-list-differs", f"{source} advertises {theirs}; we have {ours}")]
            case _:
                assert_never(event)

    # Startup and Shutdown (section 6.4.1)

    def _startup(self, now_ns: int) -> list[InstanceEffect]:
        if self.state is not State.INIT:
            return []
        self._hold_until_ns = now_ns + self.config.startup_delay_ns
        if self._faults:
            self.deadline_ns = None
            return [self._move(State.FAULT, "; ".join(self._faults.values()), now_ns)]
        effects = self._begin("started", now_ns)
        if self.config.initial_state is State.MASTER and not self._standing.is_owner:
            shortest_ns = skew_time_ns(self.config.version, OWNER_PRIORITY, self.config.advert_interval_cs)
            self.deadline_ns = self._hold_until_ns + self.config.advert_interval_ns + shortest_ns
            self._skewed = False
        return effects

    def _begin(self, why: str, now_ns: int) -> list[InstanceEffect]:
        """Take part from now on: S1 for an owner, S2 for everybody else."""
        self._master = None
        self._preempt_at_ns = None
        self._standing.forget_master()
        start_ns = max(now_ns, self._hold_until_ns)
        if not self._standing.is_owner:
            self._arm(start_ns + self._standing.master_down_interval_ns)
            return [self._move(State.BACKUP, f"{why}: listen for a master first", now_ns)]
        if start_ns == now_ns and not self.config.sync_group:
            return self._become_master(f"{why}: the owner of the addresses (priority 255) need not wait", now_ns)
        self._arm(start_ns, skewed=False)
        return [self._move(State.BACKUP, f"{why}: the owner waits for the start-up delay or its group", now_ns)]

    def _shutdown(self, reason: str, now_ns: int) -> list[InstanceEffect]:
        """S4, S11."""
        return [] if self.state is State.INIT else self._stop_running(State.INIT, reason, now_ns)

    def _stop_running(self, new: State, reason: str, now_ns: int) -> list[InstanceEffect]:
        """INIT or FAULT: a MASTER says so first, so that the next one takes over after Skew_Time."""
        farewell = self._farewell()
        self.deadline_ns = None
        self._wants_master = False
        return [*farewell, self._move(new, reason, now_ns)]

    # Timers

    def _deadline_reached(self, now_ns: int) -> list[InstanceEffect]:
        due_ns = self.deadline_ns
        assert due_ns is not None and now_ns >= due_ns, "stepped before the deadline"
        if self.state is State.MASTER:
            return self._advertise_and_reannounce(due_ns, now_ns)
        reason = self._why_take_over(now_ns)
        if not self.config.sync_group:
            return self._become_master(reason, now_ns)
        self._wants_master = True
        self._reason = f"{reason}; waits for sync group {self.config.sync_group}"
        self._arm(now_ns + self._standing.master_down_interval_ns)
        return []

    def _advertise_and_reannounce(self, due_ns: int, now_ns: int) -> list[InstanceEffect]:
        """S12 after a losing advert: once more, and this time after the loser's own gratuitous ARPs."""
        interval_ns = self._standing.advert_interval_ns
        self.deadline_ns = max(due_ns, now_ns - interval_ns + 1) + interval_ns
        effects = [self._send(self._standing.priority)]
        if self._reannouncements.take(now_ns):
            self._reannounce_due = False
            effects.append(Reannounce(self.config.name, "another router claimed to be MASTER: ours is the last word"))
        return effects

    def _arm(self, deadline_ns: int, *, skewed: bool = True) -> None:
        """Master_Down_Timer := this, but never within the start-up delay."""
        self.deadline_ns = max(deadline_ns, self._hold_until_ns)
        self._skewed = skewed

    def _why_take_over(self, now_ns: int) -> str:
        master, standing = self._master, self._standing
        if master is None:
            return f"no advert heard for {seconds(now_ns - self._since_ns)}"
        silence = seconds(now_ns - master.last_heard_ns)
        if master.priority == 0:
            return f"{master.address} stopped being MASTER (priority 0) {silence} ago: Skew_Time is over"
        if master.priority < standing.priority and now_ns - master.last_heard_ns < standing.master_down_interval_ns:
            return f"priority {standing.priority} > {master.priority} of {master.address}: preempt"
        interval = seconds(standing.master_down_interval_ns)
        return (
            f"no advert from {master.address} for {silence} (Master_Down_Interval {interval}),"
            f" the last one had priority {master.priority}"
        )

    # Adverts (sections 6.4.2 and 6.4.3)

    def _advertisement_received(self, advert: AdvertisementReceived, now_ns: int) -> list[InstanceEffect]:
        self._adverts_received += 1
        self._priority_zero_received += advert.priority == 0
        peer = self._peers.hear(advert, now_ns)
        if self.state is State.BACKUP:
            return self._advert_to_backup(advert, peer, now_ns)
        if self.state is State.MASTER:
            return self._advert_to_master(advert, peer, now_ns)
        return []

    def _advert_to_backup(self, advert: AdvertisementReceived, peer: Peer, now_ns: int) -> list[InstanceEffect]:
        standing = self._standing
        notices = self._interval_notice(advert)
        self._master = peer
        if advert.priority == 0:
            self._arm(now_ns + standing.skew_time_ns)  # S6
        elif self._yields_to(advert.priority, now_ns):
            standing.follow_interval(advert.interval_cs)
            self._arm(now_ns + standing.master_down_interval_ns)  # S7
            self._wants_master = False
            if self._preempt_at_ns is None and now_ns >= self._hold_until_ns:
                self._familiar = advert
        return notices

    def _yields_to(self, priority: int, now_ns: int) -> bool:
        """S7 or S8. With preempt_delay a worse master is followed too until the delay, counted from its first advert,
        is over; then it is ignored and the timer runs out."""
        if priority >= self._standing.priority or not self._standing.preempts:
            self._preempt_at_ns = None
            return True
        if not self.config.preempt_delay_ns or self._standing.is_owner:
            return False
        if self._preempt_at_ns is None:
            self._preempt_at_ns = now_ns + self.config.preempt_delay_ns
        return now_ns < self._preempt_at_ns

    def _interval_notice(self, advert: AdvertisementReceived) -> list[InstanceEffect]:
        """Section 7.1: another interval than ours is worth a line; v3 adopts it."""
        own_cs, last = self.config.advert_interval_cs, self._master
        if advert.interval_cs == own_cs or (last is not None and last.interval_cs == advert.interval_cs):
            return []
        text = f"{advert.source} advertises every {advert.interval_cs * 10} ms, we are configured for {own_cs * 10} ms"
        return [self._notice("interval-differs", text)]

    def _advert_to_master(self, advert: AdvertisementReceived, peer: Peer, now_ns: int) -> list[InstanceEffect]:
        standing = self._standing
        if advert.priority == 0:
            return self._answer_priority_zero(now_ns)
        notices: list[InstanceEffect] = []
        if advert.priority == standing.priority and peer.rank == standing.rank:
            text = f"{advert.source} sends our priority {advert.priority} from our own address: duplicate or loop"
            return [self._notice("duplicate-address", text)]
        if advert.priority == OWNER_PRIORITY == standing.priority:
            text = f"{advert.source} is configured as owner (priority 255) like us: only one may be"
            notices.append(self._notice("two-owners", text))
        if standing.loses_to(advert.priority, peer.rank):
            return [*notices, *self._give_way(advert, peer, now_ns)]
        return [*notices, *self._answer_loser(advert, now_ns)]

    def _answer_priority_zero(self, now_ns: int) -> list[InstanceEffect]:
        """S13: those who heard it too take over after Skew_Time unless they hear us first."""
        if not self._answers.take(now_ns):
            return []
        self.deadline_ns = now_ns + self._standing.advert_interval_ns
        return [self._send(self._standing.priority)]

    def _give_way(self, advert: AdvertisementReceived, peer: Peer, now_ns: int) -> list[InstanceEffect]:
        """S14."""
        effects: list[InstanceEffect] = []
        if self.config.higher_prio_send_advert:
            effects.append(self._send(self._standing.priority))
        relation = f"priority {self._standing.priority} < {advert.priority} of {advert.source}"
        if advert.priority == self._standing.priority:
            relation = f"same priority {advert.priority}, address {self._standing.primary_address} < {advert.source}"
        self._leave_master()
        self._master = peer
        self._standing.follow_interval(advert.interval_cs)
        self._arm(now_ns + self._standing.master_down_interval_ns)
        return [*effects, self._move(State.BACKUP, f"{relation}: give way", now_ns)]

    def _answer_loser(self, advert: AdvertisementReceived, now_ns: int) -> list[InstanceEffect]:
        """S15: assert that we are MASTER to the other router, to the bridges on the way and to the neighbours."""
        self._reannounce_due = True
        if not self._answers.take(now_ns):
            return []
        effects: list[InstanceEffect] = []
        if not self.config.lower_prio_no_advert:
            effects.append(self._send(self._standing.priority))
        ours = self._standing.priority
        claim = f"{advert.source} claims to be MASTER with priority {advert.priority}, ours is {ours}"
        if self._reannouncements.take(now_ns):
            effects.append(Reannounce(self.config.name, claim))
        return [*effects, self._notice("losing-advert", claim)]

    # Faults and the sync group

    @property
    def _group_cause(self) -> str:
        return f"sync group {self.config.sync_group}" if self.config.sync_group else "sync group"

    def _fault_raised(self, cause: str, reason: str, now_ns: int) -> list[InstanceEffect]:
        self._faults[cause] = reason
        if self.state in (State.INIT, State.FAULT):
            return []
        return self._stop_running(State.FAULT, reason, now_ns)

    def _fault_cleared(self, cause: str, now_ns: int) -> list[InstanceEffect]:
        if self._faults.pop(cause, None) is None or self.state is not State.FAULT or self._faults:
            return []
        if self.config.sync_group:
            self._faults[self._group_cause] = "waits until the group leaves FAULT"
            return []
        return self._begin(f"{cause} is well again", now_ns)

    def _group_decided(self, state: State, reason: str, now_ns: int) -> list[InstanceEffect]:
        """Members hear this even if they are in that state already. A member with a fault of its own stays in FAULT
        (and has told the group so)."""
        if self.state is State.INIT:
            return []
        if state is State.FAULT:
            return self._fault_raised(self._group_cause, reason, now_ns)
        if self.state is State.FAULT:
            self._faults.pop(self._group_cause, None)
            return [] if self._faults else self._begin(reason, now_ns)
        if state is State.MASTER and self.state is State.BACKUP:
            return self._become_master(reason, now_ns)
        if state is State.BACKUP and self.state is State.MASTER:
            farewell = self._farewell()
            self._standing.forget_master()
            self._arm(now_ns + self._standing.master_down_interval_ns)
            return [*farewell, self._move(State.BACKUP, reason, now_ns)]
        return []

    def _report(self) -> list[InstanceEffect]:
        """Tell the group, if there is news for it."""
        wanted = self._wanted()
        if self._reported == (self.state, wanted):
            return []
        self._reported = (self.state, wanted)
        group, priority = self.config.sync_group, self._standing.priority
        return [MemberReport(self.config.name, group, self.state, wanted, priority, self._reason)]

    def _wanted(self) -> State:
        if self.state is State.FAULT:
            return State.FAULT if self._faults.keys() - {self._group_cause} else State.BACKUP
        return State.MASTER if self._wants_master else self.state

    # Changes of what we are

    def _priority_changed(self, priority: int) -> list[InstanceEffect]:
        """A BACKUP's running timer keeps its start and takes the new Skew_Time."""
        assert not self.config.is_owner, "an owner's priority does not change"
        longer_ns = self._standing.set_priority(priority)
        self._prepare()
        if self.state is State.BACKUP and self._skewed and self.deadline_ns is not None:
            self.deadline_ns += longer_ns
        return []

    def _reconfigured(self, config: VrrpInstance, now_ns: int) -> list[InstanceEffect]:
        """A reload: priority, intervals, addresses, preemption, group. (Another interface, VRID, family or version is
        another virtual router: stop this one and start that.) A new base priority is the effective one until the
        trackers say otherwise."""
        old, self.config = self.config, config
        standing = self._standing
        before_ns = standing.master_down_interval_ns
        if config.priority != old.priority:
            standing.set_priority(config.priority)
        learned = self._master is not None and config.version == 3 and self.state is State.BACKUP
        standing.reconfigure(config)
        if not learned:
            standing.forget_master()
        self._prepare()
        if self.deadline_ns is not None and self.state is State.MASTER:
            self.deadline_ns = min(self.deadline_ns, now_ns + standing.advert_interval_ns)
        elif self.deadline_ns is not None:
            self.deadline_ns += standing.master_down_interval_ns - before_ns
        if old.sync_group != config.sync_group:
            return self._regrouped(old, now_ns)
        return []

    def _regrouped(self, old: VrrpInstance, now_ns: int) -> list[InstanceEffect]:
        self._reported = None
        self._wants_master = False
        return self._fault_cleared(f"sync group {old.sync_group}", now_ns)

    def _prepare(self) -> None:
        """What the steady state of a MASTER sends, made once."""
        self._advert = (SendAdvertisement(self.config.name, self._standing.priority),)
        self._answers.window_ns = min(self.config.advert_interval_ns, NS_PER_S)

    # Effects

    def _become_master(self, reason: str, now_ns: int) -> list[InstanceEffect]:
        """S1, S5."""
        self._became_master += 1
        self._wants_master = False
        self._preempt_at_ns = None
        self._standing.forget_master()
        self.deadline_ns = now_ns + self._standing.advert_interval_ns
        return [self._send(self._standing.priority), self._move(State.MASTER, reason, now_ns)]

    def _leave_master(self) -> None:
        self._released_master += 1
        self._reannounce_due = False
        self._preempt_at_ns = None

    def _farewell(self) -> list[InstanceEffect]:
        """Priority 0, if we are MASTER (section 6.4.3)."""
        if self.state is not State.MASTER:
            return []
        self._leave_master()
        self._priority_zero_sent += 1
        return [self._send(0)]

    def _send(self, priority: int) -> InstanceEffect:
        self._adverts_sent += 1
        return SendAdvertisement(self.config.name, priority)

    def _notice(self, code: str, message: str) -> InstanceEffect:
        return Noticed(self.config.name, code, message)

    def _move(self, new: State, reason: str, now_ns: int) -> InstanceEffect:
        old, self.state = self.state, new
        self._since_ns = now_ns
        self._reason = reason
        evidence = (
            self._standing.evidence(),
            *(peer.evidence(now_ns) for peer in self._peers),
            *(f"fault: {cause}: {why}" for cause, why in self._faults.items()),
        )
        return StateChanged(self.config.name, old, new, reason, self._standing.priority, evidence)

    def snapshot(self) -> InstanceSnapshot:
        config, standing, master = self.config, self._standing, self._master
        master_address = master.address if master is not None and master.priority else ""
        return InstanceSnapshot(
            name=config.name,
            state=self.state,
            since_ns=self._since_ns,
            reason=self._reason,
            interface=config.interface,
            family=config.family,
            version=config.version,
            virtual_router_id=config.virtual_router_id,
            base_priority=config.priority,
            priority=standing.priority,
            advert_interval_cs=config.advert_interval_cs,
            master_advert_interval_cs=standing.master_interval_cs,
            master=standing.primary_address if self.state is State.MASTER else master_address,
            primary_address=standing.primary_address,
            deadline_ns=self.deadline_ns,
            faults=tuple(self._faults.items()),
            peers=tuple(peer.snapshot() for peer in self._peers),
            adverts_sent=self._adverts_sent,
            adverts_received=self._adverts_received,
            became_master=self._became_master,
            released_master=self._released_master,
            priority_zero_sent=self._priority_zero_sent,
            priority_zero_received=self._priority_zero_received,
        )
