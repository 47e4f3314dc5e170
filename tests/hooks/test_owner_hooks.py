"""Hooks of owners in the queue: order, what a failure means, and that the last state wins."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_S, DeadlineReached
from alived.hooks.config import Hook, HookEvent, NotifyScripts, OnFailure, Script
from alived.hooks.events import (
    Close,
    Drained,
    Facts,
    HookNoticed,
    HooksDone,
    HooksDue,
    KillScript,
    Kind,
    QueueEffect,
    RunScript,
    ScriptEnded,
    ScriptNotStarted,
    ScriptRan,
    StateReached,
    TerminateScript,
    Word,
)
from alived.hooks.line import MAX_RETRY_DELAY_NS, MAX_WAITING, pause_ns
from alived.hooks.queue import HookQueue
from alived.hooks.runs import KILL_GRACE_NS
from alived.hooks.tasks import takes

_numbers = itertools.count(1)


def hook(event: HookEvent, on_failure: OnFailure = OnFailure.ABORT, path: str = "", retries: int = 3) -> Hook:
    script = Script(argv=(path or f"/{event}",), timeout_ns=5 * NS_PER_S)
    return Hook(event=event, script=script, on_failure=on_failure, retries=retries)


def due(
    event: HookEvent,
    *hooks: Hook,
    name: str = "web",
    kind: Kind = Kind.RAFT,
    by_hand: bool = False,
    none: bool = False,
) -> HooksDue:
    """Of an event with one hook, if nothing else is said."""
    ours = () if none else hooks or (hook(event),)
    facts = Facts(reason="a reason")
    return HooksDue(
        kind=kind, name=name, event=event, event_id=f"e{next(_numbers)}", hooks=ours, facts=facts, by_hand=by_hand
    )


class Play:
    """A queue, what runs in it, and what it said."""

    def __init__(self, max_running: int = 64) -> None:
        self.queue = HookQueue(max_running)
        self.now = 0
        self.effects: list[QueueEffect] = []
        self.running: dict[int, RunScript] = {}
        self.last: Sequence[QueueEffect] = ()

    def step(self, event: object, now: int | None = None) -> list[str]:
        """The scripts that start."""
        self.now = self.now if now is None else now
        self.last = self.queue.step(event, self.now)  # type: ignore[arg-type]
        self.effects += self.last
        started = [effect for effect in self.last if isinstance(effect, RunScript)]
        self.running |= {effect.run: effect for effect in started}
        return [effect.script.argv[0] for effect in started]

    def end(self, status: int = 0, run: int | None = None) -> list[str]:
        """The oldest that runs."""
        run = min(self.running) if run is None else run
        del self.running[run]
        return self.step(ScriptEnded(run, status))

    def deadline(self) -> list[str]:
        assert self.queue.deadline_ns is not None
        return self.step(DeadlineReached(), self.queue.deadline_ns)

    @property
    def done(self) -> list[HooksDone]:
        return [effect for effect in self.effects if isinstance(effect, HooksDone)]

    @property
    def outcomes(self) -> list[tuple[str, bool, str]]:
        return [(str(one.event), one.ok, one.reason) for one in self.done]

    @property
    def notices(self) -> list[str]:
        """Of the last step."""
        return [f"{one.level}: {one.message}" for one in self.last if isinstance(one, HookNoticed)]


MASTER, SLAVE, READY, DESTROY = HookEvent.TO_MASTER, HookEvent.TO_SLAVE, HookEvent.TO_READY, HookEvent.TO_DESTROY
BEFORE_BIND, AFTER_BIND = HookEvent.BEFORE_BIND, HookEvent.AFTER_BIND


def test_an_event_runs_its_hook_and_is_answered() -> None:
    play = Play()
    event = due(MASTER)
    assert play.step(event) == ["/ToMaster"]
    assert play.outcomes == []
    assert play.end() == []
    assert play.notices == ["debug: ToMaster done (0 ms)"]
    assert play.done == [HooksDone(kind=Kind.RAFT, name="web", event=MASTER, event_id=event.event_id, ok=True)]
    assert play.queue.deadline_ns is None


def test_an_event_without_hooks_is_answered_at_once_even_behind_a_slow_one() -> None:
    play = Play()
    play.step(due(AFTER_BIND))
    assert play.step(due(MASTER, none=True)) == []
    assert play.outcomes == [("ToMaster", True, "")]


def test_events_of_an_object_come_one_after_the_other() -> None:
    play = Play()
    assert play.step(due(BEFORE_BIND)) == ["/before_bind"]
    assert play.step(due(AFTER_BIND)) == []
    assert play.step(due(MASTER)) == []
    assert play.queue.snapshot().waiting == 2
    assert play.end() == ["/after_bind"]
    assert play.end() == ["/ToMaster"]
    play.end()
    assert play.outcomes == [("before_bind", True, ""), ("after_bind", True, ""), ("ToMaster", True, "")]


def test_objects_and_notify_scripts_do_not_wait_for_each_other() -> None:
    play = Play(max_running=1)
    scripts = NotifyScripts(master=Script(argv=("/notify_master",)))
    assert play.step(StateReached(Kind.RAFT, "web", Word.MASTER, 1, "", scripts, 0)) == ["/notify_master"]
    assert play.step(due(MASTER)) == ["/ToMaster"], "a lane of its own"
    assert play.step(due(MASTER, name="db")) == []
    assert play.end(run=2) == ["/ToMaster"]


def test_several_hooks_of_an_event_run_in_their_order() -> None:
    play = Play()
    assert play.step(due(MASTER, hook(MASTER, path="/a"), hook(MASTER, path="/b"))) == ["/a"]
    assert play.end() == ["/b"]
    play.end()
    assert play.outcomes == [("ToMaster", True, "")]


def test_abort_stops_the_rest_and_is_not_ok() -> None:
    play = Play()
    play.step(due(MASTER, hook(MASTER, path="/a"), hook(MASTER, path="/b")))
    assert play.end(3) == []
    assert play.notices == ["error: ToMaster ended with status 3 (0 ms)"]
    assert play.outcomes == [("ToMaster", False, "ToMaster ended with status 3 (0 ms)")]


def test_continue_goes_on_and_is_ok() -> None:
    play = Play()
    play.step(due(MASTER, hook(MASTER, OnFailure.CONTINUE, "/a"), hook(MASTER, path="/b")))
    assert play.end(3) == ["/b"]
    assert play.notices == ["warning: ToMaster ended with status 3 (0 ms)"]
    play.end()
    assert play.outcomes == [("ToMaster", True, "")]


def test_retry_pauses_twice_as_long_each_time_then_aborts() -> None:
    play = Play()
    play.step(due(MASTER, hook(MASTER, OnFailure.RETRY, retries=2)))
    pauses = []
    for number in (1, 2):
        assert play.end(1) == []
        assert play.queue.deadline_ns is not None
        pauses.append(play.queue.deadline_ns - play.now)
        assert play.notices == [f"warning: ToMaster ended with status 1 (0 ms); again in {number} s ({number} of 2)"]
        assert play.deadline() == ["/ToMaster"]
    assert pauses == [NS_PER_S, 2 * NS_PER_S]
    play.end(1)
    assert play.outcomes == [("ToMaster", False, "ToMaster ended with status 1 (0 ms)")]
    assert [one.attempt for one in play.effects if isinstance(one, ScriptRan)] == [1, 2, 3]


def test_retry_that_succeeds_is_ok_and_the_next_hook_has_all_its_attempts() -> None:
    play = Play()
    ours = [hook(MASTER, OnFailure.RETRY, path, retries=1) for path in ("/a", "/b")]
    play.step(due(MASTER, *ours))
    play.end(1)
    assert play.deadline() == ["/a"]
    assert play.end() == ["/b"]
    play.end(1)
    assert play.deadline() == ["/b"]
    play.end()
    assert play.outcomes == [("ToMaster", True, "")]


def test_pauses_are_bounded() -> None:
    one = hook(MASTER, OnFailure.RETRY)
    assert pause_ns(one, 3) == 4 * NS_PER_S
    assert pause_ns(one, 100) == MAX_RETRY_DELAY_NS


def test_a_timeout_is_a_failure_even_if_it_then_ends_well() -> None:
    play = Play()
    play.step(due(MASTER))
    play.deadline()
    assert play.notices == ["warning: ToMaster takes longer than 5 s: SIGTERM"]
    play.end(0)
    assert play.outcomes == [("ToMaster", False, "ToMaster was ended, because it takes longer than 5 s (5000 ms)")]


def test_one_that_hangs_in_the_kernel_is_given_up_and_not_repeated() -> None:
    play = Play()
    play.step(due(SLAVE, hook(SLAVE, OnFailure.RETRY)))
    play.deadline()
    play.deadline()
    assert KillScript(1) in play.last
    play.deadline()
    assert play.notices == ["error: ToSlave does not even end by SIGKILL: given up"]
    assert play.outcomes == [("ToSlave", False, "ToSlave does not even end by SIGKILL: given up")]
    assert play.now == 5 * NS_PER_S + 2 * KILL_GRACE_NS
    play.end(-9)
    assert len(play.done) == 1, "its late end means nothing"


def test_one_that_only_sigkill_ends_has_ended_and_is_repeated() -> None:
    play = Play()
    play.step(due(MASTER, hook(MASTER, OnFailure.RETRY, retries=1)))
    play.deadline()
    play.deadline()
    play.end(-9)
    assert play.notices == [
        "warning: ToMaster was ended, because it takes longer than 5 s (7000 ms); again in 1 s (1 of 1)"
    ]
    assert [one.code for one in play.last if isinstance(one, HookNoticed)] == ["hook-failed"]
    assert play.deadline() == ["/ToMaster"]


def test_one_that_cannot_start_is_a_failure() -> None:
    play = Play()
    play.step(due(MASTER))
    play.step(ScriptNotStarted(1, "/m: No such file"))
    assert play.outcomes == [("ToMaster", False, "ToMaster could not be started: /m: No such file (0 ms)")]


# -- the last state wins --


def test_a_b_a_b_behind_a_slow_hook_runs_the_last_one_only() -> None:
    """A debounce that counts from the first change loses the last one; this one keeps it."""
    play = Play()
    play.step(due(SLAVE, path_hook := hook(SLAVE)))
    for event in (MASTER, SLAVE, MASTER, SLAVE):
        assert play.step(due(event, *(() if event is MASTER else (path_hook,)))) == []
    assert play.outcomes == [
        ("ToMaster", False, "superseded by ToSlave"),
        ("ToSlave", False, "superseded by ToMaster"),
        ("ToMaster", False, "superseded by ToSlave"),
    ]
    assert all(one.superseded for one in play.done)
    assert play.end() == ["/ToSlave"]
    play.end()
    assert play.outcomes[3:] == [("ToSlave", True, ""), ("ToSlave", True, "")]
    assert not play.done[-1].superseded


def test_what_is_left_out_is_said() -> None:
    play = Play()
    play.step(due(SLAVE))
    play.step(due(MASTER))
    play.step(due(SLAVE))
    assert play.notices == ["info: ToMaster is left out: it is superseded by ToSlave"]


def test_the_same_event_once_more_replaces_the_one_that_waits() -> None:
    play = Play()
    play.step(due(BEFORE_BIND))
    play.step(due(MASTER))
    play.step(due(MASTER))
    assert play.outcomes == [("ToMaster", False, "superseded by ToMaster")]
    assert play.end() == ["/ToMaster"]
    assert play.end() == []


def test_losing_ends_a_hook_that_takes() -> None:
    play = Play()
    play.step(due(MASTER))
    assert play.step(due(SLAVE)) == []
    assert TerminateScript(1) in play.last
    assert play.notices == ["warning: ToMaster is in the way of ToSlave: SIGTERM"]
    assert play.end(-15) == ["/ToSlave"]
    assert play.outcomes == [("ToMaster", False, "superseded by ToSlave")]
    assert play.done[0].superseded
    assert play.notices == []


def test_losing_waits_for_one_that_ignores_sigterm_no_longer_than_the_graces() -> None:
    play = Play()
    play.step(due(MASTER, hook(MASTER, OnFailure.RETRY)))
    play.step(due(SLAVE))
    play.deadline()
    assert KillScript(1) in play.last
    assert play.deadline() == ["/ToSlave"]
    assert play.now == 2 * KILL_GRACE_NS
    assert play.outcomes == [("ToMaster", False, "superseded by ToSlave")]


def test_a_hook_whose_time_is_over_is_signalled_once() -> None:
    play = Play()
    play.step(due(MASTER))
    play.deadline()
    play.step(due(SLAVE))
    assert not any(isinstance(effect, TerminateScript) for effect in play.last)
    assert play.end(-15) == ["/ToSlave"]
    assert play.outcomes == [("ToMaster", False, "superseded by ToSlave")]


def test_losing_without_a_hook_leaves_one_that_runs_alone() -> None:
    play = Play()
    play.step(due(MASTER))
    play.step(due(SLAVE, none=True))
    assert not any(isinstance(effect, TerminateScript) for effect in play.last)
    play.end()
    assert play.outcomes == [("ToSlave", True, ""), ("ToMaster", True, "")]


def test_taking_follows_one_that_lets_go() -> None:
    play = Play()
    play.step(due(SLAVE))
    assert play.step(due(BEFORE_BIND)) == []
    assert not any(isinstance(effect, TerminateScript) for effect in play.last)
    assert play.end() == ["/before_bind"]
    assert play.outcomes == [("ToSlave", True, "")]


def test_one_that_fails_is_not_repeated_when_a_newer_event_waits() -> None:
    play = Play()
    play.step(due(SLAVE, hook(SLAVE, OnFailure.RETRY)))
    play.step(due(MASTER))
    assert play.end(1) == ["/ToMaster"]
    assert play.notices == ["warning: ToSlave ended with status 1 (0 ms); superseded by ToMaster"]
    assert play.outcomes == [("ToSlave", False, "superseded by ToMaster")]
    assert play.done[0].superseded


def test_one_that_pauses_is_kept_for_what_only_follows_it() -> None:
    play = Play()
    play.step(due(AFTER_BIND, hook(AFTER_BIND, OnFailure.RETRY)))
    play.end(1)
    assert play.step(due(MASTER)) == []
    assert play.done == []
    assert play.deadline() == ["/after_bind"]
    assert play.end() == ["/ToMaster"]


def test_one_that_pauses_is_dropped_for_a_newer_event() -> None:
    play = Play()
    play.step(due(MASTER, hook(MASTER, OnFailure.RETRY)))
    play.end(1)
    assert play.step(due(SLAVE)) == ["/ToSlave"], "no pause is waited for"
    assert play.outcomes == [("ToMaster", False, "superseded by ToSlave")]
    assert play.queue.deadline_ns == play.now + 5 * NS_PER_S


def test_one_that_may_not_start_yet_is_dropped_for_a_newer_event() -> None:
    play = Play(max_running=1)
    play.step(due(MASTER, name="db"))
    assert play.step(due(MASTER)) == []
    assert play.step(due(SLAVE)) == []
    assert play.outcomes == [("ToMaster", False, "superseded by ToSlave")]
    assert play.end() == ["/ToSlave"]


def test_dropping_for_an_event_without_hooks_forgets_the_object() -> None:
    play = Play(max_running=1)
    play.step(due(MASTER, name="db"))
    play.step(due(MASTER))
    play.step(due(SLAVE, none=True))
    assert play.outcomes == [("ToMaster", False, "superseded by ToSlave"), ("ToSlave", True, "")]
    assert play.end() == []
    play.step(Close())
    assert play.last == [Drained()]


# -- by hand --


def test_by_hand_runs_once_behind_the_others_and_makes_nothing_stale() -> None:
    play = Play()
    play.step(due(MASTER))
    assert play.step(due(SLAVE, hook(SLAVE, OnFailure.RETRY), by_hand=True)) == []
    assert not any(isinstance(effect, TerminateScript) for effect in play.last)
    assert play.end() == ["/ToSlave"]
    assert play.end(4) == []
    assert play.outcomes[1:] == [("ToSlave", False, "ToSlave ended with status 4 (0 ms)")]
    ran = [one for one in play.effects if isinstance(one, ScriptRan)]
    assert [one.by_hand for one in ran] == [False, True]


def test_by_hand_is_stale_like_any_other() -> None:
    play = Play()
    play.step(due(MASTER, by_hand=True))
    play.step(due(SLAVE))
    assert TerminateScript(1) in play.last


def test_by_hand_has_a_bound() -> None:
    play = Play()
    play.step(due(SLAVE))
    for _ in range(MAX_WAITING):
        play.step(due(SLAVE, by_hand=True))
    assert play.outcomes == []
    play.step(due(SLAVE, by_hand=True))
    assert play.outcomes == [("ToSlave", False, "16 others wait for a slow script already")]
    play.step(due(BEFORE_BIND))
    assert [one.superseded for one in play.done[1:]] == [True] * MAX_WAITING


# -- the end --


def test_destroy_comes_last_of_all() -> None:
    play = Play()
    play.step(due(SLAVE))
    play.step(due(MASTER, name="db"))
    assert play.step(due(DESTROY, name="", kind=Kind.DAEMON)) == []
    assert play.step(Close()) == []
    assert play.end() == []
    assert play.end() == ["/ToDestroy"]
    play.end()
    assert play.last[-1] == Drained()
    assert [one.event for one in play.done] == [SLAVE, MASTER, DESTROY]


def test_destroy_of_an_idle_daemon_waits_for_the_close_only() -> None:
    play = Play()
    assert play.step(due(DESTROY, name="", kind=Kind.DAEMON)) == []
    assert play.step(Close()) == ["/ToDestroy"]
    play.end()
    assert play.last[-1] == Drained()


def test_destroy_that_is_due_twice_runs_once() -> None:
    play = Play()
    for _ in range(2):
        play.step(due(DESTROY, name="", kind=Kind.DAEMON))
    assert play.outcomes == [("ToDestroy", False, "superseded by ToDestroy")]
    assert play.step(Close()) == ["/ToDestroy"]
    play.end()
    assert play.last[-1] == Drained()


def test_destroy_ends_a_ready_hook_that_still_runs() -> None:
    play = Play()
    play.step(due(READY, name="", kind=Kind.DAEMON))
    play.step(due(DESTROY, name="", kind=Kind.DAEMON))
    assert TerminateScript(1) in play.last
    play.step(Close())
    assert play.end(-15) == ["/ToDestroy"]


def test_destroy_by_hand_waits_for_nobody_else() -> None:
    play = Play()
    play.step(due(SLAVE))
    assert play.step(due(DESTROY, name="", kind=Kind.DAEMON, by_hand=True)) == ["/ToDestroy"]


def test_drained_is_said_once() -> None:
    play = Play()
    play.step(due(SLAVE))
    play.step(Close())
    for _ in range(3):
        play.deadline()
    assert play.last[-1] == Drained()
    play.end(-9)
    assert play.last == []


# -- records --


def test_a_run_is_recorded() -> None:
    play = Play()
    event = due(MASTER)
    play.step(event, 1000)
    play.now = 1000 + NS_PER_S
    play.end(2)
    assert [one for one in play.effects if isinstance(one, ScriptRan)] == [
        ScriptRan(
            run=1,
            kind=Kind.RAFT,
            name="web",
            label="ToMaster",
            program="/ToMaster",
            event_id=event.event_id,
            trigger="a reason",
            by_hand=False,
            attempt=1,
            since_ns=1000,
            duration_ns=NS_PER_S,
            status=2,
            failure="ended with status 2",
        )
    ]


EVENTS = st.sampled_from([BEFORE_BIND, AFTER_BIND, MASTER, HookEvent.BEFORE_UNBIND, HookEvent.AFTER_UNBIND, SLAVE])
STEPS = st.one_of(
    st.tuples(st.just("due"), st.sampled_from(["a", "b"]), EVENTS, st.sampled_from(OnFailure), st.booleans()),
    st.tuples(st.just("end"), st.integers(0, 5), st.sampled_from([0, 1])),
    st.tuples(st.just("time")),
)


@given(steps=st.lists(STEPS, max_size=60), max_running=st.integers(1, 2))
def test_whatever_happens_each_event_has_one_answer_and_the_last_one_runs(
    steps: list[tuple[object, ...]], max_running: int
) -> None:
    play = Play(max_running)
    asked: dict[str, HooksDue] = {}
    newest: dict[str, HooksDue] = {}
    started: dict[str, list[str]] = {"a": [], "b": []}

    def watch() -> None:
        running = [one.name for one in play.running.values()]
        assert len(running) == len(set(running)) <= max_running, "one at a time for each object"
        for effect in play.last:
            if isinstance(effect, RunScript):
                started[effect.name].append(effect.environment["ALIVED_EVENT_ID"])

    def give_up_of(now: int) -> None:
        """What the queue has given up runs no longer, as far as it is concerned."""
        known = {one.run for one in play.last if isinstance(one, ScriptRan)}
        for run in known & play.running.keys():
            del play.running[run]

    for step in steps:
        match step:
            case ("due", str(name), HookEvent() as event, OnFailure() as on_failure, bool(none)):
                one = due(event, hook(event, on_failure, retries=1), name=name, none=none)
                asked[one.event_id] = one
                newest[name] = one
                play.step(one)
            case ("end", int(which), int(status)) if play.running:
                play.end(status, sorted(play.running)[which % len(play.running)])
            case ("time",) if play.queue.deadline_ns is not None:
                play.deadline()
                give_up_of(play.now)
            case _:
                continue
        watch()
    play.step(Close())
    watch()
    while play.running or play.queue.deadline_ns is not None:
        play.end() if play.running else play.deadline()
        watch()
    answers = [one.event_id for one in play.done]
    assert sorted(answers) == sorted(asked), "exactly one answer for each event"
    assert play.effects.count(Drained()) == 1
    for name, one in newest.items():
        assert not next(done for done in play.done if done.event_id == one.event_id).superseded
        assert not one.hooks or started[name][-1] == one.event_id, "the hook of the last event is the last that ran"
    for name in started:
        order = [int(event_id[1:]) for event_id in started[name]]
        assert order == sorted(order), "in the order in which they became due"


@pytest.mark.parametrize("event", HookEvent)
def test_each_event_is_on_the_way_to_owning_or_to_letting_go(event: HookEvent) -> None:
    assert takes(event) is (event in (READY, BEFORE_BIND, AFTER_BIND, MASTER))
