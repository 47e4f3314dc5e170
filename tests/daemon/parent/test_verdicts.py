"""What is known of scripts while the process that runs them dies and comes back."""

from __future__ import annotations

from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.parent.verdicts import PATIENCE_NS, Verdicts
from alived.daemon.shared.messages import TrackerVerdict
from alived.health.trackers_config import TrackerKind
from tests.daemon.checked import pool, tcp
from tests.daemon.tracked_scripts import shell, tracked

SCRIPT = shell("true", interval_ms=1000, timeout_ms=2000)
CONFIG = tracked(SCRIPT)
UP, DOWN = (
    TrackerVerdict(TrackerKind.SCRIPT, "chk", True, "fine", 1),
    TrackerVerdict(TrackerKind.SCRIPT, "chk", False, "broken", 2),
)
LIMIT_NS = 3 * NS_PER_S + PATIENCE_NS


def test_only_changes_are_passed_on() -> None:
    verdicts = Verdicts(CONFIG)
    assert verdicts.heard([UP]) == (UP,)
    assert verdicts.heard([UP]) == ()
    assert verdicts.heard([DOWN]) == (DOWN,)
    assert verdicts.known == (DOWN,)


def test_a_death_alone_changes_nothing_and_a_confirmation_ends_the_wait() -> None:
    verdicts = Verdicts(CONFIG)
    verdicts.heard([UP])
    assert verdicts.deadline_ns is None
    verdicts.worker_died(NS_PER_S)
    assert verdicts.deadline_ns == NS_PER_S + LIMIT_NS
    assert verdicts.expire(NS_PER_S + LIMIT_NS - 1) == ()
    verdicts.worker_began()
    assert verdicts.heard([UP]) == ()
    assert verdicts.deadline_ns is None


def test_what_nobody_checks_does_not_stay_green() -> None:
    verdicts = Verdicts(CONFIG)
    verdicts.heard([UP])
    verdicts.worker_died(0)
    verdicts.worker_died(LIMIT_NS - 1)  # a worker that dies again and again does not prolong it
    reason = "script chk was not checked for 8.0 s: the process that does it died"
    failed = TrackerVerdict(TrackerKind.SCRIPT, "chk", False, reason, LIMIT_NS)
    assert verdicts.expire(LIMIT_NS) == (failed,)
    assert verdicts.known == (failed,)
    assert verdicts.deadline_ns is None
    assert verdicts.heard([UP]) == (UP,)


def test_a_check_of_a_real_server_stays_up_however_long_nobody_asks() -> None:
    """Who cannot ask must not empty a pool."""
    name = "192.0.2.1:80 192.0.2.7:80 TCP_CHECK"
    verdicts = Verdicts(pool(tcp(80)))
    verdicts.heard([TrackerVerdict(TrackerKind.CHECK, name, True, "fine", 1)])
    verdicts.worker_died(7)
    assert verdicts.deadline_ns is None
    verdicts.configure(pool(tcp(80)))
    assert verdicts.expire(1 << 62) == ()


def test_the_last_words_of_a_worker_are_no_confirmation() -> None:
    verdicts = Verdicts(CONFIG)
    verdicts.worker_died(7)
    assert verdicts.heard([UP]) == (UP,)
    assert verdicts.deadline_ns == 7 + LIMIT_NS
    assert verdicts.heard([DOWN]) == (DOWN,)
    assert verdicts.deadline_ns is None


def test_what_is_down_stays_down() -> None:
    verdicts = Verdicts(CONFIG)
    verdicts.heard([DOWN])
    verdicts.worker_died(0)
    assert verdicts.deadline_ns is None


def test_a_reload_forgets_what_is_gone() -> None:
    verdicts = Verdicts(CONFIG)
    verdicts.heard([UP])
    verdicts.worker_died(0)
    verdicts.configure(tracked(shell("false")))
    assert verdicts.known == (UP,)
    verdicts.configure(Config())
    assert (verdicts.known, verdicts.deadline_ns) == ((), None)
    assert verdicts.heard([UP]) == ()
