"""The hook queue, playbook style: events in, effects out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_S, DeadlineReached
from alived.hooks.config import NotifyScripts, Script
from alived.hooks.events import (
    Close,
    Drained,
    HookNoticed,
    KillScript,
    Kind,
    QueueEffect,
    QueueSnapshot,
    RunningSnapshot,
    RunScript,
    ScriptEnded,
    ScriptNotStarted,
    StateDone,
    StateReached,
    TerminateScript,
    Word,
)
from alived.hooks.line import MAX_WAITING
from alived.hooks.queue import HookQueue
from alived.hooks.runs import KILL_GRACE_NS

ALL = NotifyScripts(
    master=Script(argv=("/m",)),
    backup=Script(argv=("/b",)),
    fault=Script(argv=("/f",)),
    stop=Script(argv=("/s",)),
    deleted=Script(argv=("/d",)),
    says_deleted=True,
    notify=Script(argv=("/n", "own")),
)
STATES = (Word.MASTER, Word.BACKUP, Word.FAULT, Word.STOP, Word.DELETED)


def reached(
    word: Word, name: str = "VI_1", scripts: NotifyScripts = ALL, kind: Kind = Kind.INSTANCE, time_ns: int = 7
) -> StateReached:
    return StateReached(kind, name, word, 100, "a reason", scripts, time_ns)


def runs(effects: Sequence[QueueEffect]) -> list[tuple[str, ...]]:
    """The command lines that are started."""
    return [(*e.script.argv, *e.arguments) for e in effects if isinstance(e, RunScript)]


def notices(effects: Sequence[QueueEffect]) -> list[str]:
    return [e.message for e in effects if isinstance(e, HookNoticed)]


@pytest.mark.parametrize(
    ("word", "specific"),
    [(Word.MASTER, "/m"), (Word.BACKUP, "/b"), (Word.FAULT, "/f"), (Word.STOP, "/s"), (Word.DELETED, "/d")],
)
def test_the_specific_script_runs_before_the_generic_one(word: Word, specific: str) -> None:
    queue = HookQueue()
    assert runs(queue.step(reached(word), 0)) == [(specific,)]
    assert runs(queue.step(ScriptEnded(1, 0), 1)) == [("/n", "own", "INSTANCE", "VI_1", word, "100")]
    assert StateDone(Kind.INSTANCE, "VI_1", 7) in queue.step(ScriptEnded(2, 0), 2)
    assert queue.snapshot() == QueueSnapshot((), 0)


def test_a_group_is_named_as_such() -> None:
    queue = HookQueue()
    scripts = NotifyScripts(notify=Script(argv=("/n",)))
    effects = queue.step(reached(Word.MASTER, "VG_1", scripts, Kind.GROUP), 0)
    assert runs(effects) == [("/n", "GROUP", "VG_1", "MASTER", "100")]


def test_a_deleted_instance_without_notify_deleted_is_reported_as_fault() -> None:
    """keepalived.conf(5), notify_deleted."""
    queue = HookQueue()
    scripts = NotifyScripts(fault=Script(argv=("/f",)), notify=Script(argv=("/n",)))
    assert runs(queue.step(reached(Word.DELETED, scripts=scripts), 0)) == [("/f",)]
    assert runs(queue.step(ScriptEnded(1, 0), 0)) == [("/n", "INSTANCE", "VI_1", "FAULT", "100")]


def test_notify_deleted_without_a_command_still_says_deleted() -> None:
    queue = HookQueue()
    scripts = NotifyScripts(fault=Script(argv=("/f",)), says_deleted=True, notify=Script(argv=("/n",)))
    assert runs(queue.step(reached(Word.DELETED, scripts=scripts), 0)) == [("/n", "INSTANCE", "VI_1", "DELETED", "100")]


@pytest.mark.parametrize(
    ("word", "kind", "label"),
    [
        (Word.MASTER_RX_LOWER_PRI, Kind.INSTANCE, "notify_master_rx_lower_pri"),
        (Word.UP, Kind.REAL_SERVER, "notify_up"),
        (Word.DOWN, Kind.REAL_SERVER, "notify_down"),
        (Word.UP, Kind.VIRTUAL_SERVER, "quorum_up"),
        (Word.DOWN, Kind.VIRTUAL_SERVER, "quorum_down"),
    ],
)
def test_what_is_no_change_of_an_owner_has_only_its_own_script(word: Word, kind: Kind, label: str) -> None:
    one = Script(argv=("/x",))
    scripts = NotifyScripts(master_rx_lower_pri=one, up=one, down=one, notify=Script(argv=("/n",)))
    queue = HookQueue()
    (run,) = queue.step(reached(word, scripts=scripts, kind=kind), 0)
    assert isinstance(run, RunScript)
    assert (run.label, run.arguments) == (label, ())
    assert runs(queue.step(ScriptEnded(1, 0), 1)) == []


def test_the_environment_says_what_happened() -> None:
    (run,) = HookQueue().step(reached(Word.BACKUP), 0)
    assert isinstance(run, RunScript)
    assert (run.name, run.label) == ("VI_1", "notify_backup")
    assert run.environment == {
        "ALIVED_KIND": "INSTANCE",
        "ALIVED_NAME": "VI_1",
        "ALIVED_STATE": "BACKUP",
        "ALIVED_PRIORITY": "100",
        "ALIVED_REASON": "a reason",
    }


def test_servers_are_called_as_keepalived_calls_them() -> None:
    """Among all of its kind an object may have another name."""
    scripts = NotifyScripts(down=Script(argv=("/down",)))
    name = "[192.0.2.7]:tcp:80 of [192.0.2.1]:tcp:80"
    event = StateReached(
        Kind.REAL_SERVER, name, Word.DOWN, 0, "refused", scripts, 7, (("ALIVED_NAME", "[192.0.2.7]:tcp:80"),)
    )
    (run,) = HookQueue().step(event, 0)
    assert isinstance(run, RunScript)
    assert (run.name, run.label, run.arguments) == (name, "notify_down", ())
    assert (run.environment["ALIVED_NAME"], run.environment["ALIVED_STATE"]) == ("[192.0.2.7]:tcp:80", "DOWN")


def test_a_state_without_scripts_is_done_at_once() -> None:
    queue = HookQueue()
    assert queue.step(reached(Word.MASTER, scripts=NotifyScripts()), 0) == [StateDone(Kind.INSTANCE, "VI_1", 7)]
    assert queue.deadline_ns is None


def test_a_later_state_waits_for_the_scripts_of_the_earlier() -> None:
    """keepalived#996: concurrent scripts end in any order."""
    queue = HookQueue()
    queue.step(reached(Word.MASTER, time_ns=1), 0)
    assert runs(queue.step(reached(Word.BACKUP, time_ns=2), 1)) == []
    assert queue.snapshot() == QueueSnapshot((RunningSnapshot("VI_1", "notify_master", 0),), 1)
    queue.step(ScriptEnded(1, 0), 2)
    effects = queue.step(ScriptEnded(2, 0), 3)
    assert runs(effects) == [("/b",)]
    assert effects.index(StateDone(Kind.INSTANCE, "VI_1", 1)) < len(effects) - 1


def test_objects_do_not_wait_for_each_other() -> None:
    queue = HookQueue()
    assert runs(queue.step(reached(Word.MASTER, "VI_1"), 0)) == [("/m",)]
    assert runs(queue.step(reached(Word.MASTER, "VI_2"), 0)) == [("/m",)]
    assert runs(queue.step(reached(Word.MASTER, "VI_1", kind=Kind.GROUP), 0)) == [("/m",)]


def test_only_so_many_run_at_once_and_the_first_come_are_served_first() -> None:
    queue = HookQueue(max_running=2)
    for name in ("a", "b", "c", "d"):
        queue.step(reached(Word.MASTER, name), 0)
    started = [e.name for e in queue.step(ScriptEnded(1, 0), 1) if isinstance(e, RunScript)]
    assert started == ["c"], "a's generic script comes after those who waited before it"
    started = [e.name for e in queue.step(ScriptEnded(2, 0), 1) if isinstance(e, RunScript)]
    assert started == ["d"]
    started = [e.name for e in queue.step(ScriptEnded(3, 0), 1) if isinstance(e, RunScript)]
    assert started == ["a"]


def test_failures_are_said_and_do_not_stop_the_next_script() -> None:
    queue = HookQueue()
    queue.step(reached(Word.MASTER), 0)
    effects = queue.step(ScriptEnded(1, 3), NS_PER_S)
    assert notices(effects) == ["notify_master ended with status 3 (1000 ms)"]
    assert len(runs(effects)) == 1
    effects = queue.step(ScriptEnded(2, -9), NS_PER_S)
    assert notices(effects) == ["notify was killed by signal 9 (0 ms)"]


def test_a_script_that_cannot_start_is_a_failure() -> None:
    queue = HookQueue()
    queue.step(reached(Word.MASTER), 0)
    effects = queue.step(ScriptNotStarted(1, "/m: No such file"), 0)
    assert notices(effects) == ["notify_master could not be started: /m: No such file (0 ms)"]
    assert len(runs(effects)) == 1


def test_timeout_term_kill_and_giving_up() -> None:
    queue = HookQueue()
    scripts = NotifyScripts(master=Script(argv=("/m",), timeout_ns=5 * NS_PER_S))
    queue.step(reached(Word.MASTER, scripts=scripts), 0)
    queue.step(reached(Word.BACKUP, time_ns=8), 0)
    now = 5 * NS_PER_S
    assert queue.deadline_ns == now
    effects = queue.step(DeadlineReached(), now)
    assert TerminateScript(1) in effects
    assert notices(effects) == ["notify_master takes longer than 5 s: SIGTERM"]
    now += KILL_GRACE_NS
    assert queue.deadline_ns == now
    assert queue.step(DeadlineReached(), now) == [KillScript(1)]
    now += KILL_GRACE_NS
    effects = queue.step(DeadlineReached(), now)
    assert notices(effects) == ["notify_master does not even end by SIGKILL: given up"]
    assert runs(effects) == [("/b",)], "the next state is not lost with it"
    assert queue.step(ScriptEnded(1, -9), now) == [], "its late end means nothing any more"


def test_a_deadline_that_came_too_early_does_nothing() -> None:
    queue = HookQueue()
    queue.step(reached(Word.MASTER), 0)
    assert queue.step(DeadlineReached(), 1) == []


def test_a_pile_of_states_loses_its_oldest_and_never_its_newest() -> None:
    queue = HookQueue()
    queue.step(reached(Word.MASTER, time_ns=0), 0)
    for number in range(1, MAX_WAITING + 1):
        assert queue.step(reached(Word.BACKUP, time_ns=number), 0) == []
    effects = queue.step(reached(Word.FAULT, time_ns=99), 0)
    assert StateDone(Kind.INSTANCE, "VI_1", 1) in effects
    assert notices(effects) == [
        f"the scripts of BACKUP are left out: {MAX_WAITING} newer states wait for a slow script"
    ]
    assert queue.snapshot().waiting == MAX_WAITING


def test_close_waits_for_what_is_queued() -> None:
    queue = HookQueue()
    queue.step(reached(Word.STOP), 0)
    assert queue.step(Close(), 0) == []
    assert Drained() not in queue.step(ScriptEnded(1, 0), 0)
    assert queue.step(ScriptEnded(2, 0), 0)[-1] == Drained()


def test_close_of_an_idle_queue_is_done_at_once() -> None:
    assert HookQueue().step(Close(), 0) == [Drained()]


@given(
    words=st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(STATES)), max_size=MAX_WAITING),
    ends=st.lists(st.integers(0, 5), max_size=60),
    max_running=st.integers(1, 3),
)
def test_whatever_happens_one_at_a_time_in_order_and_all_done(
    words: list[tuple[str, Word]], ends: list[int], max_running: int
) -> None:
    queue = HookQueue(max_running)
    running: dict[int, str] = {}
    started: dict[str, list[tuple[int, str]]] = {}
    done: dict[str, list[int]] = {}

    def apply(effects: Sequence[QueueEffect]) -> None:
        for effect in effects:
            if isinstance(effect, RunScript):
                assert effect.name not in running.values(), "never two at a time for an object"
                running[effect.run] = effect.name
                started.setdefault(effect.name, []).append((effect.run, effect.label))
                assert len(running) <= max_running
            elif isinstance(effect, StateDone):
                done.setdefault(effect.name, []).append(effect.time_ns)

    def end_one(choice: int) -> None:
        run = sorted(running)[choice % len(running)]
        del running[run]
        apply(queue.step(ScriptEnded(run, 0), 0))

    choices = iter(ends)
    for time_ns, (name, word) in enumerate(words):
        apply(queue.step(reached(word, name, time_ns=time_ns), 0))
        if running and (choice := next(choices, None)) is not None:
            end_one(choice)
    while running:
        end_one(0)
    for name, times in done.items():
        assert times == sorted(times), "states of an object end in their order"
        assert times == [t for t, (n, _) in enumerate(words) if n == name], "each is reported exactly once"
        assert [label == "notify" for _, label in started[name]] == [False, True] * (len(started[name]) // 2)
    assert set(done) == {name for name, _ in words}
    assert queue.step(Close(), 0) == [Drained()]
