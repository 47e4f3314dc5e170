"""One tracked script, played by hand: its runs, its timeouts, its verdicts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_MS, NS_PER_S
from alived.health.script_events import (
    Judged,
    KillRun,
    ScriptDropped,
    ScriptNoticed,
    ScriptReconfigured,
    StartRun,
    TerminateRun,
)
from alived.health.script_tracker import phase_ns
from tests.health.playbook import Playbook, script


def test_it_runs_at_once_and_its_first_success_counts() -> None:
    play = Playbook(script(rise=3))
    assert play.at(0) == [StartRun(1)]
    assert play.tracker.snapshot().up is None
    assert play.ends(0) == [Judged(True, "script chk succeeded", news=True)]
    assert play.tracker.snapshot().up is True


def test_its_first_failure_counts_too() -> None:
    assert Playbook(script(fall=3)).results(1) == [Judged(False, "script chk failed: exit 1", news=True)]


def test_rise_and_fall() -> None:
    play = Playbook(script(rise=2, fall=3))
    assert play.results(0)
    assert play.results(1, 1) == []
    assert play.results(7) == [Judged(False, "script chk failed 3 times in a row: exit 7", news=True)]
    assert play.results(0) == []
    assert play.results(0) == [Judged(True, "script chk succeeded 2 times in a row", news=True)]


def test_init_fail_is_down_before_the_first_run_and_until_it_has_risen() -> None:
    play = Playbook(script(init_fail=True, rise=2))
    assert play.at(0) == [Judged(False, "script chk has not succeeded yet (init_fail)", news=True), StartRun(1)]
    assert play.ends(0) == []
    assert play.results(0) == [Judged(True, "script chk succeeded 2 times in a row", news=True)]


def test_a_signal_of_somebody_else_is_a_failure() -> None:
    assert Playbook(script()).results(-9) == [Judged(False, "script chk failed: killed by signal 9", news=True)]


def test_a_script_that_cannot_be_started_has_failed() -> None:
    play = Playbook(script(fall=2))
    play.results(0)
    play.at(1000)
    assert play.cannot_start("/chk: Permission denied") == []
    play.at(2000)
    reason = "script chk cannot be started: /chk: Permission denied, the 2. failure in a row"
    assert play.cannot_start("/chk: Permission denied") == [Judged(False, reason, news=True)]
    assert play.tracker.snapshot().exit_status is None


def test_a_run_that_we_lose_counts_as_nothing_and_begins_again_but_not_for_ever() -> None:
    play = Playbook(script())
    play.results(0)
    play.at(1000)
    assert play.cannot_start("its starter is gone", ours=True) == [StartRun(3)]
    assert play.ends(0) == []
    play.at(2000)
    assert play.cannot_start("its starter is gone", ours=True) == [StartRun(5)]
    reason = "script chk cannot be started: its starter is gone"
    assert play.cannot_start("its starter is gone", ours=True) == [Judged(False, reason, news=True)]


def test_a_run_that_is_lost_while_it_is_being_ended_has_failed_already() -> None:
    play = Playbook(script(timeout_ms=500))
    play.results(0)
    assert Judged(False, "script chk timed out after 0.5 s", news=True) in play.at(1500)
    assert play.cannot_start("its starter is gone", ours=True) == []
    assert play.at(2000) == [StartRun(3)]
    play.at(3000)
    assert play.cannot_start("its starter is gone", ours=True) == [StartRun(4)]


# -- time --


def test_runs_stay_on_their_grid_whatever_they_take() -> None:
    play = Playbook(script(100))
    for number in range(5):
        play.at(100 * number + 37)
        play.ends(0)
    assert play.starts_ms == [0, 100, 200, 300, 400]


def test_the_grids_of_many_scripts_are_apart() -> None:
    phases = sorted(phase_ns(number, 10 * NS_PER_S) for number in range(200))
    assert phases[0] == 0 and phases[-1] < NS_PER_S
    gaps = [later - earlier for earlier, later in itertools.pairwise([*phases, NS_PER_S])]
    assert min(gaps) > NS_PER_S / 500
    assert max(gaps) < NS_PER_S / 100
    assert all(phase_ns(number, 50) < 50 for number in range(200))


def test_after_the_first_run_and_after_another_command_it_goes_to_its_own_grid() -> None:
    play = Playbook(script(), phase_ns=300 * NS_PER_MS)
    play.results(0, 0)
    play.results(0, 0)
    assert play.starts_ms == [0, 1300, 2300, 3300]
    play.at(3500)
    play.feed(ScriptReconfigured(script(argv=("/other",))))
    play.results(0, 0, 0)
    assert play.starts_ms[4:] == [3500, 4800, 5800]


def test_a_pause_of_ours_is_not_made_up_for() -> None:
    play = Playbook(script(100))
    play.results(0)
    assert play.late(730) == [StartRun(2)]
    assert play.tracker.deadline_ns == 800 * NS_PER_MS


def test_an_interval_that_comes_during_a_run_is_counted_and_starts_nothing() -> None:
    play = Playbook(script(100, timeout_ms=1000))
    play.at(0)
    message = "script chk still runs after 0.1 s, longer than its interval: no second one is started"
    assert play.at(350) == [ScriptNoticed("warning", "script-overlap", message)]
    assert play.tracker.snapshot().overlaps == 3
    assert play.tracker.snapshot().running_since_ns == 0
    assert play.ends(0) == [Judged(True, "script chk succeeded", news=True)]
    assert play.at(400) == [StartRun(2)]


def test_that_it_is_slow_is_said_once_until_a_run_is_not() -> None:
    play = Playbook(script(100, timeout_ms=1000), known=True)
    said = []
    for took_ms in (150, 150, 50, 150):
        play.at(play.tracker.snapshot().next_run_ns // NS_PER_MS)
        effects = play.at(play.now_ms + took_ms)
        play.ends(0)
        said.append(any(isinstance(effect, ScriptNoticed) for effect in effects))
    assert said == [True, False, False, True]


def test_a_run_that_outlives_its_timeout_has_failed_at_that_moment() -> None:
    play = Playbook(script(timeout_ms=300))
    play.at(0)
    assert play.at(300) == [TerminateRun(1), Judged(False, "script chk timed out after 0.3 s", news=True)]
    assert play.ends(-15, "half a line") == []
    shown = play.tracker.snapshot()
    assert (shown.exit_status, shown.output, shown.last_result) == (-15, ("half a line",), "timed out after 0.3 s")
    assert play.at(1000) == [StartRun(2)]


def test_a_script_that_hangs_is_judged_once_an_interval() -> None:
    """A timeout as long as the interval, which is the default: the next run begins when the hanging one is gone."""
    play = Playbook(script(fall=3), known=True)
    play.at(0)
    for number in (1, 2):
        assert TerminateRun(number) in play.at(1000 * number + number)
        assert play.ends(-15) == [StartRun(number + 1)]
    assert play.at(3100)[-1] == Judged(False, "script chk timed out after 1 s, the 3. failure in a row", news=True)


def test_sigterm_then_sigkill_then_it_is_left_alone() -> None:
    play = Playbook(script(10_000, timeout_ms=1000))
    play.at(0)
    assert play.at(1000)[0] == TerminateRun(1)
    assert play.at(3000) == [KillRun(1)]
    message = "script chk does not even end by SIGKILL: it hangs in the kernel and cannot be run again"
    assert play.at(5000) == [ScriptNoticed("error", "script-wedged", message)]
    assert play.at(9000) == []


def test_a_run_that_cannot_be_ended_does_not_look_healthy() -> None:
    play = Playbook(script(fall=3, timeout_ms=500), known=True)
    play.at(0)
    effects = play.at(2600)
    assert Judged(False, "script chk hangs: it was to end 1.5 s ago, the 2. failure in a row", news=True) not in effects
    assert effects[-1] == KillRun(1)
    assert play.at(3000) == [
        Judged(False, "script chk hangs: it was to end 2.5 s ago, the 3. failure in a row", news=True)
    ]
    assert play.starts_ms == [0]
    assert play.ends(-9) == [StartRun(2)]


# -- a worker that goes on where another was --


def test_what_was_known_is_confirmed_by_the_first_result_that_agrees() -> None:
    play = Playbook(script(fall=3), known=True)
    assert play.results(1) == []
    assert play.results(0) == [Judged(True, "script chk succeeded", news=False)]
    assert play.results(0) == []


def test_init_fail_does_not_undo_what_was_known() -> None:
    play = Playbook(script(init_fail=True), known=True)
    assert play.at(0) == [StartRun(1)]
    assert play.ends(0) == [Judged(True, "script chk succeeded", news=False)]


# -- reloads --


def test_another_command_is_asked_at_once_and_the_verdict_stays_until_it_answers() -> None:
    play = Playbook(script())
    play.results(0)
    play.at(1000)
    play.now_ms = 1200
    assert play.feed(ScriptReconfigured(script(argv=("/new",)))) == [KillRun(2)]
    assert play.tracker.snapshot().up is True
    assert play.at(1200) == [StartRun(3)]
    assert play.ends(1, run=2) == []
    assert play.cannot_start("gone", run=2) == []
    assert play.ends(1) == [Judged(False, "script chk failed: exit 1", news=True)]


def test_another_interval_counts_from_now_and_lets_the_run_end() -> None:
    play = Playbook(script(60_000))
    play.at(0)
    play.now_ms = 500
    assert play.feed(ScriptReconfigured(script(1000, fall=2))) == []
    assert play.ends(0) == [Judged(True, "script chk succeeded", news=True)]
    assert play.at(1500) == [StartRun(2)]


def test_one_that_nobody_tracks_any_more_is_killed() -> None:
    play = Playbook(script())
    assert play.feed(ScriptDropped()) == []
    play.at(0)
    assert play.feed(ScriptDropped()) == [KillRun(1)]
    assert play.ends(0) == []


def test_what_is_shown() -> None:
    play = Playbook(script(rise=2, fall=3))
    play.at(0)
    play.at(12)
    play.ends(0, "one", "two")
    shown = play.tracker.snapshot()
    assert (shown.name, shown.up) == ("chk", True)
    assert (shown.last_success, shown.last_result, shown.exit_status) == (True, "exit 0", 0)
    assert (shown.output, shown.took_ns, shown.streak) == (("one", "two"), 12 * NS_PER_MS, 1)
    assert (shown.rise, shown.fall, shown.runs, shown.overlaps) == (2, 3, 1, 0)
    assert (shown.running_since_ns, shown.next_run_ns) == (None, 1000 * NS_PER_MS)


@pytest.mark.parametrize("interval_ms", [10, 1000])
@given(st.lists(st.tuples(st.integers(1, 3000), st.sampled_from(["wait", "end", "late"])), max_size=40))
def test_never_two_runs_and_always_a_future(interval_ms: int, story: list[tuple[int, str]]) -> None:
    play = Playbook(script(interval_ms))
    running: set[int] = set()

    def watch(effects: object) -> None:
        assert isinstance(effects, list)
        for effect in effects:
            if isinstance(effect, StartRun):
                assert not running
                running.add(effect.run)

    for wait_ms, what in story:
        if what == "late":
            play.now_ms += wait_ms
            watch(play.late(play.now_ms))
        else:
            watch(play.at(play.now_ms + wait_ms))
        if what == "end" and running:
            run = running.pop()
            watch(play.ends(0, run=run))
        assert play.tracker.deadline_ns > play.now_ms * NS_PER_MS or what == "end"
