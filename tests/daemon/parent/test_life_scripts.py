"""startup_script and shutdown_script: what stands before the start and after the end, and never holds up either for
good."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alived.adapters.loop import Loop
from alived.adapters.running_scripts import RunningScripts
from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config, GlobalDefs
from alived.daemon.parent.life_scripts import GRACE_NS, LifeScripts
from alived.hooks.config import Script
from alived.notify.config import DaemonScripts
from tests.daemon.processes import LIMITS_MS, PATIENCE_S, has_begun, is_alive


class Play:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.loop = Loop()
        self.config = Config()
        self.notes: list[str] = []
        self.patience: list[int] = []
        self.went_on = 0
        self.scripts = LifeScripts(
            self.loop,
            RunningScripts(),
            lambda: self.config,
            lambda _level, _code, text: self.notes.append(text),
            self.patience.append,
        )

    def startup(self, text: str, timeout_ns: int = 60 * NS_PER_S, mode: int = 0o755) -> None:
        path = self.directory / "startup.sh"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        me = "root" if os.geteuid() == 0 else ""
        script = Script(argv=(str(path),), user=me, timeout_ns=timeout_ns)
        self.config = Config(global_defs=GlobalDefs(scripts=DaemonScripts(startup=script)))

    def go_on(self) -> None:
        self.went_on += 1

    def until(self, condition: Callable[[], object]) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < give_up, self.notes
            self.loop.call_later(10 * NS_PER_MS, self.loop.stop)
            self.loop.run()

    def file(self) -> Path:
        return self.directory / "out"


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    play = Play(tmp_path)
    yield play
    play.scripts.give_up()
    play.loop.close()


def test_without_a_script_all_goes_on_at_once(play: Play) -> None:
    play.scripts.before(play.go_on)
    play.scripts.after(play.go_on)
    assert (play.went_on, play.notes) == (2, [])


def test_nothing_starts_before_it_has_ended(play: Play) -> None:
    play.startup(f"echo hello; sleep 0.2; touch {play.file()}")
    play.scripts.before(play.go_on)
    assert play.went_on == 0
    assert play.patience == [60 * NS_PER_S + 2 * GRACE_NS]
    play.until(lambda: play.went_on)
    assert play.file().exists()
    assert "startup_script: hello" in play.notes
    assert not any("goes on" in note for note in play.notes)


def test_one_that_fails_is_said_and_changes_nothing_else(play: Play) -> None:
    play.startup("exit 3")
    play.scripts.before(play.go_on)
    play.until(lambda: play.went_on)
    assert play.notes[-1] == "startup_script ended with status 3; alived goes on"


def test_one_that_cannot_be_started_is_said_and_changes_nothing_else(play: Play) -> None:
    play.startup("exit 0", mode=0o644)
    play.scripts.before(play.go_on)
    play.until(lambda: play.went_on)
    assert "could not be started" in play.notes[-1]


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(play: Play) -> None:
    for times, limit_ms in enumerate(LIMITS_MS, 1):
        play.startup(f"trap '' TERM; sleep 1000 & echo $! > {play.file()}; wait; wait", timeout_ns=limit_ms * NS_PER_MS)
        play.scripts.before(play.go_on)
        play.until(lambda times=times: play.went_on == times)
        assert f"startup_script takes longer than {limit_ms / 1000:g} s: SIGTERM" in play.notes
        if has_begun(play.file()):
            break
    assert not is_alive(int(play.file().read_text()))


def test_a_daemon_that_is_told_to_end_does_not_wait_for_it(play: Play) -> None:
    play.startup(f"echo $$ > {play.file()}; sleep 1000")
    play.scripts.before(play.go_on)
    play.until(lambda: play.file().exists() and play.file().read_text())
    play.scripts.give_up()
    play.until(lambda: not is_alive(int(play.file().read_text())))
    assert play.went_on == 0
