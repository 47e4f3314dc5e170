"""A simulated day in which what is watched comes and goes at all rhythms: the real trackers, checkers and dampers."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.health.check_events import CheckJudged, ProbeEnded, StartProbe
from alived.health.checker import Checker
from alived.health.damping import Damper
from alived.health.dialogue import Verdict
from alived.health.script_events import Judged, KillRun, RunEnded, ScriptEvent, StartRun, TerminateRun
from alived.health.script_tracker import ScriptTracker
from alived.health.trackers_config import FlapDamping
from tests.health.check_playbook import tcp
from tests.health.playbook import script

DAY_NS = 24 * 3600 * NS_PER_S
INTERVAL_MS = 5000
DAMPING = FlapDamping(30 * NS_PER_S, 600 * NS_PER_S)
RISE, FALL = 2, 3
Verdicts = list[tuple[int, bool]]
"""When, and up."""
Results = list[tuple[int, bool]]
SEEDS = pytest.mark.parametrize("seed", range(3))


class Service:
    """Well or not. Its rhythm changes: calm for hours, flapping within seconds, flapping in step with who asks."""

    def __init__(self, chance: random.Random) -> None:
        self._changes = self._rhythms(chance)
        self._well = True
        self._until_ns = next(self._changes)
        self.last_change_ns = 0

    def _rhythms(self, chance: random.Random) -> Iterator[int]:
        now_ns = 0
        while True:
            mean_s = chance.choice((0.5, INTERVAL_MS / 1e3, 20, 120, 3600))
            for _ in range(chance.randrange(1, 40 if mean_s < 3600 else 3)):
                now_ns += int(chance.uniform(0.5, 1.5) * mean_s * NS_PER_S)
                # The last two hours are calm, so that there is a level at the end.
                yield now_ns if now_ns < DAY_NS - 7200 * NS_PER_S else 2 * DAY_NS

    def is_well(self, now_ns: int) -> bool:
        while now_ns >= self._until_ns:
            self._well = not self._well
            self.last_change_ns, self._until_ns = self._until_ns, next(self._changes)
        return self._well


def day_of_a_script(seed: int) -> tuple[Results, Verdicts, Service]:
    chance = random.Random(seed)
    service, tracker = Service(chance), ScriptTracker(script(INTERVAL_MS, rise=RISE, fall=FALL), 0)
    results, verdicts = Results(), Verdicts()
    run = ends_ns = now_ns = 0
    while now_ns < DAY_NS:
        now_ns = min(tracker.deadline_ns, ends_ns) if ends_ns else tracker.deadline_ns
        if ends_ns and now_ns == ends_ns:
            ends_ns = 0
            event: ScriptEvent = RunEnded(run, 0 if service.is_well(now_ns) else 1)
        else:
            event = DeadlineReached()
        before = last_result(tracker)
        effects = tracker.step(event, now_ns)
        if last_result(tracker) != before:
            results.append((now_ns, last_result(tracker)[0] is True))
        for effect in effects:
            match effect:
                case StartRun(number):
                    assert not ends_ns, "never two runs"
                    slow = chance.random() < 0.02
                    run, ends_ns = number, now_ns + int(chance.uniform(1, 9000 if slow else 50) * NS_PER_MS)
                case TerminateRun() | KillRun():
                    ends_ns = now_ns + NS_PER_MS
                case Judged(up, _, news):
                    assert news
                    verdicts.append((now_ns, up))
    return results, verdicts, service


def last_result(tracker: ScriptTracker) -> tuple[bool | None, int]:
    """It changes with each result: a timeout is one, the end of a run that timed out is none."""
    shown = tracker.snapshot()
    return shown.last_success, shown.streak


def day_of_a_check(seed: int) -> tuple[Results, Verdicts, Service]:
    chance = random.Random(seed)
    service = Service(chance)
    checker = Checker("check web", tcp(INTERVAL_MS, retry=0, rise=RISE, fall=FALL), 0, chance.random())
    results, verdicts = Results(), Verdicts()
    run = ends_ns = now_ns = 0
    while now_ns < DAY_NS:
        deadline_ns = checker.deadline_ns
        assert (deadline_ns is None) == bool(ends_ns), "it waits for its probe, or for its time"
        now_ns = ends_ns if deadline_ns is None else deadline_ns
        if deadline_ns is None:
            ends_ns, well = 0, service.is_well(now_ns)
            results.append((now_ns, well))
            effects = checker.step(ProbeEnded(run, Verdict(well, "seen"), NS_PER_MS), now_ns)
        else:
            effects = checker.step(DeadlineReached(), now_ns)
        for effect in effects:
            match effect:
                case StartProbe(number, _):
                    run, ends_ns = number, now_ns + int(chance.uniform(1, 400) * NS_PER_MS)
                case CheckJudged(up, _, news):
                    assert news
                    verdicts.append((now_ns, up))
    return results, verdicts, service


DAYS = pytest.mark.parametrize("day", [day_of_a_script, day_of_a_check])


@DAYS
@SEEDS
def test_verdicts_change_only_after_enough_results_in_a_row_and_end_with_the_truth(day, seed: int) -> None:  # type: ignore[no-untyped-def]
    results, verdicts, service = day(seed)
    assert len(results) > 0.9 * DAY_NS / (INTERVAL_MS * NS_PER_MS)
    assert len(verdicts) > 50, "a day with a story"
    assert [up for _, up in verdicts[1:]] == [not up for _, up in verdicts[:-1]], "each one is news"
    assert verdicts == expected_verdicts(results)
    assert verdicts[-1][1] is service.is_well(DAY_NS)
    assert len(verdicts) <= 1 + 2 * len(results) / (RISE + FALL)


def expected_verdicts(results: Results) -> Verdicts:
    """By looking at the whole past: RISE or FALL in a row, the first result alone."""
    found = [results[0]]
    for end in range(1, len(results)):
        wanted = not found[-1][1]
        row = results[max(0, end + 1 - (RISE if wanted else FALL)) : end + 1]
        if len(row) == (RISE if wanted else FALL) and all(good is wanted for _, good in row):
            found.append(results[end])
    return found


@SEEDS
def test_damping_makes_hundreds_of_changes_few_and_hides_no_failure(seed: int) -> None:
    _, verdicts, service = day_of_a_check(seed)
    damper, counted, said = Damper(DAMPING), Verdicts(), False
    queue = [*verdicts, (DAY_NS, verdicts[-1][1])]
    for when_ns, up in queue:
        while (due_ns := damper.deadline_ns) is not None and due_ns <= when_ns:
            assert damper.pass_time(due_ns)
            counted.append((due_ns, True))
        if damper.hear(up, when_ns):
            counted.append((when_ns, damper.up is True))
        said = up
        assert said or not damper.up, "what is down never counts as up"
    assert counted[-1][1] is service.is_well(DAY_NS), "after two calm hours the level is the truth"
    assert len(counted) < len(verdicts) / 2
