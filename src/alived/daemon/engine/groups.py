"""Sync groups in the engine: reports of members go in, decisions come back as events of the members."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping

from alived.config.model import Config
from alived.daemon.engine.virtual_router import Feed, VirtualRouter
from alived.daemon.shared.messages import GroupSnapshot
from alived.health.trackers_config import Tracking
from alived.vrrp.config import VrrpSyncGroup
from alived.vrrp.events import GroupDecided, MemberReport
from alived.vrrp.group_events import GroupChanged, GroupEffect, GroupReconfigured, MemberChanged, MoveMember
from alived.vrrp.sync_group import SyncGroup


class Groups:
    """The groups' cores. changed: told when a group has changed its state."""

    def __init__(
        self, routers: Mapping[str, VirtualRouter], feed: Feed, changed: Callable[[GroupChanged], None]
    ) -> None:
        self._routers, self._feed, self._changed = routers, feed, changed
        self._groups: dict[str, SyncGroup] = {}
        self._wanted: dict[str, VrrpSyncGroup] = {}
        self._tracking: dict[str, Tracking] = {}
        self._reports: collections.deque[MemberReport] = collections.deque()
        self._busy = False

    def configure(self, config: Config) -> None:
        """Takes the groups of a configuration. No group decides anything before `settle`: it shall not see a start or
        a reload in the middle, with some of its members on their way."""
        self._wanted = {group.vrrp.name: group.vrrp for group in config.sync_groups}
        self._tracking = {group.vrrp.name: group.tracking for group in config.sync_groups}
        self._busy = True

    def settle(self, now: int) -> None:
        """Each group hears at once of all that has happened to its members; those that are known keep their state."""
        reports, self._reports = self._reports, collections.deque()
        heard: dict[str, list[MemberChanged]] = {}
        for news in reports:
            if news.group in self._wanted and news.instance in self._wanted[news.group].members:
                heard.setdefault(news.group, []).append(_event(news))
        known, self._groups = self._groups, {}
        for name, wanted in self._wanted.items():
            self._groups[name] = known.get(name) or SyncGroup(wanted)
        for name, group in self._groups.items():
            if name in heard or group.config != self._wanted[name]:
                event = GroupReconfigured(self._wanted[name], tuple(heard.get(name, ())))
                self._carry_out(group.step(event, now), now)
        self._hear(now)

    def of(self, name: str) -> VrrpSyncGroup | None:
        return self._wanted.get(name)

    def tracking_of(self, name: str) -> Tracking:
        """Trackers that members of this group track because of it."""
        return self._tracking.get(name, Tracking())

    def report(self, report: MemberReport, now: int) -> None:
        """A member has news. Reports that the group's decision causes wait their turn: the group hears one after the
        other, each before the moves that follow from it are reported back."""
        self._reports.append(report)
        if not self._busy:
            self._busy = True
            self._hear(now)

    def _hear(self, now: int) -> None:
        try:
            while self._reports:
                news = self._reports.popleft()
                group = self._groups.get(news.group)
                if group and news.instance in group.config.members:  # else a reload has just taken it out
                    self._carry_out(group.step(_event(news), now), now)
        finally:
            self._busy = False

    def _carry_out(self, effects: list[GroupEffect], now: int) -> None:
        for effect in effects:
            match effect:
                case MoveMember(instance, state, reason):
                    if router := self._routers.get(instance):
                        self._feed(router, GroupDecided(state, reason), now)
                case GroupChanged():
                    self._changed(effect)

    def snapshots(self) -> tuple[GroupSnapshot, ...]:
        return tuple(
            GroupSnapshot(name=s.name, state=s.state, since_ns=s.since_ns, reason=s.reason, members=s.members)
            for s in (group.snapshot() for group in self._groups.values())
        )


def _event(news: MemberReport) -> MemberChanged:
    return MemberChanged(news.instance, news.state, news.wanted, news.priority, news.reason)
