"""What a router brings to the election: priority, address and intervals, and how they compare with an advert's."""

from __future__ import annotations

from alived.owner import AllUnhealthy
from alived.vrrp.config import LAST_RESORT_PRIORITY, VrrpInstance
from alived.vrrp.peers import Peer, address_rank
from alived.vrrp.timers import master_down_interval_ns, seconds, skew_time_ns


class Standing:
    """The intervals are computed on change and read on the hot path."""

    __slots__ = (
        "advert_interval_ns",
        "config",
        "master_down_interval_ns",
        "master_interval_cs",
        "preempts",
        "primary_address",
        "priority",
        "rank",
        "skew_time_ns",
    )

    def __init__(self, config: VrrpInstance) -> None:
        self.priority = config.priority
        self.primary_address = ""
        self.rank = b""
        self.master_interval_cs = config.advert_interval_cs
        self.reconfigure(config)

    def reconfigure(self, config: VrrpInstance) -> None:
        self.config = config
        self.advert_interval_ns = config.advert_interval_ns
        self.preempts = config.is_owner or not config.nopreempt
        """RFC 9568 section 6.1, Preempt_Mode: the owner preempts always."""
        self._retime()

    def set_priority(self, priority: int) -> int:
        """Take this effective priority; returns how much longer (or, negative, shorter) Skew_Time became."""
        before_ns = self.skew_time_ns
        self.priority = priority
        self._retime()
        return self.skew_time_ns - before_ns

    def set_primary_address(self, address: str) -> None:
        self.primary_address = address
        self.rank = address_rank(address)

    def follow_interval(self, interval_cs: int) -> bool:
        """RFC 9568 section 6.4.2: a v3 router uses the master's interval; v2 knows its own only. True: it changed."""
        if self.config.version != 3 or interval_cs == self.master_interval_cs:
            return False
        self.master_interval_cs = interval_cs
        self._retime()
        return True

    def forget_master(self) -> None:
        """Nobody is followed: back to the own interval (section 6.4.1)."""
        self.master_interval_cs = self.config.advert_interval_cs
        self._retime()

    def loses_to(self, priority: int, rank: bytes) -> bool:
        """Section 6.4.3: the higher priority wins, among equals the higher address."""
        return priority > self.priority or (priority == self.priority and rank > self.rank)

    def finds_unwell(self, master: Peer) -> bool:
        """Whether nopreempt does not protect this master, whose priority is lower than ours: it had a better one, or it
        is the last resort and we are not."""
        if self.config.all_unhealthy is AllUnhealthy.BEST and master.priority <= LAST_RESORT_PRIORITY < self.priority:
            return True
        return master.fell_from is not None

    def evidence(self) -> str:
        config = self.config
        return (
            f"own priority {self.priority} (base {config.priority}), Master_Down_Interval"
            f" {seconds(self.master_down_interval_ns)} = {config.down_timer_adverts} x"
            f" {self.master_interval_cs * 10} ms + Skew_Time {seconds(self.skew_time_ns)}"
        )

    def _retime(self) -> None:
        config = self.config
        self.skew_time_ns = skew_time_ns(config.version, self.priority, self.master_interval_cs)
        self.master_down_interval_ns = master_down_interval_ns(
            config.version, self.priority, self.master_interval_cs, config.down_timer_adverts
        )
