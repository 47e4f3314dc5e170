"""Instances and groups that are wrong in one way each. The simulation is worth something if it finds every one."""

from __future__ import annotations

from alived.vrrp.config import State, VrrpInstance
from alived.vrrp.events import AdvertisementReceived, InstanceEffect
from alived.vrrp.group_events import GroupEvent
from alived.vrrp.instance import Instance
from alived.vrrp.peers import Peer
from alived.vrrp.standing import Standing
from alived.vrrp.sync_group import SyncGroup


class _NoSkew(Standing):
    __slots__ = ()

    def _retime(self) -> None:
        super()._retime()
        self.master_down_interval_ns -= self.skew_time_ns
        self.skew_time_ns = 0


class _ReversedTie(Standing):
    __slots__ = ()

    def loses_to(self, priority: int, rank: bytes) -> bool:
        return priority > self.priority or (priority == self.priority and rank < self.rank)


class _OwnInterval(Standing):
    __slots__ = ()

    def follow_interval(self, interval_cs: int) -> bool:
        return False


class SkewTimeIsZero(Instance):
    """All BACKUPs take over at the same moment."""

    __slots__ = ()

    def __init__(self, config: VrrpInstance) -> None:
        super().__init__(config)
        self._standing = _NoSkew(config)


class TieBreakReversed(Instance):
    __slots__ = ()

    def __init__(self, config: VrrpInstance) -> None:
        super().__init__(config)
        self._standing = _ReversedTie(config)


class KeepsItsOwnInterval(Instance):
    """v3 without learning: a BACKUP with a shorter interval than its master's takes over for no reason."""

    __slots__ = ()

    def __init__(self, config: VrrpInstance) -> None:
        super().__init__(config)
        self._standing = _OwnInterval(config)


class DoesNotRestartItsTimer(Instance):
    __slots__ = ()

    def _advert_to_backup(self, advert: AdvertisementReceived, peer: Peer, now_ns: int) -> list[InstanceEffect]:
        deadline_ns = self.deadline_ns
        effects = super()._advert_to_backup(advert, peer, now_ns)
        self.deadline_ns, self._familiar = deadline_ns, None
        return effects


class IgnoresPriorityZero(Instance):
    __slots__ = ()

    def _advert_to_backup(self, advert: AdvertisementReceived, peer: Peer, now_ns: int) -> list[InstanceEffect]:
        return super()._advert_to_backup(advert, peer, now_ns) if advert.priority else []


class NeverGivesWay(Instance):
    __slots__ = ()

    def _give_way(self, advert: AdvertisementReceived, peer: Peer, now_ns: int) -> list[InstanceEffect]:
        return []


class LeavesWithoutAWord(Instance):
    """No priority 0 on stopping."""

    __slots__ = ()

    def _farewell(self) -> list[InstanceEffect]:
        super()._farewell()
        return []


class SilentSurvivor(Instance):
    """Never tells the neighbours again."""

    __slots__ = ()

    def _announce(self, reason: str, now_ns: int) -> list[InstanceEffect]:
        return []


class AnnouncesOnlyAtOnce(Instance):
    """As keepalived does, but for its second burst 5 s later: the loser's own gratuitous ARPs come last."""

    __slots__ = ()

    def _answer_loser(self, advert: AdvertisementReceived, now_ns: int) -> list[InstanceEffect]:
        effects = super()._answer_loser(advert, now_ns)
        self._reannounce_due = False
        return effects


class AlwaysPreempts(Instance):
    """Takes over from an equal too: `>` for `>=` in S7."""

    __slots__ = ()

    def _yields_to(self, master: Peer, now_ns: int) -> bool:
        return master.priority != self._standing.priority and super()._yields_to(master, now_ns)


class NeverPreempts(Instance):
    __slots__ = ()

    def _yields_to(self, master: Peer, now_ns: int) -> bool:
        return True


class ProtectsAnUnwellMaster(Instance):
    """nopreempt as keepalived has it: weights do nothing beside it."""

    __slots__ = ()

    def _yields_to(self, master: Peer, now_ns: int) -> bool:
        return not self._standing.preempts or super()._yields_to(master, now_ns)


class ComesBack(Instance):
    """Forgets nopreempt when it is the better one."""

    __slots__ = ()

    def _yields_to(self, master: Peer, now_ns: int) -> bool:
        return master.priority >= self._standing.priority


class MasterInFault(Instance):
    __slots__ = ()

    def _fault_raised(self, cause: str, reason: str, now_ns: int) -> list[InstanceEffect]:
        self._faults[cause] = reason
        return []


class DoesNotAskItsGroup(Instance):
    __slots__ = ()

    def _deadline_reached(self, now_ns: int) -> list[InstanceEffect]:
        effects = super()._deadline_reached(now_ns)
        return self._become_master("alone", now_ns) if self._wants_master else effects


class FirstWishWins(SyncGroup):
    """One member that wants to be MASTER takes all along."""

    def _decide(self, event: GroupEvent) -> tuple[State, str]:
        wanted = [member.wanted for member in self._members.values()]
        running = State.INIT not in wanted and State.FAULT not in wanted
        return (State.MASTER, "one wants it") if running and State.MASTER in wanted else super()._decide(event)


class LeavesItsFaultAlone(SyncGroup):
    """A member's fault does not concern the others."""

    def _decide(self, event: GroupEvent) -> tuple[State, str]:
        state, reason = super()._decide(event)
        return (State.BACKUP if state is State.FAULT else state), reason


INSTANCES: tuple[type[Instance], ...] = (
    SkewTimeIsZero,
    TieBreakReversed,
    KeepsItsOwnInterval,
    DoesNotRestartItsTimer,
    IgnoresPriorityZero,
    NeverGivesWay,
    LeavesWithoutAWord,
    SilentSurvivor,
    AnnouncesOnlyAtOnce,
    AlwaysPreempts,
    NeverPreempts,
    ProtectsAnUnwellMaster,
    ComesBack,
    MasterInFault,
    DoesNotAskItsGroup,
)
GROUPS: tuple[type[SyncGroup], ...] = (FirstWishWins, LeavesItsFaultAlone)
