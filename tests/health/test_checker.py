"""One check, played by hand, and keepalived's rules for it, quoted from notes on its source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_MS
from alived.health.check_events import (
    AbandonProbe,
    CheckDropped,
    CheckEffect,
    CheckJudged,
    CheckNoticed,
    CheckReconfigured,
    CheckSuspended,
    ProbedCheck,
    Sight,
    StartProbe,
)
from alived.health.checker import KEPT_RESULTS, PATIENCE
from alived.health.config import MiscCheck, SmtpCheck
from tests.health.check_playbook import FIELDS, Playbook, http, ms, tcp

UP = CheckJudged(True, "check web succeeded: connected", news=True)
DOWN = CheckJudged(False, "check web failed: refused", news=True)


def misc(**fields: object) -> MiscCheck:
    known = {"argv": ("/chk",), "warmup_ns": 0, "retry": 0} | ms(
        delay_loop=1000, delay_before_retry=100, misc_timeout=500
    )
    return MiscCheck(**known | fields)  # type: ignore[arg-type]


# -- one result after the other --


def test_the_first_success_is_a_verdict() -> None:
    play = Playbook(tcp(rise=3))
    assert play.at(0) == [StartProbe(1, 0)]
    assert play.checker.snapshot().up is None
    assert play.ends(True) == [UP]
    assert play.checker.snapshot().up is True


def test_one_failure_at_start_is_enough() -> None:
    """The very first run is special: the counter starts full, so one failure at start is enough to take c down."""
    assert Playbook(tcp(retry=3, fall=2)).results(False) == [DOWN]


def test_smtp_retries_at_start_as_well() -> None:
    """SMTP resets its counter at each regular run, so it retries at start as well."""
    times = ms(delay_loop=1000, delay_before_retry=100)
    play = Playbook(SmtpCheck(retry=1, **FIELDS | times))  # type: ignore[arg-type]
    assert play.results(False) == []
    assert play.results(False) == [CheckJudged(False, "check web failed 2 times in a row: refused", news=True)]


def test_the_first_run_of_any_check_may_retry_as_an_option() -> None:
    play = Playbook(tcp(first_run_retry=True, retry=2))
    assert play.again_after_ms(False) == 100
    assert play.results(True) == [UP]


def test_going_down_needs_retry_further_failures() -> None:
    """Going down needs `retry` further failures: run, fail, wait delay_before_retry, run ... ; after 1 + retry failures
    in a row c is down."""
    play = Playbook(tcp(retry=2))
    play.results(True)
    assert play.results(False, False) == []
    assert play.results(False) == [CheckJudged(False, "check web failed 3 times in a row: refused", news=True)]
    assert play.starts == [(0, 0), (1000, 0), (1100, 0), (1200, 0)]


def test_any_success_resets_the_count() -> None:
    """Any success resets the count."""
    play = Playbook(tcp(retry=2))
    assert play.results(True, False, False, True, False, False, True) == [UP]


def test_coming_up_needs_one_success() -> None:
    """Coming up needs one success (there is no rise for checkers)."""
    play = Playbook(tcp())
    assert play.results(False, True) == [DOWN, UP]


def test_what_is_down_is_not_retried() -> None:
    """A checker that is already down is not retried: it runs once per delay_loop."""
    play = Playbook(tcp(retry=5))
    assert [play.again_after_ms(False) for _ in range(3)] == [1000, 1000, 1000]


def test_http_that_is_down_waits_for_the_longer_of_its_delays() -> None:
    """(HTTP: max(delay_loop, delay_before_retry))"""
    assert Playbook(http("/", delay_before_retry=7000)).again_after_ms(False) == 7000
    assert Playbook(http("/", delay_before_retry=70)).again_after_ms(False) == 1000
    assert Playbook(tcp(delay_before_retry=7000)).again_after_ms(False) == 1000


def test_rise_and_fall_count_runs_with_all_their_tries() -> None:
    play = Playbook(tcp(rise=2, fall=2, retry=1))
    assert play.results(True, False, False, False) == [UP]
    down = CheckJudged(False, "check web failed 4 times in a row: refused", news=True)
    assert play.results(False) == [down]
    assert [moment for moment, _ in play.starts] == [0, 1000, 1100, 2100, 2200]
    assert play.results(True, False, True) == []
    assert play.results(True) == [CheckJudged(True, "check web succeeded 2 times in a row: connected", news=True)]


# -- times --


def test_the_first_run_is_somewhere_in_the_warm_up() -> None:
    """First run at a uniformly random time in [now, now+warmup]."""
    for share, moment in ((0.0, 0), (0.25, 1500), (1.0, 6000)):
        play = Playbook(tcp(warmup_ns=6000 * NS_PER_MS), share=share)
        play.next()
        assert play.starts == [(moment, 0)]


def test_delay_loop_counts_from_the_end_of_a_run() -> None:
    """Time between two regular runs, counted from the end of a run."""
    play = Playbook(tcp())
    assert play.again_after_ms(True, took=300) == 1000


def test_misc_counts_from_the_start() -> None:
    """Next start = last *start* + delay_loop (or delay_before_retry)."""
    play = Playbook(misc(retry=1), known=True)
    assert play.again_after_ms(True, took=300) == 700
    assert play.again_after_ms(False, took=30) == 70
    assert play.again_after_ms(True, took=2300) == 0


def test_a_grid_of_starts_does_not_drift() -> None:
    play = Playbook(tcp(start_to_start=True), share=0.25)
    for number in range(5):
        play.late((0, 250, 1250, 2250, 3250)[number] + 37 * number)
        play.ends(True, took=11)
    assert [moment for moment, _ in play.starts] == [0, 287, 1324, 2361, 3398]
    assert play.checker.deadline_ns == 4250 * NS_PER_MS


def test_a_pause_of_ours_is_not_made_up_for() -> None:
    play = Playbook(tcp(start_to_start=True))
    play.results(True)
    assert play.late(7300) == [StartProbe(2, 0)]
    play.ends(True)
    assert play.checker.deadline_ns == 8000 * NS_PER_MS


def test_checks_without_warm_up_spread_after_their_first_run() -> None:
    """They begin at once, all together, and stay apart from then on."""
    seconds = set()
    for share in (0.25, 0.5, 0.75):
        play = Playbook(tcp(start_to_start=True), share=share)
        play.results(True, True, True)
        assert play.starts[0] == (0, 0)
        assert play.starts[2][0] - play.starts[1][0] == 1000
        seconds.add(play.starts[1][0])
    assert seconds == {250, 500, 750}


def test_nothing_starts_while_a_probe_runs() -> None:
    play = Playbook(tcp(start_to_start=True))
    assert play.at(14_000) == [StartProbe(1, 0)]
    assert play.checker.deadline_ns is None
    assert play.checker.snapshot().next_run_ns is None
    assert play.checker.snapshot().running_since_ns == 0


# -- several URLs --


def test_a_run_is_all_urls_with_a_delay_loop_between() -> None:
    """URL 1 ok, wait delay_loop, URL 2 ok, wait ... ; the checker succeeds when the last is ok."""
    play = Playbook(http("/a", "/b"))
    assert play.results(True) == []
    assert play.results(True) == [UP]
    play.next()
    assert play.starts == [(0, 0), (1000, 1), (2000, 0)]


def test_a_failing_url_is_retried() -> None:
    """A failing URL is retried"""
    play = Playbook(http("/a", "/b", retry=1), known=True)
    assert play.results(True, False, True, True)
    assert play.starts == [(0, 0), (1000, 1), (1100, 1), (2100, 0)]


def test_the_first_pass_is_not_retried_at_any_url() -> None:
    play = Playbook(http("/a", "/b", retry=4))
    assert play.results(True, False) == [CheckJudged(False, "check web failed at /b: refused", news=True)]


def test_once_down_the_failed_url_is_tried_and_then_all() -> None:
    """once down, only the failed URL is tried, and when it works all are run again before the checker is up."""
    play = Playbook(http("/a", "/b", "/c", retry=0), known=True)
    assert play.results(True, False)[0] == CheckJudged(False, "check web failed at /b: refused", news=True)
    assert play.results(False, True, True, True) == []
    assert play.results(True) == [UP]
    assert [stage for _, stage in play.starts] == [0, 1, 1, 1, 0, 1, 2]


def test_a_url_that_fails_while_all_are_run_again_is_the_failed_one() -> None:
    play = Playbook(http("/a", "/b", retry=0), known=True)
    assert play.results(False, True, True, False, True, True) != []
    assert play.results(True) == [UP]
    assert [stage for _, stage in play.starts] == [0, 0, 0, 1, 1, 0, 1]
    assert {later - earlier for (earlier, _), (later, _) in zip(play.starts, play.starts[1:])} == {1000}


def test_a_run_that_fails_and_takes_nothing_down_goes_on_where_it_failed() -> None:
    play = Playbook(http("/a", "/b", retry=0, fall=2), known=True)
    play.results(True, False, True)
    play.next()
    assert [stage for _, stage in play.starts] == [0, 1, 1, 0]


def test_one_url_that_works_again_was_all_of_them() -> None:
    assert Playbook(http("/", retry=0), known=True).results(False, True) == [DOWN, UP]


def test_fast_recovery_does_not_wait_between_urls_until_it_is_up() -> None:
    """`fast_recovery`: no wait between URLs while not up and during the first pass."""
    play = Playbook(http("/a", "/b", retry=0, fast_recovery=True))
    play.results(True, True, True, False, True, True, True)
    assert play.starts == [(0, 0), (0, 1), (1000, 0), (2000, 1), (3000, 1), (3000, 0), (3000, 1)]


def test_a_url_that_still_fails_is_not_asked_without_a_pause() -> None:
    """keepalived does that with fast_recovery when a second URL fails."""
    play = Playbook(http("/a", "/b", retry=0, fast_recovery=True), known=False)
    assert not any(effect.news for effect in play.results(True, False, False) if isinstance(effect, CheckJudged))
    assert play.starts == [(0, 0), (0, 1), (1000, 1)]


# -- alpha, known verdicts --


def test_alpha_counts_as_failed_until_the_first_success() -> None:
    """On: c counts as failed until its first success."""
    play = Playbook(tcp(alpha=True))
    alpha = CheckJudged(False, "check web has not succeeded yet (alpha)", news=True, asked=False)
    assert play.at(0) == [alpha, StartProbe(1, 0)]
    assert play.ends(False) == [CheckJudged(False, "check web failed: refused", news=False)]
    play.next()
    assert play.ends(False) == []
    assert play.results(True) == [UP]


def test_alpha_is_said_before_the_warm_up_is_over() -> None:
    play = Playbook(tcp(alpha=True, warmup_ns=5000 * NS_PER_MS))
    assert play.checker.deadline_ns == 0
    assert len(play.at(0)) == 1
    assert play.checker.deadline_ns == 5000 * NS_PER_MS


@pytest.mark.parametrize("known", [True, False])
def test_a_known_verdict_holds_and_is_confirmed_once(known: bool) -> None:
    play = Playbook(tcp(retry=0, alpha=True), known=known)
    what = "succeeded: connected" if known else "failed: refused"
    assert play.results(known) == [CheckJudged(known, f"check web {what}", news=False)]
    assert play.results(known) == []
    assert play.checker.snapshot().since_ns is None


def test_a_new_worker_does_not_take_down_by_one_failure() -> None:
    play = Playbook(tcp(retry=1, fall=2), known=True)
    assert play.results(False, False, False) == []
    assert play.results(False)[0] == CheckJudged(False, "check web failed 4 times in a row: refused", news=True)


# -- no verdict --


def test_what_we_lack_ourselves_is_no_verdict() -> None:
    """A socket or bind error is no verdict: "Rescheduling" after delay_loop."""
    play = Playbook(tcp(retry=0))
    play.results(True)
    play.next()
    message = "check web could not ask, its verdict stays: no free port"
    assert play.undecided("no free port") == [CheckNoticed("warning", "check-undecided", message)]
    assert play.checker.snapshot().next_run_ns == 2000 * NS_PER_MS
    assert (play.checker.snapshot().up, play.checker.snapshot().undecided) == (True, "no free port")
    play.next()
    assert play.undecided("no free port") == []
    assert play.results(True) == []
    assert play.checker.snapshot().undecided == ""


def could_not_ask(play: Playbook, times: int) -> list[CheckEffect]:
    effects: list[CheckEffect] = []
    for _ in range(times):
        play.next()
        effects += play.undecided("no free port")
    return effects


def test_nothing_stays_green_that_cannot_be_asked() -> None:
    play = Playbook(tcp(rise=2), known=True, expires=True)
    could_not_ask(play, PATIENCE - 1)
    play.results(True)
    assert len(could_not_ask(play, PATIENCE - 1)) == 1
    down = CheckJudged(False, "check web could not ask 10 times in a row: no free port", news=True)
    assert could_not_ask(play, 3) == [down]
    assert play.results(True) == []
    assert play.results(True) == [CheckJudged(True, "check web succeeded 3 times in a row: connected", news=True)]


@pytest.mark.parametrize(("known", "expires"), [(True, False), (None, True), (False, True)])
def test_what_is_not_green_or_of_keepalived_stays_as_it_is(known: bool | None, expires: bool) -> None:
    play = Playbook(tcp(), known, expires=expires)
    assert [type(effect) for effect in could_not_ask(play, 3 * PATIENCE)] == [CheckNoticed]
    assert play.checker.snapshot().up is known


def test_undecided_answers_of_a_replaced_probe_say_nothing() -> None:
    play = Playbook(tcp())
    assert play.undecided("no socket", run=3) == []


# -- ha_suspend --


def test_while_it_is_suspended_nobody_is_asked_and_what_was_known_holds() -> None:
    """They re-arm every delay_loop and keep their last state."""
    play = Playbook(tcp())
    play.results(True)
    play.feed(CheckSuspended(True))
    assert play.at(5500) == []
    assert play.checker.snapshot().suspended
    assert play.checker.snapshot().up is True
    play.feed(CheckSuspended(False))
    assert play.at(5900) == []
    assert play.at(6900) == [StartProbe(2, 0)]


def test_a_probe_that_is_on_its_way_still_counts() -> None:
    play = Playbook(tcp(retry=0))
    play.next()
    play.feed(CheckSuspended(True))
    assert play.ends(False) == [CheckJudged(False, "check web failed: refused", news=True)]


# -- MISC: weights --


def test_misc_dynamic_changes_the_weight_and_says_so_once() -> None:
    """2..255 ok and weight = status - 2"""
    play = Playbook(misc(misc_dynamic=True))
    play.next()
    assert play.ends(True, "exit 12", weight=10) == [CheckJudged(True, "check web succeeded: exit 12", True, 10)]
    play.next()
    assert play.ends(True, "exit 12", weight=10) == []
    play.next()
    changed = CheckJudged(True, "check web succeeded 3 times in a row: exit 5", False, 3)
    assert play.ends(True, "exit 5", weight=3) == [changed]
    play.next()
    own = CheckJudged(True, "check web succeeded 4 times in a row: exit 0", False, None)
    assert play.ends(True, "exit 0") == [own]
    assert play.checker.snapshot().weight is None


def test_a_failure_says_nothing_about_the_weight() -> None:
    play = Playbook(misc(misc_dynamic=True, fall=2))
    play.next()
    play.ends(True, "exit 12", weight=10)
    play.next()
    assert play.ends(False, "exit 1") == []
    assert play.checker.snapshot().weight == 10


# -- the log --


def test_log_all_failures() -> None:
    """Else only the failure that takes c down is logged."""
    play = Playbook(tcp(retry=1, log_all_failures=True), known=True)
    noticed = CheckNoticed("info", "check-failure", "check web failed: refused")
    assert play.results(False) == [noticed]
    assert [type(effect) for effect in play.results(False, False)] == [CheckJudged, CheckNoticed]


# -- reloads --


def test_other_times_keep_the_verdict_the_probe_and_the_history() -> None:
    play = Playbook(tcp())
    play.results(True)
    play.next()
    assert play.feed(CheckReconfigured(tcp(delay_loop=300, fall=2))) == []
    assert play.ends(False) == []
    assert play.checker.snapshot().running_since_ns is None
    assert len(play.checker.snapshot().history) == 2


def test_a_shorter_delay_loop_counts_at_once() -> None:
    play = Playbook(tcp(60_000))
    play.results(True)
    play.feed(CheckReconfigured(tcp(300)))
    assert play.checker.snapshot().next_run_ns == 300 * NS_PER_MS


def test_another_question_is_asked_at_once_and_the_verdict_holds() -> None:
    """A failed one stays failed."""
    play = Playbook(http("/a", "/b", retry=0))
    play.results(True, False)
    play.next()
    assert play.feed(CheckReconfigured(http("/a", retry=0))) == [AbandonProbe(3)]
    assert play.ends(True, run=3) == []
    assert play.checker.snapshot().up is False
    assert play.at(play.now_ms) == [StartProbe(4, 0)]
    assert play.ends(True) == [UP]


def test_alpha_by_a_reload_concerns_only_what_has_no_verdict() -> None:
    play = Playbook(tcp())
    play.feed(CheckReconfigured(tcp(alpha=True)))
    assert play.at(0)[0] == CheckJudged(False, "check web has not succeeded yet (alpha)", news=True, asked=False)
    play.ends(True)
    play.feed(CheckReconfigured(tcp(alpha=True, connect_port=2)))
    assert play.checker.snapshot().up is True


def test_alpha_that_a_reload_takes_away_before_it_was_said() -> None:
    play = Playbook(tcp(alpha=True))
    play.feed(CheckReconfigured(tcp()))
    assert play.results(False) == [DOWN]


def test_a_dropped_check_abandons_its_probe() -> None:
    play = Playbook(tcp())
    assert play.feed(CheckDropped()) == []
    play.at(0)
    assert play.feed(CheckDropped()) == [AbandonProbe(1)]


# -- what it shows --


def test_the_snapshot_tells_all_of_it() -> None:
    play = Playbook(tcp(retry=2, rise=3, fall=4))
    play.next()
    play.ends(True, took=7)
    play.next()
    sight = Sight(exit_status=3, output=("out of memory",), certificate_until_s=99)
    play.ends(False, "HTTP status 503, not 200-299", took=5, sight=sight)
    shown = play.checker.snapshot()
    assert (shown.subject, shown.up, shown.since_ns) == ("check web", True, 7 * NS_PER_MS)
    assert (shown.streak, shown.failed_tries, shown.retry, shown.rise, shown.fall) == (1, 1, 2, 3, 4)
    assert (shown.stage, shown.stages, shown.runs, shown.running_since_ns) == (0, 1, 2, None)
    assert (shown.sight, shown.weight) == (sight, None)
    assert shown.next_run_ns == (7 + 1000 + 5 + 100) * NS_PER_MS
    last = shown.history[-1]
    assert (last.ok, last.reason, last.at_ns, last.took_ns, last.stage) == (
        False,
        "HTTP status 503, not 200-299",
        1012 * NS_PER_MS,
        5 * NS_PER_MS,
        0,
    )


def test_the_history_is_bounded() -> None:
    play = Playbook(tcp())
    play.results(*[True] * 50)
    assert len(play.checker.snapshot().history) == KEPT_RESULTS
    assert play.checker.snapshot().streak == 50


def test_how_many_results_are_left_until_the_verdict_changes() -> None:
    play = Playbook(tcp(retry=1, rise=3, fall=2))
    assert (play.checker.left(True), play.checker.left(False)) == (1, 1)
    play.results(True)
    assert (play.checker.left(True), play.checker.left(False)) == (None, 4)
    play.results(False)
    assert play.checker.left(False) == 3
    play.results(False, False, False)
    assert (play.checker.left(True), play.checker.left(False)) == (3, None)
    play.results(True)
    assert play.checker.left(True) == 2


def test_what_a_result_means_in_words() -> None:
    play = Playbook(tcp(retry=1, rise=3))
    said = play.checker.outlook(False)
    assert said == "the check has no verdict yet: the next result like this of its own would take it down"
    play.results(True)
    assert play.checker.outlook(True) == "the check is up, which agrees"
    said = play.checker.outlook(False)
    assert said == "the check is up: 2 results in a row like this of its own would take it down"
    play.results(False, False)
    assert play.checker.outlook(True) == "the check is down: 3 results in a row like this of its own would bring it up"
    assert play.checker.outlook(None) == "the check is down, and stays so while it cannot ask"


# -- against a naive model --


def naive(oks: list[bool], rise: int, fall: int, retry: int, up: bool) -> list[bool]:
    """The verdict after each probe, by counting anew from the list of all runs."""
    verdicts: list[bool] = []
    runs: list[bool] = []
    tries = 0
    for ok in oks:
        tries = 0 if ok else tries + 1
        if ok or not up or tries > retry:
            runs.append(ok)
            tries = 0
        if up and len(runs) >= fall and not any(runs[-fall:]):
            up, runs = False, []
        elif not up and len(runs) >= rise and all(runs[-rise:]):
            up, runs = True, []
        verdicts.append(up)
    return verdicts


@given(
    st.lists(st.booleans(), max_size=60),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 3),
    st.booleans(),
)
def test_verdicts_are_those_of_a_naive_model(oks: list[bool], rise: int, fall: int, retry: int, up: bool) -> None:
    play = Playbook(tcp(rise=rise, fall=fall, retry=retry), known=up)
    told, shown = up, []
    for ok in oks:
        for effect in play.results(ok):
            assert isinstance(effect, CheckJudged)
            assert effect.news is (effect.up is not told)
            told = effect.up
        assert told is play.checker.snapshot().up
        shown.append(told)
    assert shown == naive(oks, rise, fall, retry, up)


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 4), st.integers(0, 2), st.booleans())
def test_several_urls_come_up_only_by_a_whole_pass(oks: list[bool], count: int, retry: int, fast: bool) -> None:
    """Whatever the answers are: before it is up, its URLs have succeeded in their order without a failure between."""
    play = Playbook(http(*"abcd"[:count], retry=retry, fast_recovery=fast))
    asked: list[tuple[int, bool]] = []
    for ok in oks:
        before = play.checker.snapshot().up
        play.results(ok)
        asked.append((play.starts[-1][1], ok))
        if play.checker.snapshot().up and not before:
            assert asked[-count:] == [(stage, True) for stage in range(count)]
        if before and play.checker.snapshot().up is False:
            assert asked[-1 - retry :] == [(asked[-1][0], False)] * (retry + 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3000)), max_size=30), st.floats(0, 1), st.integers(0, 3))
def test_starts_on_a_grid_never_overlap_and_keep_their_phase(
    runs: list[tuple[bool, int]], share: float, retry: int
) -> None:
    play = Playbook(tcp(start_to_start=True, retry=retry), share=share)
    end_ms = 0
    for ok, took in runs:
        play.next()
        assert play.starts[-1][0] >= end_ms
        assert play.starts[-1][0] - end_ms <= 1000
        play.ends(ok, took=took)
        end_ms = play.now_ms


# -- certificates --


def test_a_certificate_that_expires_is_said_once_for_each_day_that_it_has() -> None:
    play = Playbook(http("/", tls_expiry_days=14))
    said: list[tuple[int | None, list[str]]] = []
    for days in (20, 14, 14, None, 14, 12, 13, 12, 0, -1, 90, 10):
        play.at(play.now_ms + 10_000)
        effects = play.ends(True, sight=Sight(certificate_days=days))
        said.append((days, [one.message for one in effects if isinstance(one, CheckNoticed)]))
    before = "check web: the server's certificate "
    assert [(days, messages) for days, messages in said if messages] == [
        (14, [before + "expires in 14 days"]),
        (12, [before + "expires in 12 days"]),
        (0, [before + "expires in 0 days"]),
        (-1, [before + "has expired"]),
        (10, [before + "expires in 10 days"]),
    ]


@pytest.mark.parametrize("check", [http("/"), tcp(), misc()])
def test_nobody_is_warned_of_certificates_who_did_not_ask(check: ProbedCheck) -> None:
    play = Playbook(check)
    play.at(0)
    effects = play.ends(True, sight=Sight(certificate_days=-5))
    assert not [one for one in effects if isinstance(one, CheckNoticed)]
