"""What the parent makes news of, and that no child's death loses any."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from alived.config.model import Config, GlobalDefs, Instance
from alived.daemon.parent.news_desk import NewsDesk
from alived.daemon.parent.unconfirmed import MAX_KEPT, Unconfirmed
from alived.daemon.shared.messages import (
    BusMessage,
    EngineSnapshot,
    GroupSnapshot,
    Happened,
    NewsDue,
    NewsTaken,
    ServerChanged,
    Transition,
)
from alived.hooks.config import NotifyScripts, Script
from alived.hooks.events import Kind, Word
from alived.lvs.daemon_config import LvsDefaults
from alived.notify.config import Fifo, Fifos
from alived.notify.news import News
from alived.owner import State
from alived.vip.config import VipGroup
from alived.vrrp.config import VrrpInstance
from alived.vrrp.instance import Instance as Core

PIPE = GlobalDefs(fifos=Fifos(all=Fifo(path="/run/x"), states_on_reload=True))


def instance(name: str = "VI", **more: Any) -> Instance:
    vrrp = VrrpInstance(name=name, interface="eth0", virtual_router_id=1)
    return Instance(vrrp=vrrp, vips=VipGroup(name=name), **more)


def change(
    new: State, old: State = State.BACKUP, name: str = "VI", *, deleted: bool = False, term: int = 0
) -> Transition:
    return Transition(
        kind="INSTANCE",
        name=name,
        old=old,
        new=new,
        priority=100,
        reason="a reason",
        evidence=(),
        time_ns=1,
        wall_time=2.0,
        deleted=deleted,
        term=term,
    )


class Play:
    def __init__(self, config: Config) -> None:
        self.sent: list[BusMessage] = []
        self.told: list[News] = []
        self.notes: list[tuple[str, str, str]] = []
        self.desk = NewsDesk("p", config, self.sent.append, self.told.append, lambda *note: self.notes.append(note))

    def words(self) -> list[Word]:
        return [message.news.word for message in self.sent if isinstance(message, NewsDue)]

    def changed(self, *arguments: Any, **more: Any) -> None:
        self.desk.changed(change(*arguments, **more))

    def happened(self, word: Word) -> None:
        self.desk.heard(
            Happened(kind=Kind.INSTANCE, name="VI", word=word, priority=90, reason="another reason", wall_time=3.0)
        )


def test_a_change_is_news_with_an_id_of_its_own() -> None:
    play = Play(Config(global_defs=PIPE, instances=(instance(),)))
    play.changed(State.MASTER, term=3)
    play.changed(State.FAULT, State.MASTER)
    first, second = (message for message in play.sent if isinstance(message, NewsDue))
    assert first.news == News(
        event_id="p-1",
        kind=Kind.INSTANCE,
        name="VI",
        word=Word.MASTER,
        old="BACKUP",
        new="MASTER",
        priority=100,
        term=3,
        reason="a reason",
        wall_time=2.0,
    )
    assert (second.news.event_id, second.news.word, second.number) == ("p-2", Word.FAULT, 2)


def test_nobody_who_wants_to_know_nothing_to_tell() -> None:
    play = Play(Config(instances=(instance(),)))
    play.changed(State.MASTER)
    play.happened(Word.MASTER_RX_LOWER_PRI)
    assert play.sent == []


def test_a_script_is_reason_enough_for_its_event_alone() -> None:
    scripts = NotifyScripts(master_rx_lower_pri=Script(argv=("/x",)))
    play = Play(Config(instances=(instance(notify=scripts),)))
    play.changed(State.MASTER)
    play.happened(Word.MASTER_RX_LOWER_PRI)
    assert play.words() == [Word.MASTER_RX_LOWER_PRI]


def test_priorities_are_told_of_those_that_say_so() -> None:
    play = Play(Config(global_defs=PIPE, instances=(instance(),)))
    play.happened(Word.BACKUP_PRIORITY)
    assert play.words() == []
    play.desk.configure(Config(global_defs=PIPE, instances=(instance(notify_priority_changes=True),)))
    play.happened(Word.BACKUP_PRIORITY)
    assert play.words() == [Word.BACKUP_PRIORITY]


def test_a_deleted_instance_is_told_as_keepalived_does() -> None:
    """FAULT, and nothing if it was in FAULT; with notify_deleted DELETED, always."""
    play = Play(Config(global_defs=PIPE, instances=(instance(),)))
    play.changed(State.INIT, State.MASTER, deleted=True)
    play.changed(State.INIT, State.FAULT, deleted=True)
    assert play.words() == [Word.FAULT]
    play.desk.configure(Config(global_defs=PIPE, instances=(instance(notify=NotifyScripts(says_deleted=True)),)))
    play.desk.configure(Config(global_defs=PIPE))  # the reload that takes it away
    play.changed(State.INIT, State.FAULT, deleted=True)
    assert play.words() == [Word.FAULT, Word.DELETED]


def server_changed(up: bool, server: str = "[192.0.2.7]:tcp:80", *, at_start: bool = False) -> ServerChanged:
    return ServerChanged(
        kind=Kind.REAL_SERVER if server else Kind.VIRTUAL_SERVER,
        name="unique",
        server=server,
        virtual_server="[192.0.2.1]:tcp:80",
        up=up,
        reason="refused",
        time_ns=1,
        wall_time=2.0,
        at_start=at_start,
    )


def test_servers_and_quorums_are_news() -> None:
    play = Play(Config(global_defs=PIPE))
    play.desk.server_changed(server_changed(up=False))
    play.desk.server_changed(server_changed(up=True, server=""))
    real, virtual = play.told
    assert (real.kind, real.name, real.virtual_server) == ("RS", "[192.0.2.7]:tcp:80", "[192.0.2.1]:tcp:80")
    assert (real.word, real.new, real.reason, real.wall_time) == ("DOWN", "DOWN", "refused", 2.0)
    assert (virtual.kind, virtual.name, virtual.virtual_server) == ("VS", "[192.0.2.1]:tcp:80", "")
    assert play.words() == [Word.DOWN, Word.UP]


def test_what_is_up_from_the_start_is_for_pipes_only() -> None:
    play = Play(Config(global_defs=PIPE))
    play.desk.server_changed(server_changed(up=True, at_start=True))
    assert (play.words(), play.told) == ([Word.UP], [])


def test_a_check_that_turns_beside_its_server_is_for_receivers_only() -> None:
    play = Play(Config(global_defs=PIPE))
    play.desk.check_turned(server_changed(up=False))
    assert (play.words(), [news.of_check for news in play.told]) == ([], [True])
    defaults = msgspec.structs.replace(PIPE, lvs=LvsDefaults(no_checker_emails=True))
    quiet = Play(Config(global_defs=defaults))
    quiet.desk.check_turned(server_changed(up=False))
    assert (quiet.words(), quiet.told) == ([], [])


def test_what_the_worker_did_not_take_is_told_to_the_next_one() -> None:
    play = Play(Config(global_defs=PIPE, instances=(instance(),)))
    for new in (State.MASTER, State.BACKUP, State.FAULT):
        play.changed(new)
    play.desk.heard(NewsTaken(1))
    before = play.sent[1:]
    play.sent.clear()
    play.desk.worker_began()
    assert play.sent == before
    play.desk.heard(NewsTaken(3))
    play.sent.clear()
    play.desk.worker_began()
    assert play.sent == []


def test_a_worker_that_never_answers_costs_a_bounded_memory_and_its_successor_says_what_is_lost() -> None:
    play = Play(Config(global_defs=PIPE, instances=(instance(),)))
    for _ in range(MAX_KEPT + 5):
        play.changed(State.MASTER)
    play.desk.heard(NewsTaken(2))
    assert play.notes == [], "the worker may still take it"
    play.sent.clear()
    play.desk.worker_began()
    assert [message.number for message in play.sent if isinstance(message, NewsDue)] == list(range(6, MAX_KEPT + 6))
    said = "3 pieces of news are lost: no worker took them, and the parent keeps 1000"
    assert play.notes == [("error", "news-lost", said)]
    play.desk.worker_began()
    assert len(play.notes) == 1, "they are lost once"


def test_what_is_taken_late_is_not_lost() -> None:
    kept = Unconfirmed()
    for _ in range(MAX_KEPT + 5):
        kept.add(News(event_id="e", kind=Kind.INSTANCE, name="VI", word=Word.MASTER))
    kept.taken(9)
    assert [due.number for due in kept.for_successor("worker", pytest.fail)] == list(range(10, MAX_KEPT + 6))
    assert kept.lost == 0


def standing(name: str, state: State) -> Any:
    core = Core(VrrpInstance(name=name, interface="eth0", virtual_router_id=1))
    return msgspec.structs.replace(core.snapshot(), state=state, priority=77)


def test_after_a_reload_each_object_has_one_line_and_groups_come_first() -> None:
    play = Play(Config(global_defs=PIPE, instances=(instance(),)))
    play.desk.configure(Config(global_defs=PIPE, instances=(instance(),)))
    play.changed(State.FAULT, name="told")
    play.sent.clear()
    group = GroupSnapshot(name="G", state=State.MASTER, since_ns=0, reason="", members=())
    snapshot = EngineSnapshot(
        request_id=1,
        now_ns=1,
        instances=(standing("VI", State.BACKUP), standing("told", State.FAULT), standing("new", State.INIT)),
        vips=(),
        groups=(group,),
        receive_errors={},
        lateness_max_ns=0,
        scheduling="",
    )
    play.desk.reloaded(snapshot, 5.0)
    told = [message.news for message in play.sent if isinstance(message, NewsDue)]
    assert [(one.kind, one.name, one.word, one.priority) for one in told] == [
        (Kind.GROUP, "G", Word.MASTER, 0),
        (Kind.INSTANCE, "VI", Word.BACKUP, 77),
    ]
    assert all(one.repeated for one in told)


def test_a_reload_says_nothing_unless_it_shall() -> None:
    play = Play(Config(global_defs=GlobalDefs(fifos=Fifos(all=Fifo(path="/run/x")))))
    play.desk.reloaded(None, 5.0)
    assert play.sent == []
