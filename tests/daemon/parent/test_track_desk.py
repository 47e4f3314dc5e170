"""`alived track reset` finds what is meant; `alived status` says what is combined and what is held down."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_S
from alived.cli.status_trackers import combination_lines, damping_lines
from alived.daemon.parent.settled import Settled
from alived.daemon.parent.track_desk import combinations, damping, reset
from alived.daemon.shared.messages import TrackerVerdict
from alived.daemon.status.view import Clock
from alived.health.damping import DampingSnapshot
from alived.health.trackers_config import TrackerKind
from tests.config.helpers import good, instance_text

PING = "ping {\ntarget 192.0.2.1\n}\n"
CONFIG = good(
    f"check web {{\n{PING}flap_damping 10\n}}\ncheck db {{\n{PING}}}\ncheck most {{\nany web script web\n}}\n"
    "vrrp_script web {\nscript /bin/true\nflap_damping 10\n}\n"
    "vrrp_script disk {\nscript /bin/true\nflap_damping 10\n}\n"
    + instance_text("track_check {\nmost weight -20\ndb\n}\ntrack_script {\ndisk\n}")
)


class Desk:
    """The parent's place at second 4: "check web" and "script disk" have flapped and are held down until second 14;
    nothing is known of "script web"."""

    def __init__(self) -> None:
        self.settled = Settled(CONFIG)
        for second in range(5):
            for kind, name in ((TrackerKind.CHECK, "web"), (TrackerKind.SCRIPT, "disk")):
                verdict = TrackerVerdict(kind, name, second % 2 == 0, f"{kind} {name} said it", second)
                self.settled.heard([verdict], second * NS_PER_S)

    @property
    def known(self) -> tuple[TrackerVerdict, ...]:
        return self.settled.known

    @property
    def damping(self) -> dict[str, DampingSnapshot]:
        return self.settled.damping(4 * NS_PER_S)

    def reset(self, key: str) -> None:
        self.settled.reset(key, 4 * NS_PER_S)


@pytest.mark.parametrize(
    ("name", "key"), [("disk", "script disk"), ("script disk", "script disk"), ("check web", "check web")]
)
def test_a_tracker_is_found_by_its_name_and_by_its_kind(name: str, key: str) -> None:
    desk = Desk()
    answer = reset(desk, {"name": name})
    assert answer.ok and answer.result == {"tracker": key, "falls": 2}
    assert desk.damping[key].falls == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": "web"}, "'web' is the name of several: script web, check web"),
        ({"name": "db"}, "no tracker 'db' has flap_damping; those that have it: script web, script disk, check web"),
        ({}, "no tracker None has flap_damping"),
    ],
)
def test_what_is_not_found_is_said(arguments: dict[str, str], error: str) -> None:
    desk = Desk()
    answer = reset(desk, arguments)
    assert not answer.ok and answer.error.startswith(error)
    assert desk.damping["check web"].falls == 2


def test_where_nothing_is_damped() -> None:
    desk = Desk()
    desk.settled = Settled(good(instance_text()))
    assert reset(desk, {"name": "web"}).error == "no tracker 'web' has flap_damping; none has"


def test_combinations_in_the_status() -> None:
    desk = Desk()
    (shown,) = combinations(CONFIG, desk.known, Clock(5 * NS_PER_S, 1e9))
    assert (shown["name"], shown["result"], shown["quorum"]) == ("most", "up", 1)
    assert shown["members"] == ["check web", "script web"]
    assert shown["tracked_by"] == [{"name": "VI_1", "weight": -20, "reverse": False}]
    desk.settled.heard([TrackerVerdict(TrackerKind.SCRIPT, "web", True, "script web succeeded", 5)], 5 * NS_PER_S)
    (shown,) = combinations(CONFIG, desk.known, Clock(7 * NS_PER_S, 1e9))
    first, second = combination_lines(shown)
    assert first.endswith(" for 7.0 s: check most: 1 of 2 is up, 1 must be; tracked by VI_1 (weight -20)")
    assert second == "    counts check web, script web: 1 of 2 must be up"


def test_flap_damping_in_the_status() -> None:
    desk = Desk()
    desk.reset("script disk")
    desk.settled.heard([TrackerVerdict(TrackerKind.SCRIPT, "disk", False, "script disk failed", 5)], 5 * NS_PER_S)
    shown = damping(desk.damping, 6 * NS_PER_S)
    assert shown == [
        {"tracker": "script web", "falls": 0, "held_s": None, "hold_s": 0.0},
        {"tracker": "script disk", "falls": 1, "held_s": None, "hold_s": 10.0},
        {"tracker": "check web", "falls": 2, "held_s": 8.0, "hold_s": 20.0},
    ]
    lines = [line for one in shown for line in damping_lines(one)]
    assert lines[0] == "script disk fell once: if it falls again, it counts as up when it has been so for 10.0 s"
    assert "held down for 8.0 s more, if it stays up: it fell 2 times" in lines[1]
    assert lines[1].endswith("(alived track reset check web)") and len(lines) == 2
