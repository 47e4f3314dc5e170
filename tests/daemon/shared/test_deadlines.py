"""Many cores behind one timer, on a clock of the test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.adapters.loop import Callback, Timer
from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached, Effect
from alived.daemon.shared import deadlines as deadlines_module
from alived.daemon.shared.deadlines import NEVER_NS, SLACK_MAX_NS, Deadlines, Entry


class VirtualLoop:
    """A loop whose time passes when the test says so."""

    def __init__(self) -> None:
        self.now = 0
        self.timers: list[Timer] = []
        self.made = 0
        self.awake_until_ns = 0

    def call_at(self, deadline_ns: int, callback: Callback) -> Timer:
        self.made += 1
        timer = Timer(deadline_ns, callback)
        self.timers.append(timer)
        return timer

    def stay_awake(self, until_ns: int) -> None:
        self.awake_until_ns = until_ns

    @property
    def armed(self) -> list[Timer]:
        return [timer for timer in self.timers if timer.callback is not None]

    def run_until(self, end_ns: int) -> None:
        before = self.made
        while due := [timer for timer in self.armed if timer.deadline_ns <= end_ns]:
            first = min(due, key=lambda timer: timer.deadline_ns)
            self.timers.remove(first)
            self.now = max(self.now, first.deadline_ns)
            assert first.callback
            first.callback()
            assert self.made - before < 10_000, "time stands still"
        self.now = end_ns


class Said(Effect, frozen=True, tag=True):
    what: str


class Clockwork:
    """A core that is due every `period_ns`, or once without."""

    def __init__(self, name: str, deadline_ns: int | None, period_ns: int = 0) -> None:
        self.name = name
        self.deadline_ns = deadline_ns
        self.period_ns = period_ns
        self.stepped: list[int] = []

    def step(self, event: DeadlineReached, now_ns: int) -> Sequence[Effect]:
        assert isinstance(event, DeadlineReached)
        self.stepped.append(now_ns)
        self.deadline_ns = self.deadline_ns + self.period_ns if self.period_ns and self.deadline_ns else None
        return [Said(self.name)]


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        self.loop = VirtualLoop()
        self.log: list[str] = []
        self.deadlines = Deadlines(self.loop, lambda: self.log.append("flush"))  # type: ignore[arg-type]
        self.at: dict[str, list[int]] = {}
        if monkeypatch:
            monkeypatch.setattr(deadlines_module, "now_ns", lambda: self.loop.now)

    def add(self, core: Clockwork, slack_ns: int = 0, **options: Any) -> Entry:
        def apply(effects: Sequence[Any], now: int) -> None:
            self.log.append(f"apply {core.name}")
            self.at.setdefault(core.name, []).append(self.loop.now)

        def begin(effects: Sequence[Any]) -> Sequence[Any]:
            self.log.append(f"begin {core.name}")
            return effects

        entry = Entry(core, apply, begin, **options)
        entry.slack_ns = slack_ns
        self.deadlines.changed(entry)
        return entry


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_who_is_awake_anyway_saves_a_wake_up_in_vain(world: World) -> None:
    """A lease that is renewed moves its end; nobody wakes at the old one."""
    lease, other = Clockwork("lease", 100 * NS_PER_MS), Clockwork("other", NS_PER_S)
    world.add(lease)
    world.add(other)
    for renewed_ms in range(60, 600, 60):
        world.loop.run_until(renewed_ms * NS_PER_MS)
        lease.deadline_ns = (renewed_ms + 100) * NS_PER_MS
        world.deadlines.look()
    assert world.log == [], "no timer ran"
    assert [timer.deadline_ns for timer in world.loop.armed] == [640 * NS_PER_MS]
    world.loop.run_until(2 * NS_PER_S)
    assert (lease.stepped, other.stepped) == ([640 * NS_PER_MS], [NS_PER_S])
    world.deadlines.look()
    assert world.loop.armed == []


def test_a_core_is_stepped_when_its_deadline_comes_and_not_before(world: World) -> None:
    core = Clockwork("a", 5 * NS_PER_S)
    world.add(core)
    world.loop.run_until(5 * NS_PER_S - 1)
    assert core.stepped == []
    world.loop.run_until(5 * NS_PER_S)
    assert core.stepped == [5 * NS_PER_S]
    assert world.loop.armed == []


def test_a_deadline_that_moves_later_costs_no_timer(world: World) -> None:
    """What an advert does to a BACKUP."""
    core = Clockwork("a", 3 * NS_PER_S)
    entry = world.add(core)
    made = world.loop.made
    for second in range(1, 3):
        core.deadline_ns = (3 + second) * NS_PER_S
        world.deadlines.changed(entry)
    assert world.loop.made == made
    world.loop.run_until(5 * NS_PER_S - 1)
    assert core.stepped == []
    world.loop.run_until(5 * NS_PER_S)
    assert core.stepped == [5 * NS_PER_S]


def test_a_deadline_that_moves_earlier_is_kept(world: World) -> None:
    """Priority 0 of the master: Skew_Time instead of Master_Down_Interval."""
    core = Clockwork("a", 3 * NS_PER_S)
    entry = world.add(core)
    core.deadline_ns = NS_PER_S
    world.deadlines.changed(entry)
    world.loop.run_until(10 * NS_PER_S)
    assert core.stepped == [NS_PER_S], "once, and the old time brings nothing"


def test_a_deadline_that_moves_by_less_than_the_slack_of_others_is_waited_for_without_a_spin(world: World) -> None:
    core = Clockwork("a", NS_PER_S)
    world.add(core)
    core.deadline_ns = NS_PER_S + SLACK_MAX_NS // 2
    made = world.loop.made
    world.loop.run_until(2 * NS_PER_S)
    assert core.stepped == [NS_PER_S + SLACK_MAX_NS // 2]
    assert world.loop.made - made == 1


def test_earlier_and_later_again_is_the_later(world: World) -> None:
    core = Clockwork("a", 3 * NS_PER_S)
    entry = world.add(core)
    for moment in (1, 5):
        core.deadline_ns = moment * NS_PER_S
        world.deadlines.changed(entry)
    world.loop.run_until(10 * NS_PER_S)
    assert core.stepped == [5 * NS_PER_S]


def test_a_deadline_that_goes_away_brings_nothing_and_may_come_back(world: World) -> None:
    core = Clockwork("a", NS_PER_S)
    entry = world.add(core)
    core.deadline_ns = None
    world.deadlines.changed(entry)
    world.loop.run_until(2 * NS_PER_S)
    assert core.stepped == []
    assert entry.armed_ns == NEVER_NS
    core.deadline_ns = 3 * NS_PER_S
    world.deadlines.changed(entry)
    world.loop.run_until(3 * NS_PER_S)
    assert core.stepped == [3 * NS_PER_S]


def test_a_forgotten_core_is_not_stepped_and_its_neighbours_are(world: World) -> None:
    cores = [Clockwork(name, NS_PER_S) for name in "abc"]
    entries = [world.add(core) for core in cores]
    world.deadlines.forget(entries[1])
    world.loop.run_until(2 * NS_PER_S)
    assert [core.stepped for core in cores] == [[NS_PER_S], [], [NS_PER_S]]


def test_adverts_of_a_moment_leave_before_any_other_effect(world: World) -> None:
    for name in "abc":
        world.add(Clockwork(name, NS_PER_S))
    world.loop.run_until(NS_PER_S)
    assert world.log == ["begin a", "begin b", "begin c", "flush", "apply a", "apply b", "apply c", "flush"]


def test_a_master_may_leave_a_little_early_with_others_and_keeps_its_grid(world: World) -> None:
    first = Clockwork("first", NS_PER_S, NS_PER_S)
    second = Clockwork("second", NS_PER_S + NS_PER_MS // 2, NS_PER_S)
    for core in (first, second):
        world.add(core, slack_ns=SLACK_MAX_NS)
    world.loop.run_until(3 * NS_PER_S)
    assert world.at["first"] == world.at["second"] == [NS_PER_S, 2 * NS_PER_S, 3 * NS_PER_S]
    assert second.stepped == [n * NS_PER_S + NS_PER_MS // 2 for n in (1, 2, 3)], "for itself it is in time"


def test_slack_alone_brings_nothing_forward(world: World) -> None:
    core = Clockwork("a", NS_PER_S)
    world.add(core, slack_ns=SLACK_MAX_NS)
    world.loop.run_until(NS_PER_S - 1)
    assert core.stepped == []


def test_master_down_is_exact_even_if_others_are_due_just_before(world: World) -> None:
    world.add(Clockwork("master", NS_PER_S), slack_ns=SLACK_MAX_NS)
    backup = Clockwork("backup", NS_PER_S + 1)
    world.add(backup)
    world.loop.run_until(NS_PER_S)
    assert backup.stepped == []
    world.loop.run_until(NS_PER_S + 1)
    assert backup.stepped == [NS_PER_S + 1]


def test_an_exact_one_hides_no_slack_behind_it(world: World) -> None:
    """Both are within the millisecond: the exact one waits, the other goes."""
    world.add(Clockwork("now", NS_PER_S))
    exact = Clockwork("exact", NS_PER_S + 100)
    loose = Clockwork("loose", NS_PER_S + 200)
    world.add(exact)
    world.add(loose, slack_ns=SLACK_MAX_NS)
    world.loop.run_until(NS_PER_S)
    assert (exact.stepped, loose.stepped) == ([], [NS_PER_S + 200])
    world.loop.run_until(NS_PER_S + 200)
    assert exact.stepped == [NS_PER_S + 100]


def test_a_core_that_was_late_is_stepped_with_the_real_time(world: World) -> None:
    core = Clockwork("a", NS_PER_S)
    world.add(core)
    world.loop.now = 4 * NS_PER_S
    world.loop.run_until(4 * NS_PER_S)
    assert core.stepped == [4 * NS_PER_S]


def test_a_core_that_does_not_move_its_deadline_is_a_defect(world: World) -> None:
    class Stuck(Clockwork):
        def step(self, event: DeadlineReached, now_ns: int) -> Sequence[Effect]:
            return []

    world.add(Stuck("stuck", NS_PER_S))
    with pytest.raises(AssertionError, match="does not move its deadline"):
        world.loop.run_until(NS_PER_S)


def test_what_changes_while_effects_are_carried_out_is_armed_afterwards(world: World) -> None:
    other = Clockwork("other", None)
    entry = world.add(other)

    def wake_other(effects: Sequence[Any], now: int) -> None:
        other.deadline_ns = now + NS_PER_S
        world.deadlines.changed(entry)

    world.deadlines.changed(Entry(Clockwork("a", NS_PER_S), wake_other))
    world.loop.run_until(2 * NS_PER_S)
    assert other.stepped == [2 * NS_PER_S]


def test_a_rehearsal_comes_once_shortly_before_an_exact_deadline_that_nothing_moved(world: World) -> None:
    rehearsed: list[int] = []
    core = Clockwork("a", 3 * NS_PER_S)
    world.add(core, rehearse=lambda: rehearsed.append(world.loop.now))
    core.deadline_ns = 5 * NS_PER_S  # an advert was heard
    world.loop.run_until(5 * NS_PER_S)
    assert core.stepped == [5 * NS_PER_S]
    assert rehearsed == [5 * NS_PER_S - deadlines_module.REHEARSAL_NS]


def test_a_master_rehearses_nothing(world: World) -> None:
    rehearsed: list[int] = []
    world.add(Clockwork("a", NS_PER_S, NS_PER_S), slack_ns=1, rehearse=lambda: rehearsed.append(world.loop.now))
    world.loop.run_until(5 * NS_PER_S)
    assert rehearsed == []


@given(st.data())
def test_whatever_moves_whoever_is_due_is_stepped_in_its_millisecond_and_an_exact_one_in_its_nanosecond(
    data: st.DataObject,
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch)
        moments = st.integers(1, 40).map(lambda n: n * NS_PER_MS // 4)
        cores = [Clockwork(str(number), None) for number in range(data.draw(st.integers(1, 6)))]
        slacks = [data.draw(st.sampled_from([0, SLACK_MAX_NS])) for _ in cores]
        entries = [world.add(core, slack) for core, slack in zip(cores, slacks)]
        expected: list[list[int]] = [[] for _ in cores]
        for _ in range(data.draw(st.integers(1, 12))):
            number = data.draw(st.integers(0, len(cores) - 1))
            core, now = cores[number], world.loop.now
            in_ns = data.draw(st.one_of(st.none(), moments))
            core.deadline_ns = None if in_ns is None else now + in_ns
            world.deadlines.changed(entries[number])
            until = now + data.draw(moments)
            wanted = [(core.deadline_ns, core) for core in cores if core.deadline_ns is not None]
            world.loop.run_until(until)
            for due, core in wanted:
                which = cores.index(core)
                if due <= until:
                    expected[which].append(due)
                elif core.deadline_ns is None:  # early, with others
                    assert slacks[which]
                    assert due <= until + SLACK_MAX_NS
                    expected[which].append(due)
        assert [core.stepped for core in cores] == expected
