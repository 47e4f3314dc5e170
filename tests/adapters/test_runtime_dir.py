"""The runtime directory: one daemon at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alived.adapters import runtime_dir
from alived.adapters.runtime_dir import DEFAULT, RuntimeDir, RuntimeDirError, choose


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_dir, "_LOCK_WAIT_S", 0.05)


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIVED_RUNTIME_DIR", "/env")
    assert choose("/wanted") == "/wanted"
    assert choose(None) == "/env"
    monkeypatch.delenv("ALIVED_RUNTIME_DIR")
    assert choose(None) == DEFAULT


def test_made_locked_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    directory = RuntimeDir(str(path))
    directory.write_pid()
    assert (path / "alived.pid").read_text() == f"{os.getpid()}\n"
    assert path.stat().st_mode & 0o777 == 0o755
    with pytest.raises(RuntimeDirError, match=rf"another alived \(pid {os.getpid()}\) runs with the runtime directory"):
        RuntimeDir(str(path))
    directory.close()
    assert not (path / "alived.pid").exists()
    RuntimeDir(str(path)).close()


def test_a_pid_file_that_nobody_holds_is_no_daemon(tmp_path: Path) -> None:
    (tmp_path / "alived.pid").write_text("1\n")
    directory = RuntimeDir(str(tmp_path))
    directory.write_pid()
    assert (tmp_path / "alived.pid").read_text() == f"{os.getpid()}\n"
    directory.close()


def test_a_holder_that_is_no_child_of_alived_is_left_alone(tmp_path: Path) -> None:
    directory = RuntimeDir(str(tmp_path))
    pid = os.fork()
    if pid == 0:
        os.read(os.pipe()[0], 1)
    os.pwrite(directory.lock_fd, b"999999999\n", 0)
    os.close(directory.lock_fd)
    with pytest.raises(RuntimeDirError, match="another alived"):
        RuntimeDir(str(tmp_path))
    assert os.waitpid(pid, os.WNOHANG) == (0, 0), "it lives"
    os.kill(pid, 9)
    os.waitpid(pid, 0)


def test_a_garbled_pid_file_is_no_reason_to_fail_oddly(tmp_path: Path) -> None:
    directory = RuntimeDir(str(tmp_path))
    os.pwrite(directory.lock_fd, b"what?", 0)
    with pytest.raises(RuntimeDirError, match="another alived"):
        RuntimeDir(str(tmp_path))
    directory.close()


def test_the_lock_follows_the_name(tmp_path: Path) -> None:
    """A daemon that ends removes the file that the next one has opened and not locked yet."""
    first = RuntimeDir(str(tmp_path))
    first.remove("alived.pid")
    second = RuntimeDir(str(tmp_path))
    with pytest.raises(RuntimeDirError):
        RuntimeDir(str(tmp_path))
    second.close()
    first.close()


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RuntimeDirError, match=r"cannot use the runtime directory .*: Not a directory"):
        RuntimeDir(str(tmp_path / "file" / "x"))


def test_files_appear_whole_and_for_the_owner_only(tmp_path: Path) -> None:
    directory = RuntimeDir(str(tmp_path))
    directory.replace("data", "one")
    directory.replace("data", "two")
    assert (tmp_path / "data").read_text() == "two"
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["alived.pid", "data"]
    directory.remove("nothing")
    directory.close()
