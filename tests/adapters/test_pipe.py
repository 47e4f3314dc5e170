"""A pipe takes lines whether anybody reads them or not, and never waits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from alived.adapters.loop import Loop
from alived.adapters.pipe import MAX_WAITING, Pipe, PipeError
from alived.base import NS_PER_MS

OURS = os.geteuid(), os.getegid()


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def read(fd: int) -> bytes:
    try:
        return os.read(fd, 1 << 20)
    except BlockingIOError:
        return b""


def turn(loop: Loop) -> None:
    loop.call_later(NS_PER_MS, loop.stop)
    loop.run()


def test_a_reader_that_comes_late_finds_all_lines_and_then_the_end(loop: Loop, tmp_path: Path) -> None:
    pipe = Pipe(loop, str(tmp_path / "fifo"))
    pipe.open(*OURS)
    assert pipe.write(b"one\n")
    assert pipe.write(b"two\n")
    reader = os.open(pipe.path, os.O_RDONLY | os.O_NONBLOCK)
    assert read(reader) == b"one\ntwo\n"
    pipe.close()
    assert os.read(reader, 10) == b""
    assert not os.path.exists(pipe.path)
    os.close(reader)


def test_lines_wait_until_the_pipe_is_open(loop: Loop, tmp_path: Path) -> None:
    pipe = Pipe(loop, str(tmp_path / "fifo"))
    pipe.write(b"early\n")
    assert (pipe.waiting, pipe.is_open) == (1, False)
    pipe.open(*OURS)
    reader = os.open(pipe.path, os.O_RDONLY | os.O_NONBLOCK)
    assert read(reader) == b"early\n"
    os.close(reader)
    pipe.close()


def test_nobody_reads_the_oldest_lines_go_and_are_counted(loop: Loop, tmp_path: Path) -> None:
    pipe = Pipe(loop, str(tmp_path / "fifo"))
    pipe.open(*OURS)
    lines = [b"%05d %s\n" % (number, b"x" * 90) for number in range(3000)]
    kept = [pipe.write(line) for line in lines]
    assert pipe.waiting == MAX_WAITING
    assert kept.count(False) == pipe.dropped > 0
    reader = os.open(pipe.path, os.O_RDONLY | os.O_NONBLOCK)
    got = b""
    for _ in range(100):
        got += read(reader)
        turn(loop)
    found = got.splitlines(keepends=True)
    assert pipe.waiting == 0
    assert found[-1] == lines[-1]
    assert len(found) == len(lines) - pipe.dropped
    assert found == sorted(found)
    pipe.write(b"last\n")
    assert read(reader) == b"last\n"
    os.close(reader)
    pipe.close()


def test_a_pipe_that_somebody_else_made_is_used_and_stays(loop: Loop, tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    pipe = Pipe(loop, str(path))
    pipe.open(*OURS)
    pipe.close()
    assert path.is_fifo()


@pytest.mark.parametrize("kind", ["file", "link", "directory", "nowhere"])
def test_what_is_no_pipe_is_left_alone(loop: Loop, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "there"
    if kind == "file":
        path.write_text("precious")
    elif kind == "link":
        os.mkfifo(tmp_path / "target")
        path.symlink_to(tmp_path / "target")
    elif kind == "directory":
        path.mkdir()
    else:
        path = tmp_path / "no" / "where"
    pipe = Pipe(loop, str(path))
    with pytest.raises(PipeError, match=str(path)):
        pipe.open(*OURS)
    assert not pipe.is_open
    if kind == "file":
        assert path.read_text() == "precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_it_belongs_to_whom_the_configuration_says(loop: Loop, tmp_path: Path) -> None:
    pipe = Pipe(loop, str(tmp_path / "fifo"))
    pipe.open(1234, 4321)
    status = os.stat(pipe.path)
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (1234, 4321, 0o644)
    pipe.close()
