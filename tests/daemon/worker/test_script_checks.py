"""Real scripts that succeed, fail, hang, babble and cannot be run, in a worker."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from alived.adapters.loop import Loop
from alived.config.model import GlobalDefs
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import BusMessage, Configure, LogLine, TrackerVerdict, WorkerSnapshot
from alived.daemon.shared.messages import SnapshotRequest as Ask
from alived.daemon.worker.worker import Worker
from alived.health.trackers_config import TrackerKind
from tests.daemon.processes import LIMITS_MS, has_begun
from tests.daemon.tracked_scripts import shell, tracked
from tests.daemon.worker.worker_play import Begin, plays


@pytest.fixture
def play() -> Iterator[Begin]:
    if os.geteuid() != 0:
        pytest.skip("scripts are started by root")
    yield from plays()


@pytest.fixture(params=["root", "nobody"])
def user(request: pytest.FixtureRequest) -> str:
    """Scripts of our own account we start ourselves, those of others a starter."""
    return str(request.param)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where everybody may write, unlike in tmp_path."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o777)
        yield Path(name)


@pytest.mark.parametrize(("text", "up", "reason"), [("exit 0", True, "succeeded"), ("exit 3", False, "failed: exit 3")])
def test_the_exit_code_is_the_result(play: Begin, text: str, up: bool, reason: str, user: str) -> None:
    verdict = play(tracked(shell(text, user=user))).verdict()
    assert (verdict.up, verdict.reason) == (up, f"script chk {reason}")


def test_it_follows_what_happens(play: Begin, tmp_path: Path) -> None:
    flag = tmp_path / "bad"
    worker = play(tracked(shell(f"test ! -e {flag}", fall=2)))
    assert worker.verdict().up
    flag.touch()
    worker.until(lambda: not worker.verdict().up)
    assert worker.verdict().reason == "script chk failed 2 times in a row: exit 1"
    flag.unlink()
    worker.until(lambda: worker.verdict().up)
    logged = [(line.level, line.code) for line in worker.sent if isinstance(line, LogLine)]
    logged = [said for said in logged if said[1] != "script-overlap"]  # the machine may be slow
    assert logged == [("info", "script-up"), ("warning", "script-down"), ("info", "script-up")]


@pytest.mark.parametrize(
    "path", ["/nonexistent/check", "/etc/hostname", "/etc"], ids=["missing", "not executable", "a directory"]
)
def test_one_that_cannot_be_run_is_down_and_says_why(play: Begin, path: str, user: str) -> None:
    verdict = play(tracked(shell("", argv=(path,), user=user))).verdict()
    assert not verdict.up
    assert verdict.reason.startswith(f"script chk cannot be started: {path}: ")


def test_an_unknown_user(play: Begin) -> None:
    reason = "script chk cannot be started: there is no user nobody-knows"
    assert play(tracked(shell("true", user="nobody-knows"))).verdict().reason == reason


def test_script_security(play: Begin, tmp_path: Path) -> None:
    check = tmp_path / "check"
    check.write_text("#!/bin/sh\n")
    check.chmod(0o777)
    config = tracked(shell("", argv=(str(check),)))
    careful = msgspec.structs.replace(config, global_defs=GlobalDefs(enable_script_security=True))
    assert "can be changed by others than root" in play(careful).verdict().reason


def test_user_and_group(play: Begin) -> None:
    worker = play(tracked(shell("id -u; id -g", user="nobody", group="daemon")))
    worker.until(lambda: worker.verdicts)
    assert list(worker.script().output) == ["65534", "1"]


@pytest.mark.parametrize("text", ["sleep 1000", "sleep 1000 & sleep 1001 & wait"], ids=["hangs", "forks"])
def test_a_timeout_ends_all_that_it_started(play: Begin, folder: Path, text: str, user: str) -> None:
    pids = folder / "group"
    for limit_ms in LIMITS_MS:
        worker = play(tracked(shell(f"echo $$ > {pids}; {text}", interval_ms=60_000, timeout_ms=limit_ms, user=user)))
        assert worker.verdict().reason == f"script chk timed out after {limit_ms / 1000:g} s"
        if has_begun(pids):
            break
    worker.until(lambda: worker.script().running_since_ns is None)
    assert worker.script().exit_status == -signal.SIGTERM
    worker.until(lambda: is_gone(int(pids.read_text())))


def is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_helpers_that_ignore_sigterm_go_when_their_script_goes(play: Begin, folder: Path, user: str) -> None:
    pids, ready = folder / "group", folder / "ready"
    helper = f"(trap '' TERM; touch {ready}; while :; do sleep 1000; done) &"
    text = f"echo $$ > {pids}; {helper} while ! test -e {ready}; do :; done; wait"
    for limit_ms in LIMITS_MS:
        worker = play(tracked(shell(text, interval_ms=60_000, timeout_ms=limit_ms, user=user)))
        assert not worker.verdict().up
        if ready.exists():
            break
    worker.until(lambda: worker.script().running_since_ns is None)
    worker.until(lambda: is_gone(int(pids.read_text())))


def test_one_that_ignores_sigterm_is_killed_and_checking_goes_on(play: Begin, user: str) -> None:
    text = "trap '' TERM; while :; do sleep 1000; done"
    worker = play(tracked(shell(text, interval_ms=500, timeout_ms=500, user=user)))
    assert worker.verdict().reason == "script chk timed out after 0.5 s"
    worker.until(lambda: worker.script().runs == 2)
    assert worker.script().exit_status == -signal.SIGKILL
    assert worker.script().overlaps >= 3
    assert worker.script().streak > 1


def test_a_million_lines(play: Begin, user: str) -> None:
    worker = play(tracked(shell("seq 1000000; exit 1", interval_ms=60_000, timeout_ms=60_000, user=user)))
    assert worker.verdict().reason == "script chk failed: exit 1"
    assert worker.script().output == tuple(str(number) for number in range(999_996, 1_000_001)), "what it died of"


def peak_bytes() -> int:
    """Of the memory of this process, since the last time that somebody asked."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.parametrize("text", ["yes", "exec cat /dev/zero"], ids=["lines", "one line"])
def test_output_without_end_costs_no_memory_and_ends_with_its_time(play: Begin, text: str) -> None:
    worker = play(tracked(shell(text, interval_ms=60_000, timeout_ms=700)))
    peak_bytes()
    before = peak_bytes()
    assert worker.verdict().reason == "script chk timed out after 0.7 s"
    worker.until(lambda: worker.script().running_since_ns is None)
    assert peak_bytes() < before + (4 << 20), "hundreds of megabytes went through"


def test_a_script_of_somebody_else_is_not_run_by_root_with_script_security(play: Begin, tmp_path: Path) -> None:
    check = tmp_path / "check"
    check.write_text("#!/bin/sh\n")
    check.chmod(0o755)
    os.chown(check, 65534, 65534)
    config = tracked(shell("", argv=(str(check),)))
    assert play(config).verdict().up, "keepalived runs it, too"
    careful = msgspec.structs.replace(config, global_defs=GlobalDefs(enable_script_security=True))
    reason = f"enable_script_security: {check} can be changed by others than root, so root does not run it"
    assert play(careful).verdict().reason == f"script chk cannot be started: {reason}"


def test_whoever_kills_the_starter_of_scripts_takes_nothing_down(play: Begin, folder: Path) -> None:
    began = folder / "began"
    text = f"echo $PPID >> {began}; test -e {folder}/go || sleep 30"
    worker = play(tracked(shell(text, interval_ms=60_000, timeout_ms=60_000, user="nobody")))
    worker.until(began.exists)
    worker.until(lambda: began.read_text().endswith("\n"))
    (folder / "go").touch()
    os.kill(int(began.read_text()), signal.SIGKILL)
    assert worker.verdict().reason == "script chk succeeded"
    first, second = began.read_text().split()
    assert first != second, "another starter"


def test_there_is_never_a_second_run_beside_the_first(play: Begin, tmp_path: Path) -> None:
    text = f"mkdir {tmp_path}/runs || touch {tmp_path}/twice; sleep 0.2; rmdir {tmp_path}/runs"
    worker = play(tracked(shell(text, interval_ms=20)))
    worker.until(lambda: worker.script().runs == 3)
    assert worker.script().overlaps >= 2
    assert not (tmp_path / "twice").exists()
    assert [line.code for line in worker.sent if isinstance(line, LogLine)].count("script-overlap") == 1


def test_one_that_leaves_a_daemon_behind_is_not_waited_for(play: Begin, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    daemon = f"setsid sh -c 'echo $$ > {pid_file}; exec sleep 1000' &"
    worker = play(tracked(shell(f"{daemon} while ! test -s {pid_file}; do :; done", interval_ms=60_000)))
    assert worker.verdict().up
    os.kill(int(pid_file.read_text()), signal.SIGKILL)  # raises if it is not there: it is the operator's


def test_a_reload_keeps_what_is_the_same_and_drops_what_is_gone(play: Begin, tmp_path: Path) -> None:
    same, gone = shell("true", "same", interval_ms=60_000), shell(f"echo $$ > {tmp_path}/pid; sleep 1000", "gone")
    worker = play(tracked(same, gone))
    worker.until(lambda: worker.verdicts and (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    worker.worker.handle(Configure(tracked(same)))
    worker.until(lambda: is_gone(int((tmp_path / "pid").read_text())))
    assert worker.script().name == "same"
    assert worker.script().runs == 1


def test_a_reload_asks_another_command_at_once(play: Begin) -> None:
    worker = play(tracked(shell("true", interval_ms=60_000)))
    assert worker.verdict().up
    worker.worker.handle(Configure(tracked(shell("false", interval_ms=60_000))))
    worker.until(lambda: not worker.verdict().up)


def test_a_new_worker_goes_on_with_what_was_known(play: Begin) -> None:
    worker = play(tracked(shell("false", fall=3)), TrackerVerdict(TrackerKind.SCRIPT, "chk", True, "it was", 1))
    assert worker.verdict().reason == "script chk failed 3 times in a row: exit 1"


def test_no_script_runs_before_the_parent_has_said_what_is_known(tmp_path: Path) -> None:
    loop, sent = Loop(), list[BusMessage]()
    worker = Worker(ChildContext("worker", loop, tracked(shell("true")), sent.append))
    worker.start()
    worker.handle(Configure(tracked(shell("false"))))
    worker.handle(Ask(request_id=1))
    answer = sent[-1]
    assert isinstance(answer, WorkerSnapshot)
    assert answer.scripts == ()
    loop.close()
