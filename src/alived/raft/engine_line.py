"""What the engine was told that this node owns, and what it has let go since.

The engine is another process. It ends what it owns by itself at the moment it was told. Sooner than that this node
knows that nothing is held only from an answer: to the leases that no longer name a group, without `holds`. What helps
another node to own waits for one of the two. That the engine is there is seen without an answer, from the number of the
leases that it has carried out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Set

import msgspec

from alived.base import NS_PER_S
from alived.raft.member_events import EngineReported, Held, Leases
from alived.raft.packets import GroupReport

IDLE_NS = NS_PER_S
"""How often the engine is told what it knows, and asked for a report that brings no news"""
PATIENCE_ROUNDS = 2
"""An engine that has not carried out leases for so many rounds of heartbeats is not able to own"""
_REMEMBERED = 100
"""So many leases that wait for it, the newest; what is carried out is so with all before it"""


class EngineLine:
    def __init__(self, heartbeat_ns: int, carried_out: Callable[[], int]) -> None:
        """carried_out: gives the number of the newest leases that the engine has carried out, whenever it is asked."""
        self._heartbeat_ns = heartbeat_ns
        self._carried_out = carried_out
        self._number = 0
        """Of the last leases"""
        self._held: Mapping[str, int] = {}
        self._told_ns: int | None = None
        """None: there is something new, or somebody new, to tell"""
        self._asked_ns = 0
        """When an answer was asked for last"""
        self._waiting: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        """Numbers of leases that were not carried out when that was looked at last, and when they were told"""
        self._ends: dict[str, int] = {}
        """When a group is let go at the latest, of all that may be held"""
        self._withdrawn: dict[str, int] = {}
        """Groups that may be held though this node shall not own them any more: since which leases"""
        self._leaving: set[str] = set()
        """Those of them that may end what they have begun, within their lease"""
        self.reports: dict[str, GroupReport] = {}
        """Empty: there is no engine, or it has not spoken"""
        self._version = 0
        """Of the reports, but for the ages in them"""
        self._heard_ns = 0
        self.unable = ""
        """Why this node can own nothing, whatever its engine says; a sentence"""

    # -- what can be asked

    def groups(self, now_ns: int) -> tuple[GroupReport, ...]:
        """What the engine last reported, as of now."""
        unable = self.unable or ("the engine does not answer" if self.silent(now_ns) else "")
        age_ns = now_ns - self._heard_ns
        return tuple(
            msgspec.structs.replace(
                report,
                able=report.able and not unable,
                reason=unable or report.reason,
                held_ns=None if report.held_ns is None else report.held_ns and report.held_ns + age_ns,
            )
            for report in self.reports.values()
        )

    def edition(self, now_ns: int) -> tuple[int, bool, str]:
        """Changes when `groups` does, but for the ages in them."""
        return self._version, self.silent(now_ns), self.unable

    @property
    def number(self) -> int:
        """Of the last leases."""
        return self._number

    @property
    def ends(self) -> Mapping[str, int]:
        """All that may be held here, and when it is let go at the latest."""
        return self._ends

    @property
    def held(self) -> Mapping[str, int]:
        """What the engine was told that this node owns, and until when."""
        return self._held

    @property
    def silent_from_ns(self) -> int | None:
        """When it counts as hanging if it does nothing; None: it has carried out all that it was told."""
        waiting = self._waiting
        if waiting:
            number = self._carried_out()
            while waiting and waiting[0][0] <= number:
                waiting.popleft()
        return waiting[0][1] + PATIENCE_ROUNDS * self._heartbeat_ns if waiting else None

    def silent(self, now_ns: int) -> bool:
        """It is gone, or hangs."""
        from_ns = self.silent_from_ns
        return not self.reports or (from_ns is not None and now_ns >= from_ns)

    def leaving_until_ns(self, now_ns: int) -> int | None:
        """When all that was withdrawn is let go at the latest; None: it is."""
        ends = [self._ends[group] for group in self._withdrawn if self._ends[group] > now_ns]
        return max(ends, default=None)

    @property
    def due_ns(self) -> int | None:
        """When it must be told again; None: at once."""
        if self._told_ns is None:
            return None
        waits = self.reports and self.silent_from_ns is not None
        return self._told_ns + (PATIENCE_ROUNDS * self._heartbeat_ns if waits else IDLE_NS)

    # -- what happens

    def tell(
        self,
        held: Mapping[str, int],
        term: int,
        reason: str,
        now_ns: int,
        *,
        orderly: bool = False,
        again: bool = False,
    ) -> Leases | None:
        """All that this node owns now and until when; None: the engine knows, and there is no need to say it again.

        orderly: what is not named any more has its lease to leave, so that hooks run before; else it goes at once.
        again: say it in any case, somebody waits for the answer.
        """
        same = held == self._held and (orderly or not self._leaving) and not again
        due_ns = self.due_ns
        if same and due_ns is not None and now_ns < due_ns:
            return None
        asks = again or not self.reports or not self._renews(held) or self._owes(now_ns)
        number = self._next(now_ns)
        self._withdraw(self._held.keys() - held.keys(), orderly=orderly)
        for group, until_ns in held.items():
            self._ends[group] = max(until_ns, self._ends.get(group, 0))
            self._withdrawn.pop(group, None)
            self._leaving.discard(group)
        self._held = dict(held)
        return self._say(number, term, reason, now_ns, asks=asks)

    def renew(self, held: Mapping[str, int], term: int, reason: str, now_ns: int) -> Leases | None:
        """What `tell` says if only the time is new, as nearly always. None: there is more to it, or nothing held."""
        if not held or not self._renews(held):
            return None
        for group, until_ns in held.items():
            self._ends[group] = max(until_ns, self._ends[group])
        self._held = held
        return self._say(self._next(now_ns), term, reason, now_ns, asks=self._owes(now_ns))

    def _renews(self, held: Mapping[str, int]) -> bool:
        return held.keys() == self._held.keys() and not self._withdrawn and self._told_ns is not None

    def _owes(self, now_ns: int) -> bool:
        """Whether an answer to a renewal is wanted: a report was never lost yet, but who knows."""
        return now_ns - self._asked_ns >= IDLE_NS

    def _next(self, now_ns: int) -> int:
        """Above all numbers of a former process of this node: the engine may not have read its last leases yet."""
        self._number = max(self._number + 1, now_ns)
        return self._number

    def _say(self, number: int, term: int, reason: str, now_ns: int, *, asks: bool) -> Leases:
        self._told_ns = now_ns
        if asks:
            self._asked_ns = now_ns
        self._waiting.append((number, now_ns))
        named = [Held(group, until_ns) for group, until_ns in self._held.items()]
        named += [Held(group, self._ends[group], leaving=True) for group in sorted(self._leaving)]
        return Leases(number=number, term=term, held=tuple(named), reason=reason, answer=asks)

    def _withdraw(self, groups: Set[str], *, orderly: bool) -> None:
        if not orderly:
            groups = groups | self._leaving
            self._leaving.clear()
        else:
            self._leaving |= groups
        for group in groups:
            self._withdrawn[group] = self._number

    def heard(self, event: EngineReported, now_ns: int) -> bool:
        """Whether it says anything new."""
        version, news = self._version, bool(self._withdrawn) or event.number == 0 or self.silent(now_ns)
        self._heard_ns = now_ns
        before, self.reports = self.reports, {report.name: report for report in event.groups}
        if [_ageless(report) for report in before.values()] != [_ageless(report) for report in event.groups]:
            self._version += 1
        if event.number == 0:
            self._told_ns = None  # A new engine knows nothing of what the former one was told.
        for group, number in list(self._withdrawn.items()):
            report = self.reports.get(group)
            if event.number >= number and not (report and report.holds):
                del self._withdrawn[group], self._ends[group]
                self._leaving.discard(group)
        return news or self._version != version

    def lost(self) -> None:
        """Its process is gone, and what it had bound was taken away."""
        self._version += 1
        self.reports = {}
        self._held = {}
        self._ends = {}
        self._withdrawn = {}
        self._leaving = set()
        self._waiting.clear()
        self._told_ns = None


def _ageless(report: GroupReport) -> GroupReport:
    return msgspec.structs.replace(report, held_ns=None)
