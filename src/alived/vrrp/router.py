"""What a virtual router is and can do: take and leave the MASTER state, run its one timer, tell its group, show itself.

*When* it does these things is the election's business: `instance.py`.
"""

from __future__ import annotations

from alived.base import NS_PER_S
from alived.vrrp.config import State, VrrpInstance
from alived.vrrp.events import (
    AdvertisementReceived,
    InstanceEffect,
    InstanceSnapshot,
    MemberReport,
    Noticed,
    SendAdvertisement,
    StateChanged,
)
from alived.vrrp.peers import Peer, Peers
from alived.vrrp.standing import Standing
from alived.vrrp.timers import Allowance

ANSWERS_PER_WINDOW = 3
"""One for each of three routers that stop or lose at the same time; more than that at once is no election."""
REANNOUNCEMENTS_PER_S = 2
"""At once and with the next advert; while the other router goes on (it does not hear us), no more than this."""


class Router:
    """The timer is `deadline_ns`: Adver_Timer while MASTER, Master_Down_Timer while BACKUP, else None."""

    __slots__ = (
        "_advert",
        "_adverts_received",
        "_adverts_sent",
        "_answers",
        "_became_master",
        "_familiar",
        "_faults",
        "_hold_until_ns",
        "_last_sent",
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
        """Who last said that it is MASTER (or, with priority 0, that it no longer is)."""
        self._faults: dict[str, str] = {}
        self._reason = "not started"
        self._since_ns = 0
        self._hold_until_ns = 0
        """End of the start-up delay."""
        self._preempt_at_ns: int | None = None
        """End of preempt_delay, once a worse master was heard."""
        self._wants_master = False
        """The timer fired, the sync group has not decided yet."""
        self._reported: tuple[State, State] | None = None
        self._last_sent = 0
        self._reannounce_due = False
        self._answers = Allowance(ANSWERS_PER_WINDOW, NS_PER_S)
        self._reannouncements = Allowance(REANNOUNCEMENTS_PER_S, NS_PER_S)
        self._adverts_sent = self._adverts_received = 0
        self._became_master = self._released_master = 0
        self._priority_zero_sent = self._priority_zero_received = 0
        self._familiar: AdvertisementReceived | None = None
        """As BACKUP: the master's advert that needs nothing but a restart of the timer."""
        self._routine = False
        """MASTER with nothing to do but to advertise."""
        self._advert: tuple[InstanceEffect, ...] = ()
        self._prepare()

    # The timer

    def _arm(self, wait_ns: int, now_ns: int) -> None:
        """Master_Down_Timer := wait_ns, but never within the start-up delay."""
        self.deadline_ns = max(now_ns + wait_ns, self._hold_until_ns)

    def _prepare(self) -> None:
        """What depends on priority and interval and is wanted often, made once."""
        self._advert = (SendAdvertisement(self.config.name, self._standing.priority),)
        self._answers.window_ns = min(self.config.advert_interval_ns, NS_PER_S)

    # Changes of state

    def _begin(self, why: str, now_ns: int) -> list[InstanceEffect]:
        """Take part from now on: RFC 9568 section 6.4.1. An owner that may not be MASTER yet waits as BACKUP."""
        start_ns = max(now_ns, self._hold_until_ns)
        if not self.config.is_owner:
            self._listen(start_ns)
            return [self._move(State.BACKUP, f"{why}: listen for a master first", now_ns)]
        if start_ns == now_ns and not self.config.sync_group:
            return self._become_master(f"{why}: the owner of the addresses (priority 255) need not wait", now_ns)
        self._listen(start_ns)
        self._arm(0, start_ns)
        return [self._move(State.BACKUP, f"{why}: the owner waits for the start-up delay or its group", now_ns)]

    def _listen(self, start_ns: int) -> None:
        """As one who has heard nobody yet."""
        self._master = None
        self._preempt_at_ns = None
        self._standing.forget_master()
        self._arm(self._standing.master_down_interval_ns, start_ns)

    def _become_master(self, reason: str, now_ns: int) -> list[InstanceEffect]:
        """The advert goes out first: it costs nothing and stops the others, addresses may take their time."""
        self._became_master += 1
        self._wants_master = False
        self._preempt_at_ns = None
        self._standing.forget_master()
        self.deadline_ns = now_ns + self._standing.advert_interval_ns
        return [self._send(self._standing.priority), self._move(State.MASTER, reason, now_ns)]

    def _leave_master(self) -> None:
        self._released_master += 1
        self._reannounce_due = False

    def _farewell(self) -> list[InstanceEffect]:
        """Priority 0, if we are MASTER: the next one takes over after Skew_Time (section 6.4.3)."""
        if self.state is not State.MASTER:
            return []
        self._leave_master()
        self._priority_zero_sent += 1
        return [self._send(0)]

    def _stop_running(self, new: State, reason: str, now_ns: int) -> list[InstanceEffect]:
        """To INIT or FAULT."""
        farewell = self._farewell()
        self.deadline_ns = None
        self._wants_master = False
        return [*farewell, self._move(new, reason, now_ns)]

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

    # Words to others

    def _send(self, priority: int) -> InstanceEffect:
        self._adverts_sent += 1
        self._last_sent = priority
        return SendAdvertisement(self.config.name, priority)

    def _notice(self, code: str, message: str) -> InstanceEffect:
        return Noticed(self.config.name, code, message)

    @property
    def _group_cause(self) -> str:
        """The fault that says: the group holds us in FAULT."""
        return f"sync group {self.config.sync_group}"

    def _report(self) -> list[InstanceEffect]:
        """Tell the group, if there is news for it."""
        wanted = self._wanted()
        if self._reported == (self.state, wanted):
            return []
        self._reported = (self.state, wanted)
        group, priority = self.config.sync_group, self._standing.priority
        return [MemberReport(self.config.name, group, self.state, wanted, priority, self._reason)]

    def _wanted(self) -> State:
        """The state that we would be in without the group."""
        if self.state is State.FAULT:
            return State.FAULT if self._faults.keys() - {self._group_cause} else State.BACKUP
        return State.MASTER if self._wants_master else self.state

    def snapshot(self) -> InstanceSnapshot:
        config, standing, master = self.config, self._standing, self._master
        heard_master = master.address if self.state is State.BACKUP and master is not None and master.priority else ""
        waits = f"; waits for sync group {config.sync_group}" if self._wants_master else ""
        return InstanceSnapshot(
            name=config.name,
            state=self.state,
            since_ns=self._since_ns,
            reason=self._reason + waits,
            interface=config.interface,
            family=config.family,
            version=config.version,
            virtual_router_id=config.virtual_router_id,
            base_priority=config.priority,
            priority=standing.priority,
            advert_interval_cs=config.advert_interval_cs,
            master_advert_interval_cs=standing.master_interval_cs,
            master=standing.primary_address if self.state is State.MASTER else heard_master,
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
