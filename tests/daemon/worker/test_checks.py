"""Checks in a worker: real connections on loopback, real commands."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from alived.adapters.loop import Loop
from alived.base import NS_PER_MS
from alived.config.model import GlobalDefs
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import (
    BusMessage,
    Configure,
    SnapshotRequest,
    TrackerVerdict,
    WorkerSnapshot,
)
from alived.daemon.worker import commands
from alived.daemon.worker.checks import STAGGER_NS
from alived.daemon.worker.worker import Worker
from alived.health.config import RedisCheck
from alived.health.trackers_config import TrackerKind
from tests.daemon.checked import checking, listening, pool, shell, tcp, unused_port
from tests.daemon.processes import LIMITS_MS, has_begun
from tests.daemon.worker.worker_play import Begin, WorkerPlay, plays


@pytest.fixture
def play() -> Iterator[Begin]:
    yield from plays()


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("commands are started by root")


def known(up: bool) -> TrackerVerdict:
    return TrackerVerdict(TrackerKind.CHECK, "web", up, "it was", 1)


def test_it_follows_what_happens(play: Begin) -> None:
    port = unused_port()
    worker = play(checking(web=tcp(port)))
    assert (worker.verdict().up, worker.verdict().reason) == (False, "check web failed: connection refused")
    with listening(port):
        worker.until(lambda: worker.verdict().up)
        assert worker.verdict().reason == "check web succeeded: connected"
    worker.until(lambda: not worker.verdict().up)
    assert [verdict.key for verdict in worker.verdicts] == ["check web"] * 3
    assert [(line.level, line.code) for line in worker.log] == [
        ("warning", "check-down"),
        ("info", "check-up"),
        ("warning", "check-down"),
    ]


def test_many_checks_do_not_begin_in_one_breath(play: Begin) -> None:
    """What is asked meanwhile is heard between them."""
    worker = play(checking(**{f"c{number}": tcp(1, 60_000) for number in range(200)}))
    due_ns = [shown.next_run_ns for shown in worker.checks().values()]
    assert None not in due_ns
    assert {later - earlier for earlier, later in itertools.pairwise(due_ns)} == {STAGGER_NS}  # type: ignore[operator]


def test_checks_with_a_warm_up_are_spread_already(play: Begin) -> None:
    checks = {f"c{number}": tcp(1, 60_000, warmup_ns=60_000 * NS_PER_MS) for number in range(50)}
    worker = play(checking(**checks))
    due_ns = [shown.next_run_ns or 0 for shown in worker.checks().values()]
    assert 60_000 * NS_PER_MS > max(due_ns) - min(due_ns) > 20_000 * NS_PER_MS


def test_what_stays_is_not_said_again(play: Begin) -> None:
    with listening() as port:
        worker = play(checking(web=tcp(port, 2)))
        worker.until(lambda: worker.check().runs > 20)
        assert len(worker.verdicts) == 1
        assert worker.check().streak >= 20


def test_checks_of_real_servers_run_too(play: Begin) -> None:
    with listening() as port:
        worker = play(pool(tcp(port)))
        assert worker.verdict().reason == "TCP_CHECK of 192.0.2.7:80 for 192.0.2.1:80 succeeded: connected"
        assert list(worker.checks()) == ["192.0.2.1:80 192.0.2.7:80 TCP_CHECK"]


def test_alpha_of_a_real_server_is_no_verdict_of_the_worker(play: Begin) -> None:
    """The pool begins with it; what comes from here is what was asked."""
    worker = play(pool(tcp(unused_port(), alpha=True)))
    assert worker.verdict().reason == "TCP_CHECK of 192.0.2.7:80 for 192.0.2.1:80 failed: connection refused"
    assert len(worker.verdicts) == 1


@pytest.mark.usefixtures("as_root")
def test_a_weight_is_that_of_a_real_server_and_nobody_elses(play: Begin) -> None:
    check = shell("exit 12", misc_dynamic=True)
    assert play(pool(check)).verdict().value == 10
    assert play(checking(web=check)).verdict().value is None


def test_what_we_lack_is_no_verdict(play: Begin) -> None:
    with listening() as port:
        worker = play(checking(web=tcp(port, bindto="192.0.2.99")))
        worker.until(lambda: worker.check().runs > 2)
        assert worker.verdicts == []
        assert [line.code for line in worker.log] == ["check-undecided"]
        assert worker.check().up is None
        assert worker.check().undecided


def test_a_tracker_that_can_no_longer_ask_does_not_stay_green(play: Begin) -> None:
    with listening() as port:
        worker = play(checking(web=tcp(port, 2)))
        assert worker.verdict().up
        worker.worker.handle(Configure(checking(web=tcp(port, 2, bindto="192.0.2.99"))))
        worker.until(lambda: not worker.verdict().up)
        assert worker.verdict().reason.startswith("check web could not ask 10 times in a row: ")
        worker.worker.handle(Configure(checking(web=tcp(port, 2))))
        worker.until(lambda: worker.verdict().up)


def test_a_password_that_cannot_be_read_is_no_verdict(play: Begin) -> None:
    check = RedisCheck(
        connect_ip="127.0.0.1", connect_port=1, password_file="/nonexistent", delay_loop_ns=NS_PER_MS, warmup_ns=0
    )
    worker = play(checking(web=check))
    worker.until(lambda: worker.check().undecided)
    assert worker.check().undecided == "/nonexistent: No such file or directory"
    assert worker.verdicts == []


def test_a_new_worker_goes_on_with_what_was_known(play: Begin) -> None:
    worker = play(checking(web=tcp(unused_port(), fall=3)), known(True))
    assert worker.verdict().reason == "check web failed 3 times in a row: connection refused"


def test_a_new_worker_confirms_what_is_so(play: Begin) -> None:
    worker = play(checking(web=tcp(unused_port())), known(False))
    assert worker.verdict().reason == "check web failed: connection refused"
    assert worker.log == []


def test_nothing_is_asked_before_the_parent_has_said_what_is_known() -> None:
    loop, sent = Loop(), list[BusMessage]()
    worker = Worker(ChildContext("worker", loop, checking(web=tcp(1)), sent.append))
    worker.start()
    worker.handle(Configure(checking(web=tcp(2))))
    worker.handle(SnapshotRequest(request_id=1))
    assert isinstance(sent[-1], WorkerSnapshot) and sent[-1].checks == {}
    worker.stop(lambda: None)
    loop.close()


def test_a_reload_keeps_what_is_the_same_and_drops_what_is_gone(play: Begin) -> None:
    with listening() as port:
        worker = play(checking(web=tcp(port, 60_000), gone=tcp(port)))
        worker.until(lambda: len(worker.verdicts) == 2)
        worker.worker.handle(Configure(checking(web=tcp(port, 60_000))))
        assert list(worker.checks()) == ["web"]
        assert (worker.check().runs, worker.check().up) == (1, True)


def test_a_reload_asks_another_target_at_once(play: Begin) -> None:
    with listening() as port:
        worker = play(checking(web=tcp(port, 60_000)))
        assert worker.verdict().up
        worker.worker.handle(Configure(checking(web=tcp(unused_port(), 60_000))))
        worker.until(lambda: not worker.verdict().up)


@pytest.mark.usefixtures("as_root")
class TestCommands:
    @pytest.mark.parametrize(
        ("text", "up", "reason"), [("exit 0", True, "succeeded: exit 0"), ("exit 3", False, "failed: exit 3")]
    )
    def test_the_exit_status_is_the_result(self, play: Begin, text: str, up: bool, reason: str) -> None:
        verdict = play(checking(web=shell(text))).verdict()
        assert (verdict.up, verdict.reason) == (up, f"check web {reason}")

    def test_a_dynamic_weight(self, play: Begin) -> None:
        worker = play(checking(web=shell("exit 12", misc_dynamic=True)))
        assert worker.verdict().reason == "check web succeeded: exit 12, that is weight 10"
        assert worker.check().weight == 10

    def test_what_it_printed(self, play: Begin) -> None:
        worker = play(checking(web=shell("seq 1000; echo no memory >&2; exit 1")))
        worker.verdict()
        sight = worker.check().sight
        assert (sight.exit_status, len(sight.output)) == (1, 5)
        assert worker.log[0].message.startswith("check web failed: exit 1; it said: 997 | 998 | 999 | 1000 | no memory")

    @pytest.mark.parametrize("path", ["/nonexistent/check", "/etc/hostname", "/etc"])
    def test_one_that_cannot_be_run_is_down_and_says_why(self, play: Begin, path: str) -> None:
        """keepalived removes such a check, and then nothing checks the server."""
        verdict = play(checking(web=shell("", argv=(path,)))).verdict()
        assert not verdict.up
        assert verdict.reason.startswith(f"check web failed: cannot be started: {path}: ")

    def test_an_unsafe_one_does_not_run(self, play: Begin, tmp_path: Path) -> None:
        command = tmp_path / "check"
        command.write_text("#!/bin/sh\n")
        command.chmod(0o777)
        config = checking(web=shell("", argv=(str(command),)))
        careful = msgspec.structs.replace(config, global_defs=GlobalDefs(enable_script_security=True))
        assert "can be changed by others than root" in play(careful).verdict().reason

    @pytest.mark.parametrize("text", ["sleep 1000", "sleep 1000 & sleep 1001 & wait"], ids=["hangs", "forks"])
    def test_a_timeout_ends_all_that_it_started(self, play: Begin, tmp_path: Path, text: str) -> None:
        group = tmp_path / "group"
        for limit_ms in LIMITS_MS:
            worker = play(checking(web=shell(f"echo $$ > {group}; {text}", 60_000, timeout_ms=limit_ms)))
            assert worker.verdict().reason == f"check web failed: timed out after {limit_ms / 1000:g} s"
            if has_begun(group):
                break
        worker.until(lambda: is_gone(int(group.read_text())))

    def test_one_that_ignores_sigterm_is_killed_and_stays_down(
        self, play: Begin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commands, "KILL_GRACE_NS", 200 * NS_PER_MS)
        worker = play(checking(web=shell("trap '' TERM; while :; do sleep 1000; done", 50, timeout_ms=50)))
        assert worker.verdict().reason == "check web failed: timed out after 0.05 s"
        results: set[str] = set()

        def both() -> bool:
            results.update(result.reason.split(":")[0].split(" after")[0] for result in worker.check().history)
            return results >= {"timed out", "the run before hangs"} and worker.check().runs > 8

        worker.until(both)
        assert worker.check().up is False

    def test_a_reload_ends_the_command_that_it_replaces(self, play: Begin, tmp_path: Path) -> None:
        group = tmp_path / "group"
        worker = play(checking(web=shell(f"echo $$ > {group}; sleep 1000", 60_000)))
        worker.until(lambda: group.exists() and group.read_text())
        worker.worker.handle(Configure(checking(web=shell("exit 4"))))
        assert worker.verdict().reason == "check web failed: exit 4"
        worker.until(lambda: is_gone(int(group.read_text())))

    def test_only_so_many_at_once(self, play: Begin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Also when the first ones cannot even be started."""
        monkeypatch.setattr(commands, "MOST_AT_ONCE", 2)
        text = f"test $(ls {tmp_path} | wc -l) -lt 2 && touch {tmp_path}/$$ && sleep 0.02 && rm {tmp_path}/$$"
        checks = {f"c{number}": shell(text, 60_000) for number in range(8)}
        missing = {f"m{number}": shell("", 60_000, argv=("/nonexistent",)) for number in range(4)}
        worker = play(checking(**checks, **missing))
        worker.until(lambda: len(worker.verdicts) == 12)
        up = {verdict.name for verdict in worker.verdicts if verdict.up}
        assert up == set(checks)

    def test_the_end_of_the_worker_ends_them(self, tmp_path: Path) -> None:
        group = tmp_path / "group"
        worker = WorkerPlay(checking(web=shell(f"echo $$ > {group}; sleep 1000")))
        worker.until(lambda: group.exists() and group.read_text())
        worker.stop()
        assert not worker.verdicts
        wait_gone(int(group.read_text()))


def is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def wait_gone(group: int) -> None:
    """It is a zombie of ours that nobody waits for any more, if it was killed."""
    assert os.waitpid(group, 0)[1] == signal.SIGKILL
