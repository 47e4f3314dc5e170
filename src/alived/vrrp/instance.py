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
    advert: prio 0   | -      | S6: timer := Skew_Time           | S13: advert, timer restarted,     | -
                     |        |                                  | Reannounce                        |
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

- `state MASTER` below priority 255 waits Master_Down_Interval at Startup like everybody else: so does keepalived 2.2.7
  (captured), and the RFC knows no such state.
- Another priority is carried by the next regular advert (keepalived). An advert at once would speed nothing up: the
  BACKUPs' timers run from the last advert that beat them, not from the first that does not.
- `nopreempt` keeps a router from taking over from a MASTER that is well. One whose priority fell below ours while it
  was MASTER, or that is MASTER as a last resort, is not: weights work with `nopreempt` (keepalived: they do nothing).
- Answers out of turn (S13, S15) are limited to ANSWERS_PER_WINDOW in one advert interval (one second at most), so that
  a flood makes us send no more than that. An advert that is not answered does not restart the timer either: a flood of
  priority 0 must not silence us.
- `Reannounce` follows a losing advert (or a priority 0, which only a MASTER sends) at once and again with the next
  regular advert: a router that has just become MASTER sends its gratuitous ARPs some ms *after* its first advert, and
  ours have to be the last.

An instance expects to be stepped with `DeadlineReached` when `deadline_ns` has come and not before, after all waiting
adverts have been given to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from alived.base import DeadlineReached
from alived.owner import why_in_fault
from alived.vrrp import sentences
from alived.vrrp.config import OWNER_PRIORITY, State, VrrpInstance
from alived.vrrp.events import (
    AddressListDiffers,
    AdvertisementReceived,
    FaultCleared,
    FaultRaised,
    GroupDecided,
    InstanceEffect,
    InstanceEvent,
    LowerPriorityHeard,
    PrimaryAddressChanged,
    PriorityChanged,
    PriorityTaken,
    Reannounce,
    Reconfigured,
    Shutdown,
    Startup,
)
from alived.vrrp.peers import Peer
from alived.vrrp.router import Router


class Instance(Router):
    """A virtual router on one interface: a core (`step`, `deadline_ns`, `snapshot`)."""

    __slots__ = ()

    def step(self, event: InstanceEvent, now_ns: int) -> Sequence[InstanceEffect]:
        """What follows from `event`, in the order in which it must happen. The first two cases are the steady state
        of a MASTER and of a BACKUP and most of all steps."""
        if type(event) is DeadlineReached and self._routine:
            due_ns = self.deadline_ns
            assert due_ns is not None and now_ns >= due_ns, "stepped before the deadline"
            interval_ns = self._standing.advert_interval_ns
            next_ns = due_ns + interval_ns
            self.deadline_ns = next_ns if next_ns > now_ns else now_ns + interval_ns
            self._adverts_sent += 1
            return self._advert
        if event == self._familiar:
            master = self._master
            assert master is not None
            master.last_heard_ns = now_ns
            master.adverts += 1
            self._adverts_received += 1
            self.deadline_ns = now_ns + self._standing.master_down_interval_ns
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
            case Startup(waits_for):
                return self._startup(waits_for, now_ns)
            case Shutdown(reason):
                return [] if self.state is State.INIT else self._stop_running(State.INIT, reason, now_ns)
            case FaultRaised(cause, reason):
                return self._fault_raised(cause, reason, now_ns)
            case FaultCleared(cause):
                return self._fault_cleared(cause, now_ns)
            case GroupDecided(state, reason):
                return self._group_decided(state, reason, now_ns)
            case PriorityChanged(priority, reason):
                return self._priority_changed(priority, reason)
            case PrimaryAddressChanged(address):
                self._standing.set_primary_address(address)
                return []
            case Reconfigured(config):
                return self._reconfigured(config, now_ns)
            case AddressListDiffers():
                return [self._notice("address-list-differs", sentences.other_addresses(self.config, event))]
            case _:
                assert_never(event)

    # Startup and timers (section 6.4.1)

    def _startup(self, waits_for: str, now_ns: int) -> list[InstanceEffect]:
        if self.state is not State.INIT:
            return []
        if waits_for:
            self._reason, self._since_ns = waits_for, now_ns
            return []
        self._hold_until_ns = now_ns + self.config.startup_delay_ns
        if self._faults:
            return [self._move(State.FAULT, why_in_fault(self._faults), now_ns)]
        return self._begin("started", now_ns)

    def _deadline_reached(self, now_ns: int) -> list[InstanceEffect]:
        due_ns = self.deadline_ns
        assert due_ns is not None and now_ns >= due_ns, "stepped before the deadline"
        if self.state is State.MASTER:
            return self._advertise_and_reannounce(due_ns, now_ns)
        reason = sentences.why_take_over(self._standing, self._master, self._since_ns, now_ns)
        if not self.config.sync_group:
            return self._become_master(reason, now_ns)
        self._wants_master = True
        self._reason = reason
        self._arm(self._standing.master_down_interval_ns, now_ns)
        return []

    def _advertise_and_reannounce(self, due_ns: int, now_ns: int) -> list[InstanceEffect]:
        """S12. After a losing advert the neighbours are told once more, now after the loser's gratuitous ARPs."""
        interval_ns = self._standing.advert_interval_ns
        self.deadline_ns = due_ns + interval_ns if due_ns + interval_ns > now_ns else now_ns + interval_ns
        effects = [self._send(self._standing.priority)]
        if self._reannounce_due:
            last_word = self._announce("another router was MASTER beside us: the last word is ours", now_ns)
            self._reannounce_due = not last_word
            effects += last_word
        return effects

    # Adverts to a BACKUP (section 6.4.2)

    def _advertisement_received(self, advert: AdvertisementReceived, now_ns: int) -> list[InstanceEffect]:
        self._adverts_received += 1
        self._priority_zero_received += advert.priority == 0
        peer = self._peers.hear(advert, now_ns)
        if self.state not in (State.BACKUP, State.MASTER):
            return []
        if peer.rank == self._standing.rank:
            notice = self._notice("duplicate-address", sentences.own_address(advert))
            return [notice] if self._may_be_ours(advert) else [notice, *self._elect(advert, peer, now_ns)]
        return self._elect(advert, peer, now_ns)

    def _may_be_ours(self, advert: AdvertisementReceived) -> bool:
        """An advert from our own address may be an echo of ours (a loop in the network): S17. Only one that beats
        what we send is certainly another router's. A BACKUP, which sends nothing, is only kept waiting by an echo."""
        if self.state is State.BACKUP:
            return advert.priority < self._standing.priority
        return advert.priority <= max(self._standing.priority, self._last_sent)

    def _elect(self, advert: AdvertisementReceived, peer: Peer, now_ns: int) -> list[InstanceEffect]:
        if self.state is State.BACKUP:
            return self._advert_to_backup(advert, peer, now_ns)
        return self._advert_to_master(advert, peer, now_ns)

    def _advert_to_backup(self, advert: AdvertisementReceived, peer: Peer, now_ns: int) -> list[InstanceEffect]:
        self._master = peer
        if advert.priority == 0:
            self._arm(self._standing.skew_time_ns, now_ns)  # S6
            return []
        if not self._yields_to(peer, now_ns):
            return []  # S8
        self._wants_master = False
        if self._preempt_at_ns is None and now_ns >= self._hold_until_ns:
            self._familiar = advert
        return self._follow(advert, now_ns)  # S7

    def _yields_to(self, master: Peer, now_ns: int) -> bool:
        """S7 rather than S8? With preempt_delay a worse master is followed too until the delay, counted from its first
        advert, is over; then it is ignored and the timer runs out. nopreempt protects a master that is well."""
        ours = self._standing
        if master.priority >= ours.priority or not (ours.preempts or ours.finds_unwell(master)):
            self._preempt_at_ns = None
            return True
        if not self.config.preempt_delay_ns or self.config.is_owner:
            return False
        if self._preempt_at_ns is None:
            self._preempt_at_ns = now_ns + self.config.preempt_delay_ns
        return now_ns < self._preempt_at_ns

    def _follow(self, advert: AdvertisementReceived, now_ns: int) -> list[InstanceEffect]:
        """The sender is the master: restart Master_Down_Timer, in v3 by its interval."""
        changed = self._standing.follow_interval(advert.interval_cs)
        self._arm(self._standing.master_down_interval_ns, now_ns)
        if changed and advert.interval_cs != self.config.advert_interval_cs:
            return [self._notice("interval-differs", sentences.other_interval(self.config, advert))]
        return []

    # Adverts to a MASTER (section 6.4.3)

    def _advert_to_master(self, advert: AdvertisementReceived, peer: Peer, now_ns: int) -> list[InstanceEffect]:
        if advert.priority == 0:
            return self._answer_priority_zero(advert, now_ns)
        notices: list[InstanceEffect] = []
        if advert.priority == OWNER_PRIORITY == self._standing.priority:
            notices = [self._notice("two-owners", sentences.two_owners(advert))]
        if self._standing.loses_to(advert.priority, peer.rank):
            return [*notices, *self._give_way(advert, peer, now_ns)]
        return [*notices, *self._answer_loser(advert, now_ns)]

    def _answer_priority_zero(self, advert: AdvertisementReceived, now_ns: int) -> list[InstanceEffect]:
        """S13: those who heard it too take over after Skew_Time unless they hear us first. Whoever says so was MASTER
        beside us (a sync group took it along, say), so the neighbours are told as after a losing advert."""
        self._reannounce_due = True
        if not self._answers.take(now_ns):
            return []
        self.deadline_ns = now_ns + self._standing.advert_interval_ns
        return [self._send(self._standing.priority), *self._announce(f"{advert.source} was MASTER beside us", now_ns)]

    def _announce(self, reason: str, now_ns: int) -> list[InstanceEffect]:
        return [Reannounce(self.config.name, reason)] if self._reannouncements.take(now_ns) else []

    def _give_way(self, advert: AdvertisementReceived, peer: Peer, now_ns: int) -> list[InstanceEffect]:
        """S14."""
        last_words = [self._send(self._standing.priority)] if self.config.higher_prio_send_advert else []
        reason = sentences.why_give_way(self._standing, advert)
        self._leave_master()
        self._master = peer
        notices = self._follow(advert, now_ns)
        return [*last_words, self._move(State.BACKUP, reason, now_ns), *notices]

    def _answer_loser(self, advert: AdvertisementReceived, now_ns: int) -> list[InstanceEffect]:
        """S15: assert that we are MASTER to the other router, to the bridges on the way and to the neighbours."""
        self._reannounce_due = True
        if not self._answers.take(now_ns):
            return []
        effects: list[InstanceEffect] = []
        if not self.config.lower_prio_no_advert:
            effects.append(self._send(self._standing.priority))
        claim = sentences.losing_claim(self._standing, advert)
        heard = LowerPriorityHeard(self.config.name, self._standing.priority, claim)
        return [*effects, *self._announce(claim, now_ns), heard, self._notice("losing-advert", claim)]

    # Faults and the sync group

    def _fault_raised(self, cause: str, reason: str, now_ns: int) -> list[InstanceEffect]:
        self._faults[cause] = reason
        if self.state in (State.INIT, State.FAULT):
            return []
        return self._stop_running(State.FAULT, reason, now_ns)

    def _fault_cleared(self, cause: str, now_ns: int) -> list[InstanceEffect]:
        if self._faults.pop(cause, None) is None or self.state is not State.FAULT or self._faults:
            return []
        if self.config.sync_group:
            self._faults[self._group_cause] = "no fault of its own left: waits until the group leaves FAULT"
            return []
        return self._begin(f"{cause} is no fault any more", now_ns)

    def _group_decided(self, state: State, reason: str, now_ns: int) -> list[InstanceEffect]:
        """Harmless if it says what is so already. A member with a fault of its own stays in FAULT (the group has been
        told)."""
        if state is State.FAULT and self.state is not State.INIT:
            return self._fault_raised(self._group_cause, reason, now_ns)
        if self.state is State.FAULT:
            self._faults.pop(self._group_cause, None)
            return [] if self._faults else self._begin(reason, now_ns)
        if state is State.MASTER and self.state is State.BACKUP:
            return self._become_master(reason, now_ns)
        if state is State.BACKUP and self.state is State.MASTER:
            farewell = self._farewell()
            self._listen(now_ns)
            return [*farewell, self._move(State.BACKUP, reason, now_ns)]
        return []

    # Changes of what we are

    def _priority_changed(self, priority: int, reason: str) -> list[InstanceEffect]:
        """A BACKUP's running timer keeps its start and takes the new Skew_Time."""
        assert not self.config.is_owner, "an owner's priority does not change"
        if priority == self._standing.priority:
            return []
        longer_ns = self._standing.set_priority(priority)
        self._prepare()
        if self.state is State.BACKUP and self.deadline_ns is not None:
            self.deadline_ns += longer_ns
        return [PriorityTaken(self.config.name, self.state, priority, reason)]

    def _reconfigured(self, config: VrrpInstance, now_ns: int) -> list[InstanceEffect]:
        """A reload: priority, intervals, addresses, preemption, group. (Another interface, VRID, family or version is
        another virtual router: stop this one and start that.) A new base priority is the effective one until the
        trackers say otherwise."""
        old, self.config = self.config, config
        standing = self._standing
        before_ns = standing.master_down_interval_ns
        standing.reconfigure(config)
        if config.priority != old.priority:
            standing.set_priority(config.priority)
        if config.version == 2 or self._master is None:
            standing.forget_master()
        self._prepare()
        if self.state is State.MASTER and self.deadline_ns is not None:
            self.deadline_ns = min(self.deadline_ns, now_ns + standing.advert_interval_ns)
        elif self.deadline_ns is not None:
            self._arm(self.deadline_ns - now_ns + standing.master_down_interval_ns - before_ns, now_ns)
        if old.sync_group == config.sync_group:
            return []
        self._reported = None
        self._wants_master = False
        return self._fault_cleared(f"sync group {old.sync_group}", now_ns)
