"""Targets that answer or not, and what that makes of a gateway."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_MS, DeadlineReached
from alived.health.gateway_tracker import (
    AskTarget,
    GatewayEvent,
    GatewayReconfigured,
    GatewayTracker,
    TargetAnswered,
    TargetFailed,
)
from alived.health.tracker_events import TrackerJudged
from alived.health.trackers_config import TrackGateway

A, B = "192.0.2.1", "192.0.2.2"


def gateway(*targets: str, **fields: object) -> TrackGateway:
    known = {"name": "uplink", "targets": targets or (A, B), "timeout_ns": 300 * NS_PER_MS, "rise": 1, "fall": 1}
    return TrackGateway(**known | fields)  # type: ignore[arg-type]


class Playbook:
    """Time is in milliseconds."""

    def __init__(self, config: TrackGateway, known: bool | None = None) -> None:
        self.tracker = GatewayTracker(config, 0, known)
        self.now_ms = 0
        self.asked: list[str] = []

    @property
    def round(self) -> int:
        return self.tracker.snapshot().results

    def feed(self, event: GatewayEvent) -> list[TrackerJudged]:
        effects = self.tracker.step(event, self.now_ms * NS_PER_MS)
        self.asked += [one.target for one in effects if isinstance(one, AskTarget)]
        return [one for one in effects if isinstance(one, TrackerJudged)]

    def at(self, time_ms: int) -> list[TrackerJudged]:
        found = []
        while self.tracker.deadline_ns <= time_ms * NS_PER_MS:
            self.now_ms = max(self.now_ms, self.tracker.deadline_ns // NS_PER_MS)
            found += self.feed(DeadlineReached())
        self.now_ms = time_ms
        return found

    def answers(self, target: str) -> list[TrackerJudged]:
        return self.feed(TargetAnswered(self.round, target, f"{target} at 02:00"))


def test_all_are_asked_in_each_round_and_judged_as_soon_as_it_is_certain() -> None:
    play = Playbook(gateway())
    play.at(0)
    assert play.asked == [A, B]
    play.now_ms = 2
    (judged,) = play.answers(B)
    assert (judged.up, judged.news) == (True, True)
    assert (
        judged.reason
        == "gateway uplink: 1 of 2 targets answers, 1 wanted: 192.0.2.2: 192.0.2.2 at 02:00 answers in 2.0 ms"
    )
    assert play.at(300) == []
    assert play.asked == [A, B]
    play.at(1000)
    assert play.asked == [A, B, A, B]


def test_silence_is_a_failure_when_its_time_is_over() -> None:
    play = Playbook(gateway(A))
    assert play.at(299) == []
    (judged,) = play.at(300)
    assert (judged.up, judged.reason) == (False, "gateway uplink: 192.0.2.1: no answer in 0.3 s")


def test_what_cannot_be_asked_has_failed_at_once() -> None:
    play = Playbook(gateway(A))
    play.at(0)
    (judged,) = play.feed(TargetFailed(play.round, A, "there is no default route"))
    assert judged.reason == "gateway uplink: 192.0.2.1: there is no default route"
    assert play.tracker.deadline_ns == 1000 * NS_PER_MS


def test_each_target_rises_and_falls_by_itself() -> None:
    play = Playbook(gateway(quorum=2, rise=2, fall=2))
    play.at(0)
    assert play.answers(A) == []
    assert [one.up for one in play.answers(B)] == [True]
    play.at(1000)
    assert play.answers(A) == []
    assert play.at(2000) == []  # B: once
    play.answers(A)
    (judged,) = play.at(2300)
    assert not judged.up
    assert judged.reason.endswith("192.0.2.2: no answer in 0.3 s, 2 times in a row")
    play.at(3000)
    play.answers(A)
    assert play.answers(B) == []
    play.at(4000)
    assert [one.up for one in play.answers(B)] == [True]


def test_what_comes_too_late_or_of_nobody_is_not_heard() -> None:
    play = Playbook(gateway(A))
    play.at(300)
    assert play.answers(A) == []
    assert play.feed(TargetAnswered(play.round, "192.0.2.9", "somebody")) == []
    play.at(1000)
    assert play.feed(TargetAnswered(1, A, "of the first round")) == []


def test_a_verdict_from_before_is_confirmed_or_falls_as_if_nothing_had_happened() -> None:
    play = Playbook(gateway(A, fall=2), known=True)
    play.at(0)
    assert [(one.up, one.news) for one in play.answers(A)] == [(True, False)]
    lost = Playbook(gateway(A, fall=2), known=True)
    assert lost.at(300) == []
    assert [(one.up, one.news) for one in lost.at(1300)] == [(False, True)]


def test_a_reload_asks_at_once_and_knows_what_was_known() -> None:
    play = Playbook(gateway(A))
    play.at(300)
    assert play.feed(GatewayReconfigured(gateway(A, B, quorum=2))) == []
    play.at(301)
    assert play.asked[-2:] == [A, B]
    play.answers(A)
    assert [one.up for one in play.answers(B)] == [True]


def test_a_reload_forgets_nothing_that_was_heard() -> None:
    """The first answer after it may be enough for a verdict, and the sentence names who is not there."""
    play = Playbook(gateway(A, B, quorum=1))
    play.at(0)
    play.answers(A)
    play.at(300)
    play.feed(GatewayReconfigured(gateway(A, B, quorum=2)))
    play.at(301)
    (judged,) = play.answers(A)
    assert not judged.up
    assert judged.reason.endswith("answers in 1.0 ms, 2 times in a row; 192.0.2.2: no answer in 0.3 s")


def test_what_the_status_shows() -> None:
    play = Playbook(gateway())
    assert (play.tracker.snapshot().result, play.tracker.snapshot().details[0]) == ("", "192.0.2.1: not asked yet")
    play.at(0)
    play.answers(A)
    shown = play.tracker.snapshot()
    assert (shown.up, shown.result, shown.next_run_ns) == (True, "1 of 2 answered", 1000 * NS_PER_MS)
    assert shown.details == ("192.0.2.1: 192.0.2.1 at 02:00 answers in 0.0 ms", "192.0.2.2: not asked yet")


def test_a_deadline_too_early_changes_nothing() -> None:
    play = Playbook(gateway(A))
    play.at(0)
    assert play.feed(DeadlineReached()) == []
    assert play.asked == [A]


@pytest.mark.parametrize("quorum", [1, 2, 3])
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=8))
def test_with_one_answer_each_the_last_round_decides(quorum: int, story: list[tuple[bool, bool, bool]]) -> None:
    targets = (A, B, "192.0.2.3")
    play = Playbook(gateway(*targets, quorum=quorum))
    for number, round_ in enumerate(story):
        play.at(number * 1000)
        for target, answers in zip(targets, round_):
            if answers:
                play.answers(target)
    play.at(len(story) * 1000 - 1)
    assert play.tracker.snapshot().up is (sum(story[-1]) >= quorum)


def test_of_many_targets_the_silent_are_told_first_and_the_others_counted() -> None:
    targets = tuple(f"192.0.2.{number}" for number in range(1, 7))
    play = Playbook(gateway(*targets, quorum=5))
    play.at(0)
    for target in targets[:2]:
        play.answers(target)
    found = [one for target in targets[2:] for one in play.feed(TargetFailed(play.round, target, "no route"))]
    (judged,) = found
    told = "192.0.2.3: no route; 192.0.2.4: no route; 192.0.2.1: 192.0.2.1 at 02:00 answers in 0.0 ms; and 1 more"
    assert judged.reason == f"gateway uplink: 2 of 6 targets answer, 5 wanted: {told}"
