"""Real files in a worker, which reads them when they change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from alived.adapters import file_watch
from alived.config.model import Config
from alived.daemon.shared.messages import Configure, TrackerVerdict
from alived.daemon.worker import file_checks
from alived.health.trackers_config import Tracked, TrackerKind, TrackFile, Tracking, Weight
from tests.daemon.tracked_scripts import tracked
from tests.daemon.worker.worker_play import Begin, WorkerPlay, plays


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """What is heard of is heard from inotify."""
    monkeypatch.setattr(file_checks, "SAFETY_NS", 3600 * 10**9)
    yield from plays()


def tracks(*files: TrackFile) -> Config:
    known = tracked()
    names = Tracking(files=tuple(Tracked(one.name, Weight(1)) for one in files))
    instance = msgspec.structs.replace(known.instances[0], tracking=names)
    return msgspec.structs.replace(known, instances=(instance,), track_files=files)


def file(path: Path, **fields: object) -> TrackFile:
    return TrackFile(name="load", path=str(path), **fields)  # type: ignore[arg-type]


def value(worker: WorkerPlay) -> int | None:
    return worker.verdicts[-1].value if worker.verdicts else None


def test_it_follows_what_the_file_says(play: Begin, tmp_path: Path) -> None:
    path = tmp_path / "load"
    worker = play(tracks(file(path)))
    worker.until(lambda: value(worker) == 0)
    assert worker.verdicts[-1].reason == f"file load: {path} is missing, which counts as 0"
    path.write_text("5\n")
    worker.until(lambda: value(worker) == 5)
    (tmp_path / "new").write_text("-3\n")
    (tmp_path / "new").rename(path)
    worker.until(lambda: value(worker) == -3)
    path.unlink()
    worker.until(lambda: value(worker) == 0)
    assert worker.logged("file-changed")[1] == f"file load: {path} says 5"


def test_a_directory_that_comes_later(play: Begin, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "load"
    worker = play(tracks(file(path)))
    worker.until(lambda: value(worker) == 0)
    path.parent.mkdir(parents=True)
    path.write_text("5\n")
    worker.until(lambda: value(worker) == 5)


def test_a_fifo_blocks_nobody(play: Begin, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "load")
    worker = play(tracks(file(tmp_path / "load")))
    worker.until(lambda: value(worker) == 0)
    assert "is a FIFO, no regular file, which counts as 0" in worker.logged("file-no-number")[0]


def test_one_that_must_not_be_read(play: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str, _octets: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(file_checks, "read_beginning", refuse)
    worker = play(tracks(file(tmp_path / "load")))
    worker.until(lambda: value(worker) == 0)
    assert "cannot be read: Permission denied, which counts as 0" in worker.logged("file-no-number")[0]


@pytest.mark.parametrize(("overwrite", "left"), [(False, "7\n"), (True, "2\n")])
def test_init_file_at_the_start(play: Begin, tmp_path: Path, overwrite: bool, left: str) -> None:
    there, missing = tmp_path / "there", tmp_path / "missing"
    there.write_text("7\n")
    files = (file(there, init_value=2, overwrite=overwrite), file(missing, init_value=3))
    worker = play(tracks(files[0], msgspec.structs.replace(files[1], name="other")))
    worker.until(lambda: len(worker.verdicts) == 2)
    assert (there.read_text(), missing.read_text()) == (left, "3\n")


def test_neither_a_new_worker_nor_a_reload_overwrites(play: Begin, tmp_path: Path) -> None:
    path = tmp_path / "load"
    path.write_text("7\n")
    wanted = file(path, init_value=2, overwrite=True)
    worker = play(tracks(wanted), TrackerVerdict(TrackerKind.FILE, "load", True, "it was", 1, 7))
    worker.until(lambda: value(worker) == 7)
    worker.worker.handle(Configure(tracks(msgspec.structs.replace(wanted, init_value=3))))
    worker.until(lambda: value(worker) == 7)
    assert path.read_text() == "7\n"
    assert worker.logged("file-changed") == []


def test_a_reload_makes_what_is_missing(play: Begin, tmp_path: Path) -> None:
    worker = play(tracks())
    worker.worker.handle(Configure(tracks(file(tmp_path / "load", init_value=4))))
    worker.until(lambda: value(worker) == 4)
    worker.worker.handle(Configure(tracks()))
    assert worker.snapshot().trackers == ()


def test_where_it_cannot_be_written(play: Begin, tmp_path: Path) -> None:
    worker = play(tracks(file(tmp_path / "none" / "load", init_value=4)))
    worker.until(lambda: value(worker) == 0)
    assert "init_file cannot be written" in worker.logged("file-not-written")[0]


def test_without_inotify_it_is_read_now_and_then(play: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        return -1

    monkeypatch.setattr(file_checks, "SAFETY_NS", 10**7)
    monkeypatch.setattr(file_watch._libc, "inotify_init1", refuse)
    worker = play(tracks(file(tmp_path / "load")))
    worker.until(lambda: value(worker) == 0)
    (tmp_path / "load").write_text("5\n")
    worker.until(lambda: value(worker) == 5)
    assert "it cannot be watched" in worker.snapshot().trackers[0].details[0]
