"""Sync groups in the engine: reports of members go in, decisions come back as events of the members."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping

from alived.config.model import Config
from alived.daemon.messages import GroupSnapshot
from alived.daemon.virtual_router import Feed, VirtualRouter
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
        self._reports: collections.deque[MemberReport] = collections.deque()
        self._busy = False

    def configure(self, config: Config, now: int) -> None:
        """Takes the groups of a configuration; those that are known keep their state."""
        known, self._groups = self._groups, {}
        for wanted in config.sync_groups:
            group = known.get(wanted.vrrp.name)
            if group is None:
                group = SyncGroup(wanted.vrrp)
            elif group.config != wanted.vrrp:
                self._carry_out(group.step(GroupReconfigured(wanted.vrrp), now), now)
            self._groups[wanted.vrrp.name] = group

    def of(self, name: str) -> SyncGroup | None:
        return self._groups.get(name)

    def report(self, report: MemberReport, now: int) -> None:
        """A member has news. Reports that the group's decision causes wait their turn: the group hears one after the
        other, each before the moves that follow from it are reported back."""
        self._reports.append(report)
        if self._busy:
            return
        self._busy = True
        try:
            while self._reports:
                news = self._reports.popleft()
                group = self._groups.get(news.group)
                if group and news.instance in group.config.members:  # else a reload has just taken it out
                    event = MemberChanged(news.instance, news.state, news.wanted, news.priority, news.reason)
                    self._carry_out(group.step(event, now), now)
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
