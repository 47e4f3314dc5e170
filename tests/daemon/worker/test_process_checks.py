"""Real processes that come, go and change their names, in a worker that the kernel tells or that looks for itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from alived.adapters import proc_events
from alived.adapters.netns import CAP_NET_ADMIN, capable
from alived.config.model import Config
from alived.daemon.shared.messages import Configure, TrackerVerdict
from alived.daemon.worker import process_checks
from alived.health.trackers_config import Tracked, TrackerKind, Tracking, TrackProcess, Weight
from tests.daemon.tracked_scripts import tracked
from tests.daemon.worker.worker_play import Begin, WorkerPlay, plays


@pytest.fixture
def play() -> Iterator[Begin]:
    if not capable(CAP_NET_ADMIN):
        pytest.skip("needs CAP_NET_ADMIN")
    yield from plays()


@pytest.fixture
def told(play: Begin) -> Begin:
    """A worker that the kernel tells, where it does that."""
    try:
        proc_events.ProcEvents().close()
    except OSError as error:
        pytest.skip(f"the kernel does not tell here: {error}")
    return play


class Program:
    """A copy of sleep under a name that nobody else has."""

    def __init__(self, directory: Path) -> None:
        self.name = f"alv{os.getpid()}"
        self.path = directory / self.name
        shutil.copy(shutil.which("sleep") or "/bin/sleep", self.path)
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        self.running.append(subprocess.Popen([self.path, *(arguments or ["1000"])]))
        return self.running[-1]

    def end(self) -> None:
        process = self.running.pop()
        process.kill()
        process.wait()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path)
    yield made
    while made.running:
        made.end()


def tracks(*processes: TrackProcess) -> Config:
    known = tracked()
    names = Tracking(processes=tuple(Tracked(one.name, Weight()) for one in processes))
    instance = msgspec.structs.replace(known.instances[0], tracking=names)
    return msgspec.structs.replace(known, instances=(instance,), track_processes=processes)


def up_and_down(worker: WorkerPlay, program: Program) -> None:
    worker.until(lambda: worker.verdicts and not worker.verdicts[-1].up)
    program.start()
    worker.until(lambda: worker.verdicts[-1].up)
    program.end()
    worker.until(lambda: not worker.verdicts[-1].up)


def test_the_kernel_tells(told: Begin, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_checks, "SAFETY_NS", 3600 * 10**9)
    worker = told(tracks(TrackProcess(name="p", process=program.name)))
    worker.until(lambda: "the kernel tells what changes" in worker.snapshot().trackers[0].details)
    up_and_down(worker, program)
    assert worker.verdicts[-1].key == "process p"
    assert worker.logged("process-down")[-1] == f"process p: no processes {program.name}, at least 1 wanted"
    assert worker.logged("process-polling") == []


def test_answers_to_others_who_listen_are_not_for_us(
    told: Begin, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look in answer to one of them would be in vain."""
    worker = told(tracks(TrackProcess(name="p", process=program.name)))
    worker.until(lambda: "the kernel tells what changes" in worker.snapshot().trackers[0].details)
    looks: list[bool] = []
    monkeypatch.setattr(process_checks, "read_processes", lambda **_: looks.append(True) or {})
    other = proc_events.ProcEvents()
    program.start()
    worker.until(lambda: worker.verdicts[-1].up)
    other.close()
    assert looks == []


def test_a_command_line_with_arguments(told: Begin, program: Program) -> None:
    wanted = TrackProcess(name="p", process=str(program.path), arguments=("1001",), full_command=True)
    worker = told(tracks(msgspec.structs.replace(wanted, param_match="exact")))
    program.start("1002")
    program.start("1001")
    worker.until(lambda: worker.verdicts and worker.verdicts[-1].up)
    assert worker.snapshot().trackers[0].details[0] == f"pid {program.running[-1].pid}"


def test_a_process_that_changes_its_name(told: Begin, program: Program) -> None:
    text = f"import time; open('/proc/self/comm', 'w').write('{program.name}'); time.sleep(1000)"
    worker = told(tracks(TrackProcess(name="p", process=program.name)))
    with subprocess.Popen([sys.executable, "-c", text]) as process:
        worker.until(lambda: worker.verdicts and worker.verdicts[-1].up)
        process.kill()
    worker.until(lambda: not worker.verdicts[-1].up)


def test_lost_messages_are_made_good_by_a_look(told: Begin, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc_events, "BUFFER_BYTES", 4096)
    worker = told(tracks(TrackProcess(name="p", process=program.name)))
    worker.until(lambda: worker.verdicts)
    for _ in range(100):
        subprocess.run(["/bin/true"], check=True)
    program.start()
    worker.until(lambda: worker.verdicts[-1].up)
    assert "1 times the kernel had to drop messages" in worker.snapshot().trackers[0].details


def test_where_the_kernel_does_not_tell_it_looks(
    play: Begin, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object, __: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(proc_events.ProcEvents, "_send", refuse)
    monkeypatch.setattr(process_checks, "POLL_NS", 10**7)
    monkeypatch.setattr(process_checks, "POLL_SHARE", 1)
    monkeypatch.setattr(process_checks, "ANSWER_NS", 10**7)
    worker = play(tracks(TrackProcess(name="p", process=program.name)))
    up_and_down(worker, program)
    worker.until(lambda: worker.logged("process-polling"))
    assert "the kernel does not tell here: Connection refused" in worker.logged("process-polling")[0]
    shown = worker.snapshot().trackers[0]
    assert "looked at every" in shown.details[0]
    assert shown.next_run_ns is not None


def test_where_not_even_a_socket_can_be_opened(play: Begin, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc_events, "NETLINK_CONNECTOR", 99)
    program.start()
    worker = play(tracks(TrackProcess(name="p", process=program.name)))
    assert worker.verdict().up
    assert "does not tell here" in worker.snapshot().trackers[0].details[1]


def test_a_reload_that_tracks_no_more_and_again(told: Begin, program: Program) -> None:
    one = TrackProcess(name="p", process=program.name)
    worker = told(tracks(one))
    worker.until(lambda: worker.verdicts)
    worker.worker.handle(Configure(tracks()))
    assert worker.snapshot().trackers == ()
    program.start()
    worker.worker.handle(Configure(tracks(one)))
    worker.until(lambda: worker.verdicts[-1].up)
    program.end()
    worker.until(lambda: not worker.verdicts[-1].up)
    program.start()
    worker.worker.handle(Configure(tracks(msgspec.structs.replace(one, quorum=2))))
    program.start()
    worker.until(lambda: worker.verdicts[-1].up and "2 processes" in worker.verdicts[-1].reason)


def test_a_new_worker_confirms_what_was_known(told: Begin, program: Program) -> None:
    program.start()
    worker = told(
        tracks(TrackProcess(name="p", process=program.name)),
        TrackerVerdict(TrackerKind.PROCESS, "p", True, "it was", 1),
    )
    assert worker.verdict().up
    assert worker.logged("process-up") == []
