"""What counts of the verdicts: held down while a tracker flaps, and combined; through reloads, too."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.parent.settled import Settled
from alived.daemon.shared.messages import TrackerVerdict
from alived.health.trackers_config import TrackerKind
from tests.config.helpers import good, instance_text

CHECK = TrackerKind.CHECK
TWO = """check a {
ping {
target 192.0.2.1
}
%s
}
check b {
ping {
target 192.0.2.2
}
}
"""


def config(both: str = "all a b", damping: str = "") -> Config:
    text = TWO % damping + f"check both {{\n{both}\n}}\ncheck either {{\nany both b\n}}\n"
    return good(text + instance_text("track_check {\nboth\neither\na\n}"))


def verdict(name: str, up: bool, second: int = 0) -> TrackerVerdict:
    return TrackerVerdict(CHECK, name, up, f"check {name} {'answered' if up else 'refused'}", second * NS_PER_S)


class Desk:
    """The parent's place, with a clock in seconds."""

    def __init__(self, config: Config) -> None:
        self.settled = Settled(config)

    def hear(self, second: int, **states: bool) -> dict[str, bool]:
        heard = [verdict(name, up, second) for name, up in states.items()]
        return _states(self.settled.heard(heard, second * NS_PER_S))

    def configure(self, second: int, config: Config) -> dict[str, bool]:
        return _states(self.settled.configure(config, second * NS_PER_S))

    def pass_time(self, second: int) -> dict[str, bool]:
        return _states(self.settled.pass_time(second * NS_PER_S))

    @property
    def known(self) -> dict[str, bool]:
        return _states(self.settled.known)

    def reason(self, name: str) -> str:
        return next(one.reason for one in self.settled.known if one.name == name)

    def since(self, name: str) -> int:
        return next(one.at_ns for one in self.settled.known if one.name == name) // NS_PER_S


def _states(verdicts: tuple[TrackerVerdict, ...]) -> dict[str, bool]:
    return {one.name: one.up for one in verdicts}


class TestCombinations:
    def test_they_follow_what_they_count_in_one_step(self) -> None:
        desk = Desk(config())
        assert desk.hear(0, a=True) == {"a": True}
        assert desk.hear(1, b=True) == {"b": True, "both": True, "either": True}
        assert desk.hear(2, a=False) == {"a": False, "both": False}
        assert desk.hear(3, b=False) == {"b": False, "either": False}
        assert desk.reason("both") == "check both: 0 of 2 are up, 2 must be: check a refused; check b refused"

    def test_the_reason_is_that_of_now_and_the_time_that_of_the_change(self) -> None:
        desk = Desk(config())
        desk.hear(0, a=True, b=True)
        desk.hear(1, a=False)
        assert desk.hear(5, b=False, a=True) == {"a": True, "b": False, "either": False}
        assert desk.reason("both").endswith("check b refused") and desk.since("both") == 1

    def test_the_log_says_it(self) -> None:
        desk = Desk(config())
        desk.hear(0, a=False, b=True)
        assert [(note.level, note.code) for note in desk.settled.notes] == [
            ("warning", "check-down"),
            ("info", "check-up"),
        ]

    def test_a_reload_may_make_others_of_them(self) -> None:
        desk = Desk(config())
        desk.hear(0, a=True, b=False)
        assert desk.known["both"] is False
        assert desk.configure(1, config("any a b")) == {"both": True, "either": True}

    def test_a_reload_that_changes_nothing_tells_nothing(self) -> None:
        desk = Desk(config())
        desk.hear(0, a=True, b=False)
        assert desk.configure(1, config()) == {}

    def test_what_a_reload_removes_is_forgotten(self) -> None:
        desk = Desk(config())
        desk.hear(0, a=True, b=True)
        text = TWO % "" + instance_text("track_check {\na\nb\n}")
        assert desk.configure(1, good(text)) == {} and desk.known == {"a": True, "b": True}


def test_in_a_combination_a_file_is_up_while_its_number_is_0() -> None:
    text = "track_file f {\nfile /run/f\n}\ncheck c {\nany file f\n}\n"
    settled = Settled(good(text + instance_text("track_check {\nc\n}")))

    def says(number: int) -> list[tuple[str, bool]]:
        verdict = TrackerVerdict(TrackerKind.FILE, "f", True, f"file f: /run/f says {number}", 0, number)
        return [(one.key, one.up) for one in settled.heard([verdict], 0)]

    assert says(0) == [("file f", True), ("check c", True)]
    assert says(3) == [("file f", True), ("check c", False)]
    assert settled.known[-1].reason == "check c: 0 of 1 are up, 1 must be: file f: /run/f says 3"
    assert says(-1) == [("file f", True)]
    assert says(0) == [("file f", True), ("check c", True)]


def test_a_number_that_flaps_is_better_only_when_it_stays_so_or_an_operator_says_so() -> None:
    text = "track_file f {\nfile /run/f\nweight -1\nflap_damping 10\n}\n"
    settled = Settled(good(text + instance_text("track_file {\nf\n}")))

    def says(second: int, number: int) -> list[int | None]:
        verdict = TrackerVerdict(TrackerKind.FILE, "f", True, f"file f: /run/f says {number}", 0, number)
        return [one.value for one in settled.heard([verdict], second * NS_PER_S)]

    assert [says(second, number) for second, number in enumerate((0, 20, 0, 30, 5, 4))] == [
        [0],
        [20],
        [0],
        [30],
        [],
        [],
    ]
    assert settled.known[0].reason == "file f is better again, but has to stay so for 10 s: it fell 2 times"
    assert settled.known[0].value == 30
    assert [one.value for one in settled.pass_time(14 * NS_PER_S)] == [4]
    assert says(15, 40) == [40] and says(16, 0) == []
    (released,) = settled.reset("file f", 17 * NS_PER_S)
    assert (released.value, released.reason) == (0, "file f is no longer held down: its falls were reset")


class TestDamping:
    def flapped(self) -> Desk:
        """It fell at second 1 and 3 and is up again since second 4."""
        desk = Desk(config(damping="flap_damping 10 40"))
        desk.hear(0, a=True, b=True)
        for second in range(1, 5):
            desk.hear(second, a=second % 2 == 0)
        desk.settled.notes.clear()
        return desk

    def test_what_flaps_is_held_down_with_all_that_counts_it(self) -> None:
        desk = self.flapped()
        assert desk.known == {"a": False, "b": True, "both": False, "either": True}
        assert desk.reason("a") == "check a is up again, but has to stay so for 10 s: it fell 2 times"
        assert desk.reason("both").endswith(desk.reason("a"))
        assert desk.settled.deadline_ns == 14 * NS_PER_S

    def test_the_log_says_once_that_it_is_held(self) -> None:
        desk = Desk(config(damping="flap_damping 10 40"))
        desk.hear(0, a=True)
        desk.hear(1, a=False)
        desk.hear(2, a=True)
        desk.hear(3, a=False)
        assert [note.code for note in desk.settled.notes if note.code == "flap-damping"] == []
        desk.hear(4, a=True)
        desk.hear(5, a=True)
        assert [note.message for note in desk.settled.notes if note.code == "flap-damping"] == [desk.reason("a")]

    def test_it_counts_again_when_it_has_stayed_up(self) -> None:
        desk = self.flapped()
        assert desk.pass_time(13) == {}
        assert desk.pass_time(14) == {"a": True, "both": True}
        assert desk.reason("a") == "check a stayed up for long enough" and desk.settled.deadline_ns is None
        assert [note.code for note in desk.settled.notes] == ["flap-damping", "check-up"]

    def test_an_operator_ends_it(self) -> None:
        desk = self.flapped()
        assert _states(desk.settled.reset("check a", 6 * NS_PER_S)) == {"a": True, "both": True}
        assert desk.settled.damping(6 * NS_PER_S)["check a"].falls == 0
        assert desk.settled.reset("check a", 7 * NS_PER_S) == ()

    def test_only_what_is_damped_can_be_reset(self) -> None:
        with pytest.raises(KeyError):
            self.flapped().settled.reset("check b", 0)

    def test_a_reload_goes_on_with_it(self) -> None:
        desk = self.flapped()
        assert desk.configure(5, config(damping="flap_damping 4 40")) == {}
        assert desk.settled.deadline_ns == 8 * NS_PER_S

    def test_without_it_nothing_is_held(self) -> None:
        desk = self.flapped()
        assert desk.configure(5, config()) == {"a": True, "both": True}

    def test_with_it_from_a_reload_on_what_is_known_holds(self) -> None:
        desk = Desk(config())
        desk.hear(0, a=True, b=True)
        assert desk.configure(1, config(damping="flap_damping 10 40")) == {}
        assert desk.hear(2, a=False) == {"a": False, "both": False}
        assert desk.hear(3, a=True) == {"a": True, "both": True}
