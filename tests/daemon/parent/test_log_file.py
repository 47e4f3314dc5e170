"""The log in a file: whole, appended, moved away, full, and never in the way."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from alived.config.product import LogFormat, Logging, LogLevel
from alived.daemon.options import Options
from alived.daemon.parent.log_choice import DaemonLog
from alived.daemon.parent.log_file import Appender, LogFile, open_log
from alived.daemon.parent.logs import Source

OURS = Source("alived", 1)
PATIENCE_S = 30.0


def options(**fields: object) -> Options:
    return Options(config_path="f", runtime_dir="r", **fields)  # type: ignore[arg-type]


def until_written(path: Path, text: str) -> str:
    end = time.monotonic() + PATIENCE_S
    while text not in (found := path.read_text() if path.exists() else ""):
        assert time.monotonic() < end, found
        time.sleep(0.01)
    return found


def children() -> set[int]:
    return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))


def test_lines_are_appended_by_a_process_of_its_own_which_ends_with_us(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    others = children()
    read_fd, write_fd = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(read_fd)
        log = LogFile(str(path))
        for number in range(500):
            log.write(f"line {number}")
        os.write(write_fd, str(*children()).encode())
        os._exit(0)
    os.close(write_fd)
    writer = int(os.read(read_fd, 20))
    os.waitpid(pid, 0)
    lines = until_written(path, "line 499\n").splitlines()
    assert lines == ["before", *(f"line {number}" for number in range(500))]
    assert oct(path.stat().st_mode & 0o777) == "0o644", "and its mode stays as it was"
    end = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{writer}/fd").exists() and os.listdir(f"/proc/{writer}/fd"):
        assert time.monotonic() < end, "it outlives the daemon"
        time.sleep(0.01)
    assert children() == others
    os.close(read_fd)


def test_a_stopped_writer_costs_lines_and_no_time(tmp_path: Path) -> None:
    others = children()
    log = LogFile(str(tmp_path / "log"))
    (writer,) = children() - others
    try:
        os.kill(writer, signal.SIGSTOP)
        for _ in range(3000):
            log.write("x" * 1000)
        assert log.lost > 0
        os.kill(writer, signal.SIGCONT)
        end = time.monotonic() + PATIENCE_S
        while log.lost or "log lines lost: nobody read them" not in (tmp_path / "log").read_text():
            assert time.monotonic() < end
            log.flush()
            time.sleep(0.01)
    finally:
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    appender = Appender(str(path), open_log(str(path)))
    appender.write(b"one\n")
    path.rename(tmp_path / "log.1")
    appender.write(b"two\n")
    assert (tmp_path / "log.1").read_text() == "one\n"
    assert path.read_text() == "two\n"
    assert oct(path.stat().st_mode & 0o777) == "0o640"


def test_what_could_not_be_written_is_counted_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "log"
    appender = Appender(str(path), open_log(str(path)))
    path.unlink()
    folder.rmdir()
    appender.write(b"one\ntwo\n")
    appender.write(b"three\n")
    folder.mkdir()
    appender.write(b"four\n")
    appender.write(b"five\n")
    assert path.read_text() == "alived: 3 log lines lost: No such file or directory\nfour\nfive\n"


def test_a_full_disk_is_said_when_there_is_room_again(tmp_path: Path) -> None:
    appender = Appender("/dev/full", os.open("/dev/full", os.O_WRONLY))
    appender.write(b"lost\n")
    path = tmp_path / "log"
    appender._path = str(path)
    appender.write(b"found\n")
    assert path.read_text() == "alived: 1 log lines lost: No space left on device\nfound\n"


def test_the_command_line_wins_over_the_file(capfd: pytest.CaptureFixture[str]) -> None:
    said = Logging(level=LogLevel.ERROR, format=LogFormat.JSON)
    DaemonLog(options(), said).say(OURS, "warning", "c", "filtered")
    DaemonLog(options(), said).say(OURS, "error", "c", "as json")
    DaemonLog(options(log_format="text", debug=True), said).say(OURS, "debug", "c", "as text")
    DaemonLog(options(), None).say(OURS, "info", "c", "by default")
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 3
    assert '"message":"as json"' in lines[0]
    assert lines[1].endswith("DEBUG alived[1] as text")
    assert lines[2].endswith("INFO alived[1] by default")


def test_a_reload_changes_level_and_form_but_not_the_file(capfd: pytest.CaptureFixture[str]) -> None:
    log = DaemonLog(options(), Logging(level=LogLevel.WARN))
    log.say(OURS, "info", "c", "before")
    log.follow(Logging(format=LogFormat.JSON, output="/elsewhere"))
    log.say(OURS, "info", "c", "after")
    log.follow(None)
    log.say(OURS, "info", "c", "at last")
    stays, after, last = capfd.readouterr().err.splitlines()
    assert "log to /elsewhere: from the next start on" in stays
    assert '"message":"after"' in after
    assert last.endswith("INFO alived[1] at last")


def test_a_file_that_cannot_be_opened_is_said_on_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = Logging(output=str(tmp_path / "missing" / "log"))
    log = DaemonLog(options(), said)
    log.say(OURS, "info", "c", "goes on")
    trouble, line = capfd.readouterr().err.splitlines()
    assert f"the log cannot go to {said.output}: No such file or directory; it goes to standard error" in trouble
    assert line.endswith("goes on")
