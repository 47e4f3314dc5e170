"""Units of systemd in a worker: a systemctl of our own answers, or the real one where PID 1 is systemd."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from alived.base import NS_PER_MS
from alived.config.model import Config
from alived.daemon.shared.messages import Configure
from alived.daemon.worker import unit_checks
from alived.health.trackers_config import Tracked, Tracking, TrackUnit, Weight
from tests.daemon.tracked_scripts import tracked
from tests.daemon.worker.worker_play import Begin, WorkerPlay, plays


@pytest.fixture
def play() -> Iterator[Begin]:
    if os.geteuid() != 0:
        pytest.skip("scripts are started by root")
    yield from plays()


def tracks(*units: TrackUnit) -> Config:
    known = tracked()
    names = Tracking(units=tuple(Tracked(one.name, Weight()) for one in units))
    instance = msgspec.structs.replace(known.instances[0], tracking=names)
    return msgspec.structs.replace(known, instances=(instance,), units=units)


def unit(name: str) -> TrackUnit:
    return TrackUnit(name=name, unit=f"{name}.service", interval_ns=20 * NS_PER_MS)


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory; its file NAME.service is the ActiveState of that unit."""
    program = tmp_path / "systemctl"
    program.write_text(
        "#!/bin/sh\n"
        'while test "$1" != --; do shift; done; shift\n'
        f'for u; do echo "Id=$u"; echo "ActiveState=$(cat {tmp_path}/$u)"; echo; done\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(unit_checks, "SYSTEMCTL", str(program))
    return tmp_path


def last(worker: WorkerPlay, name: str) -> bool | None:
    return next((one.up for one in reversed(worker.verdicts) if one.name == name), None)


def test_units_come_and_go(play: Begin, says: Path) -> None:
    (says / "a.service").write_text("active")
    (says / "b.service").write_text("inactive")
    worker = play(tracks(unit("a"), unit("b")))
    worker.until(lambda: (last(worker, "a"), last(worker, "b")) == (True, False))
    (says / "a.service").write_text("failed")
    (says / "b.service").write_text("active")
    worker.until(lambda: (last(worker, "a"), last(worker, "b")) == (False, True))
    assert "unit a: a.service is failed" in worker.logged("unit-down")
    assert worker.snapshot().trackers[0].next_run_ns is not None


def test_one_that_hangs_is_killed_and_asked_again(play: Begin, says: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_checks, "LIMIT_NS", 50 * NS_PER_MS)
    os.mkfifo(says / "a.service")
    worker = play(tracks(unit("a")))
    worker.until(lambda: last(worker, "a") is False)
    assert worker.verdicts[-1].reason == "unit a: a.service is unknown: systemctl did not answer in 0.05 s"
    monkeypatch.setattr(unit_checks, "LIMIT_NS", 60_000 * NS_PER_MS)
    (says / "a.service").unlink()
    (says / "a.service").write_text("active")
    worker.until(lambda: last(worker, "a"))


def test_one_that_says_something_else(play: Begin, says: Path) -> None:
    (says / "systemctl").write_text("#!/bin/sh\necho System has not been booted with systemd >&2\nexit 1\n")
    worker = play(tracks(unit("a")))
    worker.until(lambda: last(worker, "a") is False)
    assert "systemctl says 'System has not been booted with systemd'" in worker.verdicts[-1].reason


def test_one_that_is_not_there(play: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_checks, "SYSTEMCTL", "/nowhere/systemctl")
    worker = play(tracks(unit("a")))
    worker.until(lambda: last(worker, "a") is False)
    assert "/nowhere/systemctl cannot be started" in worker.verdicts[-1].reason


def test_a_reload(play: Begin, says: Path) -> None:
    (says / "a.service").write_text("active")
    (says / "c.service").write_text("failed")
    worker = play(tracks(unit("a")))
    worker.until(lambda: last(worker, "a"))
    other = TrackUnit(name="a", unit="c.service", interval_ns=20 * NS_PER_MS)
    worker.worker.handle(Configure(tracks(other)))
    worker.until(lambda: last(worker, "a") is False)
    worker.worker.handle(Configure(tracks(other, unit("a2"))))
    worker.worker.handle(Configure(tracks()))
    assert worker.snapshot().trackers == ()


@pytest.mark.skipif(pathlib.Path("/proc/1/comm").read_text().strip() != "systemd", reason="PID 1 is not systemd")
def test_the_real_systemd(play: Begin) -> None:
    name = f"alived-test-{os.getpid()}"
    subprocess.run(["systemd-run", f"--unit={name}", "sleep", "1000"], check=True)
    try:
        worker = play(tracks(unit(name)))
        worker.until(lambda: last(worker, name))
    finally:
        subprocess.run(["systemctl", "stop", f"{name}.service"], check=True)
    worker.until(lambda: last(worker, name) is False)
