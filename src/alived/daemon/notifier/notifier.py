"""The notifier: the process that talks to mail servers and webhooks. It has no privilege, and may hang and die freely.

Everything in it is slow and somebody else's: names, receivers, the disk that keeps what they did not take. So it is no
part of the worker, which checks services. What the parent tells is confirmed when it is on disk.
"""

from __future__ import annotations

import collections
import functools
import os
from collections.abc import Callable

from alived.adapters.loop import now_ns
from alived.adapters.probes import Prober
from alived.adapters.spool import Spool
from alived.base import NS_PER_S
from alived.config.model import Config
from alived.config.services.names import named_services
from alived.daemon.notifier.carriers import carriers
from alived.daemon.notifier.target import Target
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import (
    BusMessage,
    Configure,
    Configured,
    NewsDue,
    NewsTaken,
    NotifierSnapshot,
    NotifyTest,
    NotifyTested,
    SnapshotRequest,
)
from alived.hooks.events import Kind, Word
from alived.lvs.names import server_name
from alived.notify.config import MAIL
from alived.notify.news import News
from alived.notify.outbox_events import Outcome, Reply

FAREWELL_NS = 2 * NS_PER_S
"""How long the end waits for what was never tried: that all has stopped is news, too."""


class Notifier:
    """directory: where the spool is if the configuration does not say it."""

    def __init__(self, context: ChildContext, directory: str) -> None:
        self._context = context
        self._directory = directory
        self._prober = Prober(context.loop)
        self._targets: dict[str, Target] = {}
        self._config = context.config
        self._alerts: dict[tuple[str, str, str], bool] = {}
        """By object, also of those that a reload deleted: that is news, too"""
        self._due: collections.deque[NewsDue] = collections.deque()
        """Not confirmed yet"""

    def start(self) -> None:
        self._configure(self._config)

    def handle(self, message: BusMessage) -> None:
        match message:
            case NewsDue():
                self._due.append(message)
                self._tell(message.news)
                self._confirm()
            case Configure(config):
                self._configure(config)
                self._context.send(Configured(changes=()))
            case SnapshotRequest(request_id):
                targets = tuple(target.snapshot() for target in self._targets.values())
                self._context.send(NotifierSnapshot(request_id=request_id, now_ns=now_ns(), targets=targets))
            case NotifyTest():
                self._test(message)
            case _:
                raise AssertionError(f"the notifier does not expect {type(message).__name__}")

    def stop(self, done: Callable[[], None]) -> None:
        """What was tried in vain stays on disk for the next daemon."""
        waiting = set(self._targets)
        timer = self._context.loop.call_later(FAREWELL_NS, lambda: end())

        def end() -> None:
            timer.cancel()
            waiting.clear()
            for target in self._targets.values():
                target.close()
            self._prober.close()
            done()

        def idle(name: str) -> None:
            if name in waiting:
                waiting.discard(name)
                if not waiting:
                    end()

        for name, target in list(self._targets.items()):
            target.when_idle(functools.partial(idle, name))
        if not self._targets:
            end()

    def _configure(self, config: Config) -> None:
        self._config = config
        self._alerts |= alerts(config)
        wanted = carriers(config)
        spool = config.notifications.spool or os.path.join(self._directory, "spool")
        for name in [name for name in self._targets if name not in wanted]:
            self._targets.pop(name).close()
        for name, carrier in wanted.items():
            if name in self._targets:
                self._targets[name].change(carrier)
            else:
                target = Target(self._context, carrier, Spool(os.path.join(spool, name)), self._prober, self._confirm)
                self._targets[name] = target
                target.begin()

    def _tell(self, news: News) -> None:
        for name, target in self._targets.items():
            if target.carrier.wants(news) and (name != MAIL or self._wants_mail(news)):
                target.take(news)

    def _confirm(self) -> None:
        """What would survive this process, in order: it is on disk for those who have not heard of it."""
        number = 0
        while self._due and not any(one.is_at_risk(self._due[0].news.event_id) for one in self._targets.values()):
            number = self._due.popleft().number
        if number:
            self._context.send(NewsTaken(number))

    def _wants_mail(self, news: News) -> bool:
        if news.word is Word.FAULT and self._config.global_defs.mail.no_email_faults:
            return False
        return self._alerts.get((news.kind, news.name, news.virtual_server), False)

    def _test(self, test: NotifyTest) -> None:
        def tested(outcome: Outcome) -> None:
            ok = outcome.reply is Reply.TAKEN
            self._context.send(NotifyTested(request_id=test.request_id, ok=ok, text=outcome.text))

        target = self._targets.get(test.name)
        if target is None:
            there = ", ".join(self._targets)
            tested(Outcome(Reply.REFUSED, f"there is no {test.name!r}; there are {there}"))
        else:
            target.try_now(test.news, tested)


def alerts(config: Config) -> dict[tuple[str, str, str], bool]:
    """`smtp_alert` of objects, as completed from the defaults, by kind, name, and of real servers their virtual one."""
    found = {(str(Kind.INSTANCE), one.vrrp.name, ""): one.smtp_alert for one in config.instances}
    found |= {(str(Kind.GROUP), one.vrrp.name, ""): one.smtp_alert for one in config.sync_groups}
    found |= {(str(Kind.RAFT), one.raft.name, ""): config.global_defs.mail.of_raft_groups for one in config.raft_groups}
    for named in named_services(config).values():
        found[str(Kind.VIRTUAL_SERVER), named.name, ""] = named.service.smtp_alert
        for one in named.service.pool:
            server = server_name(one.server.endpoint, named.service.virtual_server.protocol)
            found[str(Kind.REAL_SERVER), server, named.name] = one.smtp_alert
    return found
