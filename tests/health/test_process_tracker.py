"""Processes that fork, execute, change their name and end: when that is a verdict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_MS, DeadlineReached
from alived.health.process_events import (
    Process,
    ProcessesSeen,
    ProcessEvent,
    ProcessExecuted,
    ProcessExited,
    ProcessForked,
    ProcessReconfigured,
    ProcessRenamed,
)
from alived.health.process_match import matches
from alived.health.process_tracker import ProcessTracker
from alived.health.tracker_events import TrackerJudged
from alived.health.trackers_config import ParamMatch, TrackProcess

NGINX, SHELL = Process("nginx"), Process("sh")


def config(**fields: object) -> TrackProcess:
    known: dict[str, object] = {"name": "web", "process": "nginx"}
    return TrackProcess(**known | fields)  # type: ignore[arg-type]


def delayed(fork_ms: int = 0, terminate_ms: int = 0, **fields: object) -> TrackProcess:
    return config(fork_delay_ns=fork_ms * NS_PER_MS, terminate_delay_ns=terminate_ms * NS_PER_MS, **fields)


class Playbook:
    """Time is in milliseconds."""

    def __init__(self, wanted: TrackProcess, known: bool | None = None) -> None:
        self.tracker = ProcessTracker(wanted, known)
        self.now_ms = 0

    def feed(self, event: ProcessEvent) -> list[tuple[bool, bool]]:
        """Verdicts that follow: up, and whether that is new."""
        effects = self.tracker.step(event, self.now_ms * NS_PER_MS)
        return [(effect.up, effect.news) for effect in effects if isinstance(effect, TrackerJudged)]

    def sees(self, *pids: int) -> list[tuple[bool, bool]]:
        """These are nginx, and 1 is something else."""
        return self.feed(ProcessesSeen({1: SHELL, **dict.fromkeys(pids, NGINX)}))

    def at(self, time_ms: int) -> list[tuple[bool, bool]]:
        self.now_ms = time_ms
        due = self.tracker.deadline_ns
        return self.feed(DeadlineReached()) if due is not None and due <= time_ms * NS_PER_MS else []


def test_the_first_look_decides_at_once_whatever_the_delays() -> None:
    play = Playbook(delayed(100, 100))
    assert play.feed(ProcessExecuted(7, NGINX)) == []
    assert play.sees(7) == [(True, True)]
    assert Playbook(delayed(100, 100)).sees() == [(False, True)]


def test_an_end_counts_after_its_delay_and_not_if_another_comes_meanwhile() -> None:
    play = Playbook(delayed(terminate_ms=100))
    play.sees(7)
    assert play.feed(ProcessExited(7)) == []
    assert play.at(50) == []
    assert play.feed(ProcessExecuted(8, NGINX)) == []
    assert play.at(200) == []
    play.feed(ProcessExited(8))
    assert play.at(299) == []
    assert play.at(300) == [(False, True)]
    assert play.feed(ProcessExecuted(9, NGINX)) == [(True, True)]


def test_a_fork_counts_after_its_delay_and_not_if_it_becomes_something_else() -> None:
    play = Playbook(delayed(fork_ms=100, quorum=2))
    play.sees(7)
    assert play.feed(ProcessForked(7, 8)) == []
    assert play.feed(ProcessExecuted(8, SHELL)) == []
    assert play.at(200) == []
    play.feed(ProcessForked(7, 9))
    assert play.at(300) == [(True, True)]


def test_without_delays_everything_counts_at_once() -> None:
    play = Playbook(config(quorum=2))
    play.sees(7)
    assert play.feed(ProcessForked(7, 8)) == [(True, True)]
    assert play.feed(ProcessForked(1, 9)) == []
    assert play.feed(ProcessExited(9)) == []
    assert play.feed(ProcessExited(7)) == [(False, True)]


def test_a_fork_that_is_heard_of_after_a_look_at_what_became_of_it_takes_nothing_away() -> None:
    play = Playbook(config())
    play.sees()
    assert play.sees(7) == [(True, True)]
    assert play.feed(ProcessForked(1, 7)) == []
    assert play.feed(ProcessExecuted(7, NGINX)) == []


def test_too_many_are_as_bad_as_too_few() -> None:
    play = Playbook(config(quorum_max=1))
    play.sees(7)
    assert play.feed(ProcessForked(7, 8)) == [(False, True)]
    assert play.feed(ProcessExited(8)) == [(True, True)]
    assert play.feed(ProcessExited(7)) == [(False, True)]


def test_a_process_counts_once_even_if_it_executes_itself() -> None:
    play = Playbook(config(quorum_max=1))
    play.sees(7)
    assert play.feed(ProcessExecuted(7, NGINX)) == []
    assert play.feed(ProcessRenamed(7, "nginx")) == []


def test_another_name_counts_at_once_but_not_for_command_lines() -> None:
    play = Playbook(delayed(100, 100))
    play.sees(7)
    assert play.feed(ProcessRenamed(7, "nginx: old")) == [(False, True)]
    assert play.feed(ProcessRenamed(7, "nginx")) == [(True, True)]
    by_line = Playbook(config(process="/usr/sbin/nginx", full_command=True))
    by_line.feed(ProcessesSeen({7: Process("nginx", b"/usr/sbin/nginx\0")}))
    assert by_line.feed(ProcessRenamed(7, "other")) == []


def test_a_verdict_from_before_holds_and_is_confirmed_or_ends_after_its_delay() -> None:
    assert Playbook(config(), known=True).sees(7) == [(True, False)]
    play = Playbook(delayed(terminate_ms=100), known=True)
    assert play.sees() == []
    assert play.at(100) == [(False, True)]


def test_what_a_look_finds_counts_after_the_delays() -> None:
    play = Playbook(delayed(50, 100))
    play.sees(7)
    assert play.sees() == []
    assert play.at(100) == [(False, True)]
    assert play.sees(8) == []
    assert play.sees(8) == []
    assert play.at(150) == [(True, True)]


def test_a_reload_looks_again_with_the_verdict_of_before() -> None:
    play = Playbook(config())
    play.sees(7)
    assert play.feed(ProcessReconfigured(config(quorum=2))) == []
    assert play.sees(7) == [(False, True)]


def test_what_the_sentences_say() -> None:
    def reason(wanted: TrackProcess, *pids: int) -> str:
        effects = ProcessTracker(wanted).step(ProcessesSeen(dict.fromkeys(pids, NGINX)), 0)
        assert isinstance(effects[0], TrackerJudged)
        return effects[0].reason

    assert reason(config()) == "process web: no processes nginx, at least 1 wanted"
    assert reason(config(quorum=2), 7) == "process web: 1 process nginx, at least 2 wanted"
    assert reason(config(quorum_max=1), 7, 8) == "process web: 2 processes nginx, exactly 1 wanted"
    assert reason(config(quorum=0, quorum_max=0)) == "process web: no processes nginx, none wanted"
    assert reason(config(quorum_max=3), 7) == "process web: 1 process nginx, 1 to 3 wanted"


def test_what_the_status_shows() -> None:
    play = Playbook(delayed(terminate_ms=100))
    assert (play.tracker.snapshot().up, play.tracker.snapshot().result) == (None, "")
    play.sees(*range(2, 12))
    shown = play.tracker.snapshot()
    assert (shown.up, shown.result) == (True, "10 processes nginx, at least 1 wanted")
    assert shown.details == ("pid 2, 3, 4, 5, 6, 7, 8, 9 and 2 more",)
    play.sees()
    waits = play.tracker.snapshot()
    assert (waits.up, waits.next_run_ns) == (True, 100 * NS_PER_MS)
    assert waits.details == ("counts if it stays so for the delay",)


def test_a_deadline_too_early_changes_nothing() -> None:
    play = Playbook(delayed(terminate_ms=100))
    assert play.feed(DeadlineReached()) == []
    play.sees(7)
    play.feed(ProcessExited(7))
    assert play.feed(DeadlineReached()) == []


def test_arguments_are_compared_as_keepalived_does() -> None:
    def agrees(line: bytes, match: ParamMatch, *arguments: str) -> bool:
        wanted = config(process="/bin/x", arguments=arguments, param_match=match, full_command=True)
        return matches(wanted, Process("x", line))

    assert agrees(b"/bin/x\0-a\0b\0", ParamMatch.NONE)
    assert not agrees(b"/bin/xy\0", ParamMatch.NONE)
    assert not agrees(b"", ParamMatch.NONE)
    assert agrees(b"/bin/x\0-a\0b\0", ParamMatch.EXACT, "-a", "b")
    assert not agrees(b"/bin/x\0-a\0b\0c\0", ParamMatch.EXACT, "-a", "b")
    assert agrees(b"/bin/x\0", ParamMatch.EXACT)
    assert not agrees(b"/bin/x\0-a\0", ParamMatch.EXACT)
    assert agrees(b"/bin/x\0-a\0b\0c\0", ParamMatch.PARTIAL, "-a", "b")
    assert not agrees(b"/bin/x\0-a\0bc\0", ParamMatch.PARTIAL, "-a", "b")
    assert agrees(b"/bin/x\0-a\0bc\0", ParamMatch.INITIAL, "-a", "b")
    assert not agrees(b"/bin/x\0-ab\0", ParamMatch.INITIAL, "-a", "b")
    assert agrees(b"/bin/x\0anything\0", ParamMatch.INITIAL)


_PIDS = st.integers(2, 5)
_PROCESSES = st.sampled_from([NGINX, SHELL])
_EVENTS = st.one_of(
    st.builds(ProcessForked, _PIDS, _PIDS),
    st.builds(ProcessExecuted, _PIDS, _PROCESSES),
    st.builds(ProcessRenamed, _PIDS, st.sampled_from(["nginx", "sh"])),
    st.builds(ProcessExited, _PIDS),
)


@given(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3), st.lists(st.tuples(st.integers(0, 4), _EVENTS)))
def test_in_the_end_only_what_is_there_counts(
    quorum: int, fork_ms: int, terminate_ms: int, story: list[tuple[int, ProcessEvent]]
) -> None:
    """Whatever happened on the way: after the longest delay the verdict is that of a first look at what is left."""
    wanted = delayed(fork_ms, terminate_ms, quorum=quorum, quorum_max=3)
    play = Playbook(wanted)
    play.sees(2)
    there: dict[int, Process] = {2: NGINX}
    for pause_ms, event in story:
        for _ in range(pause_ms):
            play.at(play.now_ms + 1)
        match event:
            case ProcessForked(parent, pid):
                if pid not in there or there.get(parent) == NGINX:  # else it was seen before its fork was heard of
                    there[pid] = there.get(parent, SHELL)
            case ProcessExecuted(pid, process):
                there[pid] = process
            case ProcessRenamed(pid, comm):
                there[pid] = Process(comm)
            case ProcessExited(pid):
                there.pop(pid, None)
        play.feed(event)
    for _ in range(4):
        play.at(play.now_ms + 1)
    assert play.tracker.deadline_ns is None
    count = sum(process == NGINX for process in there.values())
    assert play.tracker.snapshot().up is (quorum <= count <= 3)
