"""What the status says of checks."""

from __future__ import annotations

from typing import Any

import click
import pytest

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.cli.status_checks import check_lines
from alived.daemon.shared.messages import TrackerVerdict, WorkerSnapshot
from alived.daemon.status import check_view
from alived.daemon.status.view import Clock
from alived.health.check_events import CheckEvent, CheckReconfigured, ProbeEnded, ProbeUndecided, Sight
from alived.health.checker import Checker
from alived.health.config import AnyCheck, HttpCheck, TcpCheck, Url
from alived.health.dialogue import Verdict
from alived.health.trackers_config import TrackerKind
from tests.daemon.checked import checking, pool, shell, tcp

NOW = 100 * NS_PER_S
CLOCK = Clock(NOW, 1_000_000.0)
KNOWN = [TrackerVerdict(TrackerKind.CHECK, "web", True, "check web succeeded: connected", NOW - 90 * NS_PER_S)]
CHECK = tcp(80, 1000, retry=2, connect_timeout_ns=2 * NS_PER_S)


def snapshot(check: Any, *story: tuple[int, CheckEvent]) -> WorkerSnapshot:
    """story: milliseconds after its start, when something happened."""
    began_ns = NOW - 3 * NS_PER_S
    checker = Checker("check web", check, began_ns, 1.0)
    for after_ms, event in story:
        checker.step(event, began_ns + after_ms * NS_PER_MS)
    return WorkerSnapshot(request_id=1, now_ns=NOW, scripts=(), checks={"web": checker.snapshot()})


def ended(run: int, ok: bool, reason: str, **sight: Any) -> ProbeEnded:
    return ProbeEnded(run, Verdict(ok, reason), 3_456_000, Sight(**sight))


DUE = DeadlineReached()
STORY = ((0, DUE), (3, ended(1, True, "connected")), (1000, DUE), (1003, ended(2, False, "connection refused")))


def shown(check: AnyCheck, *story: tuple[int, CheckEvent], known: list[TrackerVerdict] = KNOWN) -> dict[str, Any]:
    (one,) = check_view.checks(checking(web=check), known, snapshot(check, *story), CLOCK)
    return one


def lines(check: dict[str, Any]) -> list[str]:
    return [click.unstyle(line) for line in check_lines(check)]


def test_the_verdict_and_the_probes() -> None:
    check = shown(CHECK, *STORY)
    probes = check.pop("probes")
    assert check == {
        "name": "web",
        "kind": "TCP_CHECK",
        "target": "127.0.0.1:80",
        "result": "up",
        "reason": "check web succeeded: connected",
        "value": None,
        "since": 999_910.0,
        "since_s": 90.0,
        "interval_s": 1.0,
        "timeout_s": 2.0,
        "rise": 1,
        "fall": 1,
        "retry": 2,
        "tracked_by": [],
    }
    first, last = probes.pop("history")
    assert (first["ok"], first["age_s"]) == (True, 2.997)
    assert probes == {
        "last": last,
        "exit_status": None,
        "output": [],
        "certificate_until": None,
        "certificate_days": None,
        "weight": None,
        "streak": 1,
        "failed_tries": 1,
        "count": 2,
        "undecided": None,
        "suspended": False,
        "running_s": None,
        "next_run_s": -1.0,
    }
    assert last == {
        "ok": False,
        "reason": "connection refused",
        "url": "",
        "time": 999_998.003,
        "age_s": 1.997,
        "took_ms": 3.46,
    }


def test_for_people() -> None:
    assert lines(shown(CHECK, *STORY)) == [
        "check web  up for 1 min 30 s: check web succeeded: connected",
        "    TCP_CHECK 127.0.0.1:80 every 1 s: connection refused 2.0 s ago (took 3.46 ms); next one in 0.0 s",
        "    1 of 3 tries failed",
    ]


def test_before_the_first_verdict_it_is_unknown() -> None:
    check = shown(CHECK, (0, DUE), known=[])
    assert lines(check) == [
        "check web  unknown: no result yet",
        "    TCP_CHECK 127.0.0.1:80 every 1 s: a probe runs for 3.0 s",
    ]


def test_without_an_answer_of_the_worker() -> None:
    (check,) = check_view.checks(checking(web=CHECK), KNOWN, None, CLOCK)
    assert check["probes"] is None
    assert lines(check)[1] == "    TCP_CHECK 127.0.0.1:80 every 1 s: the process that asks does not answer"


def test_a_command() -> None:
    check = shell("true", 1000, misc_dynamic=True)
    weighed = ProbeEnded(1, Verdict(True, "exit 12, that is weight 10", 10), 1, Sight(exit_status=12, output=("busy",)))
    told = lines(shown(check, (0, DUE), (1, weighed)))
    assert told[2:] == ["    weight 10, by its exit status", "    output: busy"]
    assert shown(check, (0, DUE), (1, weighed))["probes"]["exit_status"] == 12


def test_what_could_not_ask_is_loud() -> None:
    story = (0, DUE), (1, ended(1, True, "connected")), (1001, DUE), (1002, ProbeUndecided(2, "no free port"))
    assert lines(shown(CHECK, *story))[2] == "    could not ask: no free port"


@pytest.mark.parametrize(
    ("until_s", "told"),
    [
        (1_000_000 + 86_400 * 80, "    its certificate expires in 80 days, on 1970-04-"),
        (1_000_000 + 86_400 * 2, "    its certificate expires in 2 days, on 1970-01-14"),
        (1_000_000 - 86_400 * 2, "    its certificate expired on 1970-01-10"),
    ],
)
def test_certificates(until_s: int, told: str) -> None:
    check = shown(CHECK, (0, DUE), (1, ended(1, True, "connected", certificate_until_s=until_s)))
    assert lines(check)[2].startswith(told)
    (line,) = [line for line in check_lines(check) if "certificate" in line]
    assert ("\x1b" in line) is (until_s < 1_000_000 + 86_400 * 14)


def test_several_urls() -> None:
    two = HttpCheck(connect_ip="192.0.2.1", urls=(Url(path="/a"), Url(path="/b")), retry=0, warmup_ns=0)
    failed = (0, DUE), (1, ended(1, False, "HTTP status 503, not 200-299"))
    assert shown(two, *failed)["probes"]["last"]["url"] == "/a"
    assert "every 60 s: /a: HTTP status 503" in lines(shown(two, *failed))[1]


def test_a_result_of_a_url_that_a_reload_took_away() -> None:
    two = HttpCheck(connect_ip="192.0.2.1", urls=(Url(path="/a"), Url(path="/b")), delay_loop_ns=NS_PER_S, warmup_ns=0)
    one = HttpCheck(connect_ip="192.0.2.1", urls=(Url(path="/c"),))
    story = (
        (0, DUE),
        (1, ended(1, True, "fine")),
        (1500, DUE),
        (1501, ended(2, True, "fine")),
        (1600, CheckReconfigured(one)),
    )
    (check,) = check_view.checks(checking(web=one), KNOWN, snapshot(two, *story), CLOCK)
    assert [result["url"] for result in check["probes"]["history"]] == ["", ""]


def test_those_of_real_servers_are_tracked_by_nobody() -> None:
    (check,) = check_view.checks(pool(TcpCheck(connect_ip="192.0.2.7", connect_port=80)), [], None, CLOCK)
    assert (check["name"], check["tracked_by"]) == ("192.0.2.1:80 192.0.2.7:80 TCP_CHECK", [])
