"""Scripts as processes: who they are, what they inherit, how they end."""

from __future__ import annotations

import os
import pwd
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alived.adapters import script_process
from alived.adapters.loop import Loop
from alived.adapters.running_scripts import RunningScripts
from alived.adapters.script_process import PATH, Account, ScriptError, account_of
from alived.adapters.scripts import MAX_LINE, MAX_LINES, ScriptRunner
from alived.base import NS_PER_MS


class Scripts:
    """A runner on a loop, with what it reported."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.ended: dict[int, int] = {}
        self.lines: list[str] = []
        self.running = RunningScripts()
        self.runner = ScriptRunner(
            self.loop, self.running, self.ended.__setitem__, lambda _run, line: self.lines.append(line)
        )
        self.runs = 0

    def start(self, *argv: str, account: Account | None = None, **environment: str) -> int:
        self.runs += 1
        self.runner.start(self.runs, argv, account or Account("root", ""), environment)
        return self.runs

    def shell(self, text: str, account: Account | None = None, **environment: str) -> int:
        return self.start("/bin/sh", "-c", text, account=account, **environment)

    def turn_until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.loop.call_later(NS_PER_MS, lambda: None)
            self.loop.turn()

    def output_of(self, text: str, account: Account | None = None, **environment: str) -> list[str]:
        run = self.shell(text, account, **environment)
        self.turn_until(lambda: run in self.ended)
        return self.lines


@pytest.fixture
def scripts() -> Iterator[Scripts]:
    if os.geteuid() != 0:
        pytest.skip("scripts are started by root")
    scripts = Scripts()
    yield scripts
    scripts.runner.close()
    scripts.turn_until(lambda: len(scripts.ended) == scripts.runs)
    scripts.loop.close()


def test_status_and_output(scripts: Scripts) -> None:
    assert scripts.output_of("echo out; echo err >&2; printf partial; exit 3") == ["out", "err", "partial"]
    assert scripts.ended == {1: 3}


def test_a_bare_environment(scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    lines = scripts.output_of("exec /usr/bin/env", ALIVED_NAME="VI_1")
    assert sorted(lines) == sorted(
        ["ALIVED_NAME=VI_1", "HOME=/root", "LANG=C.UTF-8", "LOGNAME=root", f"PATH={PATH}", "USER=root", "PWD=/"]
        if any(line.startswith("PWD=") for line in lines)
        else ["ALIVED_NAME=VI_1", "HOME=/root", "LANG=C.UTF-8", "LOGNAME=root", f"PATH={PATH}", "USER=root"]
    )


def test_no_shell_looks_at_arguments(scripts: Scripts) -> None:
    run = scripts.start("/bin/echo", "$HOME; *", "`id`")
    scripts.turn_until(lambda: run in scripts.ended)
    assert scripts.lines == ["$HOME; * `id`"]


def test_another_user_without_our_groups(scripts: Scripts) -> None:
    account = Account("nobody", "")
    entry = pwd.getpwnam("nobody")
    lines = scripts.output_of("id -u; id -g; id -G; cat /proc/self/status | grep CapEff", account)
    assert lines[:3] == [str(entry.pw_uid), str(entry.pw_gid), str(entry.pw_gid)]
    assert lines[3].split() == ["CapEff:", "0000000000000000"]


def test_a_group_of_its_own_choice(scripts: Scripts) -> None:
    assert scripts.output_of("id -gn", Account("nobody", "daemon")) == ["daemon"]


def test_no_file_of_ours_and_no_input(scripts: Scripts) -> None:
    assert scripts.output_of("ls /proc/self/fd | wc -l; read line || echo nothing to read; pwd") == [
        "4",
        "nothing to read",
        "/",
    ]


def test_a_session_of_its_own(scripts: Scripts) -> None:
    run = scripts.shell("ps -o sid= -p $$; echo $$")
    scripts.turn_until(lambda: run in scripts.ended)
    assert scripts.lines[0].strip() == scripts.lines[1]


def test_signals_are_as_a_program_expects_them(scripts: Scripts) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        lines = scripts.output_of("grep -E 'Sig(Ign|Blk)' /proc/self/status")
    finally:
        signal.signal(signal.SIGTERM, before)
    # Signals 32 and 33 are the C library's own: no program can change what it inherited of them.
    ordinary = (1 << 31) - 1
    assert [int(line.split()[1], 16) & ordinary for line in lines] == [0, 0]


def test_what_cannot_be_started(scripts: Scripts, tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="/does/not/exist: No such file or directory"):
        scripts.start("/does/not/exist")
    plain = tmp_path / "plain"
    plain.write_text("text")
    with pytest.raises(ScriptError, match="Permission denied"):
        scripts.start(str(plain))
    with pytest.raises(ScriptError, match="embedded null byte"):
        scripts.start("/bin/echo", "\0")
    scripts.runs = 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("#!/bin/sh\r\n", "the interpreter that its first line names is not there (line ends of Windows?)"),
        ("#!/no/such/interpreter\n", "the interpreter that its first line names is not there (line ends of Windows?)"),
        ("echo hello\n", "neither a program nor a script: its first line does not begin with #!"),
    ],
)
@pytest.mark.parametrize("opened", [False, True], ids=["by path", "by file"])
def test_what_is_no_program_is_said_in_terms_of_the_file(
    scripts: Scripts, tmp_path: Path, content: str, reason: str, opened: bool
) -> None:
    script = tmp_path / "script"
    script.write_text(content)
    script.chmod(0o755)
    program = os.open(script, os.O_PATH) if opened else None
    with pytest.raises(ScriptError) as caught:
        scripts.runner.start(1, [str(script)], Account("root", ""), {}, program)
    assert str(caught.value) == f"{script}: {reason}"
    if program is not None:
        os.close(program)


def test_unknown_accounts() -> None:
    with pytest.raises(ScriptError, match="there is no user nemo-of-the-sea"):
        Account("nemo-of-the-sea", "")
    with pytest.raises(ScriptError, match="there is no group nemo-of-the-sea"):
        Account("root", "nemo-of-the-sea")


def test_who_runs_what_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    root = pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(pwd, "getpwnam", {"keepalived_script": nobody}.__getitem__)
    assert Account("", "").uid == nobody.pw_uid
    monkeypatch.setattr(pwd, "getpwnam", {}.__getitem__)
    assert Account("", "").uid == root.pw_uid


def test_an_account_is_asked_for_again_when_the_files_of_users_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(pwd, "getpwnam", lambda name: asked.append(name) or nobody)
    changed = {"/etc/passwd": 1, "/etc/group": 1}
    monkeypatch.setattr(script_process, "_changed_ns", changed.__getitem__)
    assert account_of("monitor", "").uid == account_of("monitor", "").uid == nobody.pw_uid
    assert asked == ["monitor"]
    changed["/etc/passwd"] = 2
    account_of("monitor", "")
    changed["/etc/group"] = 2
    account_of("monitor", "")
    assert asked == ["monitor"] * 3


def test_terminate_reaches_the_whole_group(scripts: Scripts) -> None:
    run = scripts.shell("sleep 1000 & echo $!; wait")
    scripts.turn_until(lambda: scripts.lines)
    scripts.runner.terminate(run)
    scripts.turn_until(lambda: run in scripts.ended)
    assert scripts.ended[run] == -signal.SIGTERM
    grandchild = int(scripts.lines[0])
    scripts.turn_until(lambda: not is_alive(grandchild))


def test_kill_ends_what_ignores_sigterm(scripts: Scripts) -> None:
    run = scripts.shell("trap '' TERM; echo ready; while :; do sleep 0.01; done")
    scripts.turn_until(lambda: scripts.lines)
    scripts.runner.terminate(run)
    scripts.runner.kill(run)
    scripts.turn_until(lambda: run in scripts.ended)
    assert scripts.ended[run] == -signal.SIGKILL


def test_signals_to_what_has_ended_are_harmless(scripts: Scripts) -> None:
    run = scripts.shell("exit 0")
    scripts.turn_until(lambda: run in scripts.ended)
    scripts.runner.terminate(run)
    scripts.runner.kill(99)
    assert scripts.ended == {run: 0}


def test_a_daemon_that_a_script_leaves_behind_holds_up_nobody(scripts: Scripts) -> None:
    run = scripts.shell("(sleep 1000; echo late) & echo $!")
    scripts.turn_until(lambda: run in scripts.ended)
    grandchild = int(scripts.lines[0])
    assert is_alive(grandchild), "it is the operator's"
    os.killpg(os.getpgid(grandchild), signal.SIGKILL)


def test_output_is_bounded(scripts: Scripts) -> None:
    lines = scripts.output_of("seq 1 100000; exit 0")
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == f"({100_000 - MAX_LINES} more lines left out)"


def test_a_line_is_bounded_and_binary_is_readable(scripts: Scripts) -> None:
    lines = scripts.output_of("head -c 3000000 /dev/zero | tr '\\0' x; echo; printf 'a\\377b\\n'")
    assert lines == ["x" * MAX_LINE, "a\\xffb"]


def test_a_script_that_we_leave_behind_is_known(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("scripts are started by root")
    noted = RunningScripts(str(tmp_path / "running"))
    pid_file = tmp_path / "pid"
    pid = os.fork()
    if pid == 0:
        scripts = Scripts()
        scripts.runner = ScriptRunner(scripts.loop, noted, scripts.ended.__setitem__, lambda _run, _line: None)
        scripts.shell("exit 0")
        scripts.turn_until(lambda: scripts.ended)
        scripts.shell(f"sleep 1000 & echo $! > {pid_file}.new; mv {pid_file}.new {pid_file}; sleep 1001")
        while True:
            scripts.loop.turn()
    while not pid_file.exists():
        time.sleep(0.01)
    helper = int(pid_file.read_text())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    (sentence,) = noted.kill_left()
    assert sentence.startswith("killed /bin/sh -c sleep 1000 & echo")
    while is_alive(helper):
        time.sleep(0.01)
    assert noted.kill_left() == []
    noted.close()


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter if it ends between open and read
        return False
