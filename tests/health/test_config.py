"""Defaults of checks are keepalived's."""

from __future__ import annotations

from alived.base import NS_PER_S
from alived.health.config import MiscCheck, TcpCheck
from alived.health.trackers_config import Tracked, TrackerKind, Tracking, VrrpScript, Weight


def test_a_check_that_says_nothing() -> None:
    check = TcpCheck(connect_ip="192.0.2.1")
    assert (check.delay_loop_ns, check.connect_timeout_ns) == (60 * NS_PER_S, 5 * NS_PER_S)
    assert (check.retry, check.delay_before_retry_ns, check.alpha) == (1, NS_PER_S, False)


def test_a_script_that_says_nothing() -> None:
    script = VrrpScript(name="chk", argv=("/chk",))
    assert (script.interval_ns, script.timeout_ns, script.rise, script.fall) == (NS_PER_S, NS_PER_S, 1, 1)
    assert (script.weight.value, script.weight.reverse, script.init_fail) == (0, False, False)


def test_how_long_an_answer_may_take() -> None:
    assert TcpCheck(connect_ip="192.0.2.1", connect_timeout_ns=7).patience_ns == 7
    assert MiscCheck(argv=("/chk",), misc_timeout_ns=9).patience_ns == 9


def test_what_is_tracked_by_verdicts() -> None:
    """Not BFD: there is no speaker."""
    one, two = Tracked("one", Weight()), Tracked("two", Weight(5))
    tracking = Tracking(scripts=(one,), units=(two,), bfd=(one,))
    assert list(tracking.judged()) == [(TrackerKind.SCRIPT, one), (TrackerKind.UNIT, two)]
