"""What the engine consists of, put together: instances, groups elected by Raft, their addresses, the machine, and time.

Each part says in its own file which effect becomes which event there; here they get to know each other, and what
concerns several of them is said to all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alived.adapters.loop import now_ns
from alived.adapters.netlink import Requests
from alived.config import model
from alived.daemon.engine.fence import Fence
from alived.daemon.engine.holders import Holders
from alived.daemon.engine.instances import Instances
from alived.daemon.engine.keeper import Keeper
from alived.daemon.engine.owned_groups import OwnedGroups
from alived.daemon.engine.ports import Ports
from alived.daemon.engine.reports import Reports
from alived.daemon.engine.virtual_router import VirtualRouter
from alived.daemon.shared import hook_facts
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.deadlines import Deadlines
from alived.daemon.shared.messages import HookOutcome, TrackerVerdict
from alived.hooks.events import Kind
from alived.vip.events import VipSnapshot
from alived.vrrp.events import InstanceEvent


class Wiring:
    """The parts by their names."""

    def __init__(self, context: ChildContext) -> None:
        loop, requests, reports = context.loop, Requests(), Reports(context)
        self._deadlines = Deadlines(loop, self._flush)
        self.holders = Holders(loop, requests, self._deadlines, reports, self._flush)
        self.ports = Ports(
            loop,
            self.holders.links,
            feed=self._feed,
            changed=lambda router: self._deadlines.changed(router.entry),
            notice=reports.notice,
        )
        awaits_ready = hook_facts.awaits_ready(context.config)
        self.instances = Instances(
            loop, requests, self._deadlines, self.holders, self.ports, reports, awaits_ready=awaits_ready
        )
        self.owned_groups = OwnedGroups(
            context, self._deadlines, self.holders, reports, Fence(context.lease_key, reports)
        )

    def _feed(self, router: VirtualRouter, event: InstanceEvent, now: int) -> None:
        self.instances.feed(router, event, now)

    def _flush(self) -> None:
        self.ports.flush()

    def start(self) -> None:
        """Looks at the machine; instances can be added from now on."""
        self.holders.machine.start()

    def begin(self, config: model.Config) -> None:
        """Instances and groups will be added, changed or removed so that this configuration holds; then `settle`."""
        self.instances.begin(config)
        self.owned_groups.begin(config)
        self.holders.begin(config.link_delays)

    def settle(self, now: int) -> None:
        """All that `begin` announced has been done."""
        self.instances.settle(now)
        self.holders.settle(now)
        self.owned_groups.settle(now)
        self.ports.flush()

    def judge(self, verdicts: Sequence[TrackerVerdict]) -> None:
        """The parent passes on what is new, and to an engine that has just begun all that is known."""
        now = now_ns()
        self.instances.judge(verdicts, now)
        self.owned_groups.judge(verdicts, now)
        self.ports.flush()

    def hook_ended(self, outcome: HookOutcome) -> None:
        """One that newer hooks have made superfluous says nothing, and nobody waits for it any more."""
        if outcome.superseded:
            return
        now = now_ns()
        match outcome.kind:
            case Kind.RAFT:
                self.owned_groups.hook_ended(outcome, now)
            case Kind.DAEMON:
                self.instances.ready_ended(now)
                self.owned_groups.ready_ended(now)
                self.ports.flush()
            case _:
                self.instances.hook_ended(outcome, now)

    def shut_down(self) -> None:
        """Stops all instances and groups."""
        now = now_ns()
        self.instances.shut_down(now)
        self.owned_groups.shut_down(now)

    def finish(self) -> None:
        """Everything has stopped: undoes what was made for it, and looks no more whether something is missing."""
        if any(keeper.when_empty for keeper in self._keepers()):
            self.holders.machine.catch_up()  # addresses are gone, and somebody has hooks for that
        self.holders.machine.close()
        self.instances.finish()
        self.owned_groups.finish()

    def vips(self) -> tuple[VipSnapshot, ...]:
        return tuple(keeper.holder.snapshot() for keeper in self._keepers())

    def _keepers(self) -> Iterator[Keeper]:
        yield from (router.keeper for router in self.instances.routers.values())
        yield from (group.keeper for group in self.owned_groups.groups.values())
