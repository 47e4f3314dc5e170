"""Tracked scripts in the engine: verdicts go in, faults and priorities of the instances that track them come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alived.config import model
from alived.daemon.groups import Groups
from alived.daemon.messages import ScriptVerdict
from alived.daemon.reports import Reports
from alived.daemon.virtual_router import Feed, VirtualRouter
from alived.health.trackers_config import Tracked
from alived.vrrp.events import PriorityChanged, Startup
from alived.vrrp.tracking import Tracking


class Judgements:
    """What is known of tracked scripts, by name; it outlives reloads."""

    def __init__(self, routers: Mapping[str, VirtualRouter], groups: Groups, feed: Feed, reports: Reports) -> None:
        self._routers, self._groups, self._feed, self._reports = routers, groups, feed, reports
        self._verdicts: dict[str, ScriptVerdict] = {}

    def configure(self, config: model.Config) -> None:
        """Forgets scripts that are gone."""
        scripts = {script.name for script in config.vrrp_scripts}
        self._verdicts = {name: verdict for name, verdict in self._verdicts.items() if name in scripts}

    def add_to(self, tracking: Tracking, config: model.Instance) -> None:
        """What the instance and its group track."""
        for script in self._scripts_of(config):
            tracking.add_script(script.name, script.weight.value, script.weight.reverse)

    def judge(self, verdicts: Sequence[ScriptVerdict], now: int) -> None:
        """What is new, told to all that track it."""
        for verdict in verdicts:
            self._verdicts[verdict.name] = verdict
            for router in self._routers.values():
                for event in router.tracking.set_script(verdict.name, verdict.up, verdict.reason):
                    if isinstance(event, PriorityChanged):
                        self._reports.priority_changed(router.name, event.reason)
                    self._feed(router, event, now)
                if router.waits:
                    self.start(router, now)

    def tell(self, router: VirtualRouter, now: int) -> None:
        """What is known already, to an instance that is new or changed."""
        for script in self._scripts_of(router.config):
            if verdict := self._verdicts.get(script.name):
                for event in router.tracking.set_script(verdict.name, verdict.up, verdict.reason):
                    self._feed(router, event, now)

    def start(self, router: VirtualRouter, now: int) -> None:
        """An instance begins, unless it has to wait for the first result of a script. One that runs goes on running
        when a reload gives it a script: it is judged by its results, not by their absence."""
        waits_for = ", ".join(router.tracking.unanswered)
        router.waits = bool(waits_for)
        self._feed(router, Startup(f"waits for the first result of {waits_for}" if waits_for else ""), now)

    def _scripts_of(self, config: model.Instance) -> tuple[Tracked, ...]:
        return (*config.tracking.scripts, *self._groups.tracking_of(config.vrrp.sync_group).scripts)
