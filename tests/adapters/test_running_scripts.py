"""What is known of scripts that somebody left behind, and who is not taken for one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from alived.adapters.loop import now_ns
from alived.adapters.running_scripts import SLOTS, RunningScripts
from alived.base import NS_PER_S


@pytest.fixture
def sleeper() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process in a session of its own, and when it was started."""
    since_ns = now_ns()
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    while not Path(f"/proc/{process.pid}/cmdline").read_bytes():
        pass  # in the middle of execve(2)
    yield process, since_ns
    process.kill()
    process.wait()


Sleeper = tuple[subprocess.Popen[bytes], int]


def test_who_comes_next_finds_it_by_the_file(sleeper: Sleeper, tmp_path: Path) -> None:
    process, since_ns = sleeper
    path = str(tmp_path / "running")
    RunningScripts(path).begun(process.pid, since_ns)
    heir = RunningScripts(path)
    assert heir.kill_left() == [f"killed sleep 1000 (process {process.pid}), which nobody waited for any more"]
    assert process.wait() == -9
    assert heir.kill_left() == []
    assert os.stat(path).st_mode & 0o077 == 0


def test_one_that_ended_is_forgotten(sleeper: Sleeper) -> None:
    process, since_ns = sleeper
    running = RunningScripts()
    running.ended(running.begun(process.pid, since_ns))
    assert running.kill_left() == []
    assert process.poll() is None


@pytest.mark.parametrize("late_ns", [-2 * NS_PER_S, NS_PER_S], ids=["begun later", "begun before"])
def test_another_process_of_the_same_number_is_left_alone(sleeper: Sleeper, late_ns: int) -> None:
    process, since_ns = sleeper
    running = RunningScripts()
    running.begun(process.pid, since_ns + late_ns)
    assert running.kill_left() == []
    assert process.poll() is None


def test_a_process_that_leads_no_session_is_none_of_ours() -> None:
    since_ns = now_ns()
    with subprocess.Popen(["sleep", "1000"]) as process:
        running = RunningScripts()
        running.begun(process.pid, since_ns)
        assert running.kill_left() == []
        assert process.poll() is None
        process.kill()


def test_there_is_an_end_to_what_is_noted() -> None:
    running = RunningScripts()
    slots = [running.begun(1 << 30, 0) for _ in range(SLOTS + 1)]
    assert None not in slots[:SLOTS]
    assert slots[SLOTS] is None
    running.ended(slots[SLOTS])
    running.ended(slots[0])
    assert running.begun(1 << 30, 0) == slots[0]
    assert running.kill_left() == []


def test_a_file_that_leads_elsewhere_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "running").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        RunningScripts(str(tmp_path / "running"))
    assert not (tmp_path / "elsewhere").exists()
