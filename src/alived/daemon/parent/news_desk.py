"""The parent makes news of what the engine and the worker say, and passes it to those who tell others.

Each piece of news has an id for good, so that one that is told twice, because a child died in the middle, can be
recognised. The worker writes pipes and runs the scripts of what is no change of state.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import msgspec

from alived.config.model import Config
from alived.daemon.parent.unconfirmed import Note, Unconfirmed
from alived.daemon.shared.messages import BusMessage, EngineSnapshot, Happened, NewsTaken, ServerChanged, Transition
from alived.daemon.shared.told import WORDS, is_old_news, notify_scripts
from alived.hooks.config import NotifyScripts
from alived.hooks.events import Kind, Word
from alived.hooks.tasks import reported
from alived.notify.news import News
from alived.notify.pipe_lines import fifos_of
from alived.owner import State

_OF_PRIORITY = (Word.MASTER_PRIORITY, Word.BACKUP_PRIORITY)
Tell = Callable[[BusMessage], None]


class NewsDesk:
    def __init__(
        self, prefix: str, config: Config, to_worker: Tell, to_notifier: Callable[[News], None], note: Note
    ) -> None:
        """prefix: of event ids, another one after each start of the daemon."""
        self._ids = (f"{prefix}-{number}" for number in itertools.count(1))
        self._to_worker, self._to_notifier = to_worker, to_notifier
        self._note = note
        self._for_worker = Unconfirmed()
        self._config = config
        self._scripts = notify_scripts(config)
        self._changed: set[tuple[str, str]] = set()
        """Objects that changed since the last reload began"""

    def configure(self, config: Config) -> None:
        """Objects that it lacks still have their last news to come."""
        self._config = config
        self._scripts |= notify_scripts(config)
        self._changed.clear()

    def changed(self, change: Transition) -> None:
        self._changed.add((change.kind, change.name))
        scripts = self._scripts.get((change.kind, change.name), NotifyScripts())
        if is_old_news(change, scripts):
            return
        word = reported(Word.DELETED if change.deleted else WORDS[change.new], scripts)
        self._tell(
            News(
                event_id=next(self._ids),
                kind=Kind(change.kind),
                name=change.name,
                word=word,
                old=change.old,
                new=change.new,
                priority=change.priority,
                term=change.term,
                reason=change.reason,
                wall_time=change.wall_time,
            )
        )

    def server_changed(self, change: ServerChanged) -> None:
        self._tell(self._of_server(change))

    def check_turned(self, change: ServerChanged) -> None:
        """A check of a server that stays as it is: up or down."""
        if not self._config.global_defs.lvs.no_checker_emails:
            self._to_notifier(msgspec.structs.replace(self._of_server(change), of_check=True))

    def _of_server(self, change: ServerChanged) -> News:
        return News(
            event_id=next(self._ids),
            kind=change.kind,
            name=change.server or change.virtual_server,
            virtual_server=change.virtual_server if change.server else "",
            word=change.new,
            new=change.new,
            reason=change.reason,
            wall_time=change.wall_time,
            repeated=change.at_start,
        )

    def heard(self, message: Happened | NewsTaken) -> None:
        match message:
            case Happened():
                self._happened(message)
            case NewsTaken(number):
                self._for_worker.taken(number)

    def _happened(self, what: Happened) -> None:
        if what.word in _OF_PRIORITY and what.name not in self._with_priorities():
            return
        self._tell(
            News(
                event_id=next(self._ids),
                kind=what.kind,
                name=what.name,
                word=what.word,
                priority=what.priority,
                reason=what.reason,
                wall_time=what.wall_time,
            )
        )

    def reloaded(self, now: EngineSnapshot | None, wall_time: float) -> None:
        """`fifo_write_vrrp_states_on_reload`: what is so, groups first. now: None if the engine does not answer."""
        if not self._config.global_defs.fifos.states_on_reload or now is None:
            return
        for kind, name, state, priority, reason in _standing(now):
            if state is State.INIT or (kind, name) in self._changed:
                continue  # it has a line of its own, or will have one
            news = News(
                event_id=next(self._ids),
                kind=kind,
                name=name,
                word=WORDS[state],
                old=state,
                new=state,
                priority=priority,
                reason=reason,
                wall_time=wall_time,
                repeated=True,
            )
            self._tell(news)

    def worker_began(self) -> None:
        for due in self._for_worker.for_successor("worker", self._note):
            self._to_worker(due)

    def _tell(self, news: News) -> None:
        if not news.repeated:
            self._to_notifier(news)
        if self._is_for_worker(news):
            self._to_worker(self._for_worker.add(news))

    def _is_for_worker(self, news: News) -> bool:
        if any(fifos_of(self._config.global_defs.fifos)):
            return True
        scripts = self._scripts.get((news.kind, news.name), NotifyScripts())
        return news.word is Word.MASTER_RX_LOWER_PRI and scripts.master_rx_lower_pri is not None

    def _with_priorities(self) -> frozenset[str]:
        return frozenset(one.vrrp.name for one in self._config.instances if one.notify_priority_changes)


def _standing(snapshot: EngineSnapshot) -> Iterator[tuple[Kind, str, State, int, str]]:
    for group in snapshot.groups:
        yield Kind.GROUP, group.name, group.state, 0, group.reason
    for instance in snapshot.instances:
        yield Kind.INSTANCE, instance.name, instance.state, instance.priority, instance.reason
    for owned in snapshot.raft_groups:
        yield Kind.RAFT, owned.name, owned.state, owned.priority, owned.reason
