"""Pipes of the worker, their readers, and their bad days."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alived.adapters.loop import Loop
from alived.adapters.pipe import MAX_WAITING
from alived.base import NS_PER_MS
from alived.config.model import Config, GlobalDefs
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import BusMessage, LogLine
from alived.daemon.worker.pipes import Pipes
from alived.hooks.config import Script
from alived.hooks.events import Kind, Word
from alived.notify.config import Fifo, Fifos
from alived.notify.news import News
from tests.daemon.processes import PATIENCE_S


class Play:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.loop = Loop()
        self.sent: list[BusMessage] = []
        self.pipes = Pipes(ChildContext("worker", self.loop, Config(), self.sent.append))
        self.path = str(directory / "fifo")
        self.out = directory / "out"
        self.closed = False

    def reader(self, text: str) -> Script:
        path = self.directory / "reader.sh"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return Script(argv=(str(path),), user="root" if os.geteuid() == 0 else "")

    def configure(self, script: Script | None = None, path: str = "") -> None:
        me = "root" if os.geteuid() == 0 else ""
        fifos = Fifos(all=Fifo(path=path or self.path, user=me, script=script))
        self.pipes.configure(Config(global_defs=GlobalDefs(fifos=fifos)))

    def tell(self, priority: int) -> None:
        self.pipes.tell(News(event_id="e", kind=Kind.INSTANCE, name="VI", word=Word.MASTER, priority=priority))

    def until(self, condition: Callable[[], object], what: str) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < give_up, f"never happened: {what}; {self.log()}"
            self.loop.call_later(10 * NS_PER_MS, self.loop.stop)
            self.loop.run()

    def lines(self) -> list[str]:
        return self.out.read_text().splitlines() if self.out.exists() else []

    def log(self) -> list[str]:
        return [message.message for message in self.sent if isinstance(message, LogLine)]

    def close(self) -> None:
        def closed() -> None:
            self.closed = True

        self.pipes.close(closed)
        self.until(lambda: self.closed, "all pipes are closed")


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    play = Play(tmp_path)
    yield play
    if not play.closed:
        play.close()
    play.loop.close()


def test_a_script_reads_every_line_to_the_end_and_ends_by_itself(play: Play) -> None:
    play.configure(play.reader(f"cat $1 >> {play.out}; echo bye >> {play.out}"))
    play.tell(100)
    play.until(play.lines, "it reads")
    play.tell(101)
    play.close()
    assert play.lines() == ['INSTANCE "VI" MASTER 100', 'INSTANCE "VI" MASTER 101', "bye"]
    assert not os.path.exists(play.path)


def test_a_script_that_ends_is_started_again_and_no_line_is_lost(play: Play) -> None:
    play.configure(play.reader(f"head -n 1 $1 >> {play.out}"))
    for number in (100, 101):
        play.tell(number)
        play.until(lambda: len(play.lines()) == number - 99, "the line is read")  # noqa: B023 - called at once
    assert any("notify_fifo_script ended with status 0; again in 1 s" in line for line in play.log())
    assert play.pipes.snapshots()[0].script_starts >= 2


def test_one_that_does_not_end_is_ended(play: Play) -> None:
    play.configure(play.reader(f"trap '' TERM; echo $$ > {play.out}; while :; do sleep 1; done"))
    play.until(play.lines, "the script runs")
    pid = int(play.lines()[0])
    play.close()
    assert not os.path.exists(f"/proc/{pid}")


def test_a_reload_leaves_an_unchanged_pipe_and_its_script_alone(play: Play) -> None:
    script = play.reader(f"echo start >> {play.out}; exec cat $1 >> {play.out}")
    play.configure(script)
    play.tell(100)
    play.until(lambda: len(play.lines()) == 2, "the line is read")
    play.configure(script)
    play.tell(101)
    play.until(lambda: len(play.lines()) == 3, "the next line is read")
    assert play.lines().count("start") == 1
    play.configure(script, path=str(play.directory / "other"))
    assert not os.path.exists(play.path)
    play.until(lambda: play.lines().count("start") == 2, "another pipe has a script of its own")


def test_a_full_pipe_is_said_once_and_counted(play: Play) -> None:
    play.configure()
    for _ in range(MAX_WAITING + 3000):
        play.tell(100)
    view = play.pipes.snapshots()[0]
    assert (view.waiting, view.dropped > 0) == (MAX_WAITING, True)
    assert len([line for line in play.log() if "the oldest lines are dropped" in line]) == 1
    play.close()
    assert f"{MAX_WAITING} lines were never read" in play.log()[-1]


def test_a_pipe_that_cannot_be_made_is_said_and_tried_again(play: Play) -> None:
    directory = play.directory / "later"
    play.configure(path=str(directory / "fifo"))
    assert not play.pipes.snapshots()[0].open
    assert "No such file or directory; again in 1 s" in play.log()[0]
    play.tell(100)
    directory.mkdir()
    play.until(lambda: play.pipes.snapshots()[0].open, "it is tried again")
    reader = os.open(directory / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    assert os.read(reader, 100) == b'INSTANCE "VI" MASTER 100\n'
    os.close(reader)
