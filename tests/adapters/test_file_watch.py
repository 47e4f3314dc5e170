"""Files that change in all the ways in which files change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from alived.adapters import file_watch
from alived.adapters.file_watch import FileWatch, read_beginning, way_to, write_new


@pytest.fixture
def watch() -> Iterator[FileWatch]:
    made = FileWatch()
    yield made
    made.close()


def follow(watch: FileWatch, path: Path) -> str:
    assert watch.want([str(path)]) == {}
    assert watch.changed() == set()
    return str(path)


def test_written_removed_and_made_again(watch: FileWatch, tmp_path: Path) -> None:
    path = follow(watch, tmp_path / "f")
    (tmp_path / "other").write_text("1")
    assert watch.changed() == set()
    (tmp_path / "f").write_text("1")
    assert watch.changed() == {path}
    (tmp_path / "f").chmod(0)
    assert watch.changed() == {path}
    (tmp_path / "f").unlink()
    assert watch.changed() == {path}
    assert watch.changed() == set()


def test_replaced_by_another_and_moved_away(watch: FileWatch, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("2")
    path = follow(watch, tmp_path / "f")
    (tmp_path / "new").rename(tmp_path / "f")
    assert watch.changed() == {path}
    (tmp_path / "f").rename(tmp_path / "gone")
    assert watch.changed() == {path}


def test_a_directory_that_comes_later(watch: FileWatch, tmp_path: Path) -> None:
    path = follow(watch, tmp_path / "a" / "b" / "f")
    (tmp_path / "a").mkdir()
    assert watch.changed() == {path}
    watch.want([path])
    (tmp_path / "a" / "b").mkdir()
    assert watch.changed() == {path}
    watch.want([path])
    (tmp_path / "a" / "b" / "f").write_text("1")
    assert watch.changed() == {path}
    (tmp_path / "a").rename(tmp_path / "z")
    assert watch.changed() == {path}


def test_a_link_that_points_elsewhere(watch: FileWatch, tmp_path: Path) -> None:
    """As a volume of Kubernetes changes: the file is a link through a link to a directory, and that is replaced."""
    for number in "12":
        (tmp_path / number).mkdir()
        (tmp_path / number / "f").write_text(number)
    (tmp_path / "..data").symlink_to("1")
    (tmp_path / "f").symlink_to("..data/f")
    path = follow(watch, tmp_path / "f")
    (tmp_path / "1" / "f").write_text("7")
    assert watch.changed() == {path}
    (tmp_path / "fresh").symlink_to("2")
    (tmp_path / "fresh").rename(tmp_path / "..data")
    assert watch.changed() == {path}
    watch.want([path])
    (tmp_path / "2" / "f").write_text("8")
    assert watch.changed() == {path}


def test_the_way_follows_links_and_dots(tmp_path: Path) -> None:
    base = os.path.realpath(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "abs").symlink_to(f"{base}/d")
    (tmp_path / "up").symlink_to("d/./../d")
    tail = way_to(f"{base}/abs/f")
    assert tail[-2:] == [(base, "d"), (f"{base}/d", "f")] and (base, "abs") in tail
    assert way_to(f"{base}/up/f")[-4:] == [(base, "up"), (base, "d"), (base, "d"), (f"{base}/d", "f")]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert len(way_to(str(tmp_path / "a"))) == file_watch.MAX_STEPS


def test_more_than_the_kernel_keeps_is_a_reason_to_look_at_all(
    watch: FileWatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = follow(watch, tmp_path / "f")
    monkeypatch.setattr(watch, "_events", lambda: [(-1, file_watch.IN_Q_OVERFLOW, "")])
    assert watch.changed() == {path}


def test_what_is_wanted_no_more_is_not_heard_of(watch: FileWatch, tmp_path: Path) -> None:
    follow(watch, tmp_path / "f")
    watch.want([])
    (tmp_path / "f").write_text("1")
    assert watch.changed() == set()


def test_what_cannot_be_watched_has_a_reason(watch: FileWatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_watch, "NAMES", 0)
    monkeypatch.setattr(file_watch, "CONTENT", 0)
    path = str(tmp_path / "f")
    assert watch.want([path]) == {path: "Invalid argument"}


def test_the_beginning_of_a_huge_file(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.write(b"5\n")
        file.truncate(1 << 40)
    assert read_beginning(str(tmp_path / "huge"), 127) == b"5\n".ljust(127, b"\0")


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="is a FIFO, no regular file"):
        read_beginning(str(tmp_path / "fifo"), 127)
    with pytest.raises(OSError, match="is a directory"):
        read_beginning(str(tmp_path), 127)
    with pytest.raises(OSError, match="is a device"):
        read_beginning("/dev/zero", 127)
    with pytest.raises(FileNotFoundError):
        read_beginning(str(tmp_path / "none"), 127)


def test_a_file_is_written_if_it_is_not_there_or_may_be_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_new(str(path), "0\n", overwrite=False)
    with pytest.raises(FileExistsError):
        write_new(str(path), "17\n", overwrite=False)
    assert path.read_text() == "0\n"
    path.write_text("12345678\n")
    write_new(str(path), "17\n", overwrite=True)
    assert path.read_text() == "17\n"
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        write_new(str(tmp_path / "link"), "1\n", overwrite=True)
    with pytest.raises(OSError, match="is a device"):
        write_new("/dev/null", "1\n", overwrite=True)
