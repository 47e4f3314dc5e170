"""Defaults of checks are keepalived's."""

from __future__ import annotations

from alived.base import NS_PER_S
from alived.health.config import TcpCheck
from alived.health.trackers_config import VrrpScript


def test_a_check_that_says_nothing() -> None:
    check = TcpCheck(connect_ip="192.0.2.1")
    assert (check.delay_loop_ns, check.connect_timeout_ns) == (60 * NS_PER_S, 5 * NS_PER_S)
    assert (check.retry, check.delay_before_retry_ns, check.alpha) == (1, NS_PER_S, False)


def test_a_script_that_says_nothing() -> None:
    script = VrrpScript(name="chk", argv=("/chk",))
    assert (script.interval_ns, script.timeout_ns, script.rise, script.fall) == (NS_PER_S, NS_PER_S, 1, 1)
    assert (script.weight.value, script.weight.reverse, script.init_fail) == (0, False, False)
