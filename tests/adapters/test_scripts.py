"""Scripts as processes: who they are, what they inherit, how they end."""

from __future__ import annotations

import os
import pwd
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alived.adapters import script_process
from alived.adapters.loop import Loop
from alived.adapters.running_scripts import RunningScripts
from alived.adapters.script_process import PATH, Account, ScriptError, account_of
from alived.adapters.scripts import LAST_LINES, MAX_LINE, MAX_LINES, MOST_LEFT, ScriptHost, ScriptRunner
from alived.adapters.starters import Failure
from alived.base import NS_PER_MS


class Scripts:
    """A runner on a loop, with what it reported."""

    def __init__(self, running: RunningScripts | None = None) -> None:
        self.loop = Loop()
        self.ended: dict[int, int] = {}
        self.failures: dict[int, Failure] = {}
        self.lines: list[str] = []
        self.host = ScriptHost(self.loop, running or RunningScripts())
        self.runner = ScriptRunner(
            self.host,
            self.ended.__setitem__,
            self.failures.__setitem__,
            lambda _run, line: self.lines.append(line),
        )
        self.runs = 0
        self.account = Account("root", "")

    def start(self, *argv: str, account: Account | None = None, **environment: str) -> int:
        self.runs += 1
        self.runner.start(self.runs, argv, account or self.account, environment)
        return self.runs

    def is_over(self, run: int) -> bool:
        return run in self.ended or run in self.failures

    def shell(self, text: str, account: Account | None = None, **environment: str) -> int:
        return self.start("/bin/sh", "-c", text, account=account, **environment)

    def close(self) -> None:
        self.host.starters.close()
        self.loop.close()

    def turn_until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.loop.call_later(NS_PER_MS, lambda: None)
            self.loop.turn()

    def let_begin(self) -> None:
        """All that was ordered before has begun, and we know: reports come in the order of the orders."""
        run = self.shell("exit 0")
        self.turn_until(lambda: self.is_over(run))

    def output_of(self, text: str, account: Account | None = None, **environment: str) -> list[str]:
        run = self.shell(text, account, **environment)
        self.turn_until(lambda: self.is_over(run))
        return self.lines


@pytest.fixture
def scripts() -> Iterator[Scripts]:
    if os.geteuid() != 0:
        pytest.skip("scripts are started by root")
    scripts = Scripts()
    yield scripts
    scripts.runner.close()
    scripts.turn_until(lambda: len(scripts.ended) + len(scripts.failures) == scripts.runs)
    scripts.close()


@pytest.fixture(params=["root", "nobody"])
def anyone(request: pytest.FixtureRequest, scripts: Scripts) -> Scripts:
    """What holds for scripts of our own account holds for those of others."""
    scripts.account = Account(request.param, "")
    return scripts


def test_status_and_output(anyone: Scripts) -> None:
    assert anyone.output_of("echo out; echo err >&2; printf partial; exit 3") == ["out", "err", "partial"]
    assert anyone.ended == {1: 3}


def test_a_bare_environment(anyone: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    name = anyone.account.name
    assert sorted(anyone.output_of("exec /usr/bin/env -u PWD", ALIVED_NAME="VI_1")) == [
        "ALIVED_NAME=VI_1",
        f"HOME={pwd.getpwnam(name).pw_dir}",
        "LANG=C.UTF-8",
        f"LOGNAME={name}",
        f"PATH={PATH}",
        f"USER={name}",
    ]


def test_no_shell_looks_at_arguments(anyone: Scripts) -> None:
    run = anyone.start("/bin/echo", "$HOME; *", "`id`")
    anyone.turn_until(lambda: anyone.is_over(run))
    assert anyone.lines == ["$HOME; * `id`"]


def test_another_user_without_our_groups(scripts: Scripts) -> None:
    account = Account("nobody", "")
    entry = pwd.getpwnam("nobody")
    lines = scripts.output_of("id -u; id -g; id -G; cat /proc/self/status | grep CapEff", account)
    assert lines[:3] == [str(entry.pw_uid), str(entry.pw_gid), str(entry.pw_gid)]
    assert lines[3].split() == ["CapEff:", "0000000000000000"]


def test_a_group_of_its_own_choice(scripts: Scripts) -> None:
    assert scripts.output_of("id -gn", Account("nobody", "daemon")) == ["daemon"]


def test_no_file_of_ours_and_no_input(anyone: Scripts) -> None:
    assert anyone.output_of("ls /proc/self/fd | wc -l; read line || echo nothing to read; pwd") == [
        "4",
        "nothing to read",
        "/",
    ]


def test_a_session_of_its_own(anyone: Scripts) -> None:
    run = anyone.shell("ps -o sid= -p $$; echo $$")
    anyone.turn_until(lambda: anyone.is_over(run))
    assert anyone.lines[0].strip() == anyone.lines[1]


def test_signals_are_as_a_program_expects_them(anyone: Scripts) -> None:
    before = {signum: signal.signal(signum, signal.SIG_IGN) for signum in (signal.SIGTERM, signal.SIGABRT)}
    try:
        lines = anyone.output_of("grep -E 'Sig(Ign|Blk)' /proc/self/status")
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    # Signals 32 and 33 are the C library's own: no program can change what it inherited of them.
    ordinary = (1 << 31) - 1
    assert [int(line.split()[1], 16) & ordinary for line in lines] == [0, 0]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Where everybody may look, unlike tmp_path."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def why_not(scripts: Scripts, *argv: str, opened: int | None = None) -> str:
    scripts.runs += 1
    scripts.runner.start(scripts.runs, argv, scripts.account, {}, opened)
    assert not scripts.failures, "start returns first"
    scripts.turn_until(lambda: scripts.failures)
    (failure,) = scripts.failures.values()
    assert not failure.ours
    return failure.why


def test_a_program_that_is_not_there(anyone: Scripts) -> None:
    assert why_not(anyone, "/does/not/exist") == "/does/not/exist: No such file or directory"


def test_a_file_that_is_not_executable(anyone: Scripts, open_folder: Path) -> None:
    plain = open_folder / "plain"
    plain.write_text("text")
    assert why_not(anyone, str(plain)) == f"{plain}: Permission denied"


def test_arguments_that_no_program_can_have(anyone: Scripts) -> None:
    assert why_not(anyone, "/bin/echo", "\0") == "/bin/echo: embedded null byte"


def test_a_program_that_belongs_to_another(scripts: Scripts, open_folder: Path) -> None:
    theirs = open_folder / "theirs"
    theirs.write_text("#!/bin/sh\necho ran\n")
    theirs.chmod(0o700)
    os.chown(theirs, pwd.getpwnam("daemon").pw_uid, -1)
    scripts.account = Account("nobody", "")
    assert why_not(scripts, str(theirs)) == f"{theirs}: Permission denied"


def test_more_arguments_than_the_kernel_takes(anyone: Scripts) -> None:
    assert why_not(anyone, "/bin/echo", "x" * (1 << 18)) == "/bin/echo: Argument list too long"


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
    anyone: Scripts, open_folder: Path, content: str, reason: str, opened: bool
) -> None:
    script = open_folder / "script"
    script.write_text(content)
    script.chmod(0o755)
    program = os.open(script, os.O_PATH) if opened else None
    assert why_not(anyone, str(script), opened=program) == f"{script}: {reason}"
    if program is not None:
        os.close(program)


def test_what_was_opened_runs_whatever_the_name_means_by_now(anyone: Scripts, open_folder: Path) -> None:
    script = open_folder / "script"
    script.write_text("#!/bin/sh\necho the first $1\n")
    script.chmod(0o755)
    program = os.open(script, os.O_PATH | os.O_CLOEXEC)
    script.rename(open_folder / "old")
    script.write_text("#!/bin/sh\necho another\n")
    script.chmod(0o755)
    anyone.runner.start(1, [str(script), "argument"], anyone.account, {}, program)
    os.close(program)
    anyone.runs = 1
    anyone.turn_until(lambda: anyone.is_over(1))
    assert anyone.lines == ["the first argument"]


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


def test_terminate_reaches_the_whole_group(anyone: Scripts) -> None:
    run = anyone.shell("sleep 1000 & echo $!; wait")
    anyone.turn_until(lambda: anyone.lines)
    anyone.runner.terminate(run)
    anyone.turn_until(lambda: anyone.is_over(run))
    assert anyone.ended[run] == -signal.SIGTERM
    grandchild = int(anyone.lines[0])
    anyone.turn_until(lambda: not is_alive(grandchild))


def test_kill_ends_what_ignores_sigterm(anyone: Scripts) -> None:
    run = anyone.shell("trap '' TERM; echo ready; while :; do sleep 0.01; done")
    anyone.turn_until(lambda: anyone.lines)
    anyone.runner.terminate(run)
    anyone.runner.kill(run)
    anyone.turn_until(lambda: anyone.is_over(run))
    assert anyone.ended[run] == -signal.SIGKILL


def test_signals_to_what_has_ended_are_harmless(anyone: Scripts) -> None:
    run = anyone.shell("exit 0")
    anyone.turn_until(lambda: anyone.is_over(run))
    anyone.runner.terminate(run)
    anyone.runner.kill(99)
    assert anyone.ended == {run: 0}


def test_a_daemon_that_a_script_leaves_behind_holds_up_nobody(anyone: Scripts) -> None:
    run = anyone.shell("(sleep 1000; echo late) & echo $!")
    anyone.turn_until(lambda: anyone.is_over(run))
    grandchild = int(anyone.lines[0])
    assert is_alive(grandchild), "it is the operator's"
    os.killpg(os.getpgid(grandchild), signal.SIGKILL)


def test_what_scripts_leave_behind_does_not_use_up_our_files(anyone: Scripts) -> None:
    anyone.output_of("true")  # who starts scripts is there
    before = len(os.listdir("/proc/self/fd"))
    groups = []
    for _ in range(MOST_LEFT + 8):
        run = anyone.shell("sleep 1000 & echo $!")
        anyone.turn_until(lambda: anyone.is_over(run))  # noqa: B023
        groups.append(os.getpgid(int(anyone.lines[-1])))
    left = len(os.listdir("/proc/self/fd")) - before
    for group in groups:
        os.killpg(group, signal.SIGKILL)
    assert left == MOST_LEFT
    anyone.turn_until(lambda: len(os.listdir("/proc/self/fd")) == before)


def test_output_is_bounded(anyone: Scripts) -> None:
    lines = anyone.output_of("seq 1 100000; exit 0")
    assert len(lines) == MAX_LINES + 1 + LAST_LINES
    assert lines[MAX_LINES] == f"({100_000 - MAX_LINES - LAST_LINES} lines left out)"
    assert lines[-1] == "100000"


def test_a_line_is_bounded_and_binary_is_readable(anyone: Scripts) -> None:
    lines = anyone.output_of("head -c 3000000 /dev/zero | tr '\\0' x; echo; printf 'a\\377b\\n'")
    assert lines == ["x" * MAX_LINE, "a\\xffb"]


def test_output_leads_no_terminal_astray(anyone: Scripts) -> None:
    lines = anyone.output_of("printf '\\033[2Jred\\000\\007\\r\\ta tab\\n'")
    assert lines == ["\\x1b[2Jred\\x00\\x07\\r        a tab"]


class Worker:
    """Another process that runs a script which begins something; it says the number of that, and dies when told."""

    def __init__(self, user: str, noted: RunningScripts) -> None:
        if os.geteuid() != 0:
            pytest.skip("scripts are started by root")
        told, tells = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            scripts = Scripts(noted)
            scripts.account = Account(user, "")
            scripts.let_begin()
            scripts.shell("sleep 1000 & echo $!; sleep 1001")
            scripts.turn_until(lambda: scripts.lines)
            scripts.let_begin()
            os.write(tells, scripts.lines[0].encode())
            while True:
                scripts.loop.turn()
        os.close(tells)
        self.helper = int(os.read(told, 20))
        os.close(told)
        self.starter = children_of(self.pid)[0]
        """If the user is another than ours"""

    def die(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until_dead(*pids: int) -> None:
    while any(is_alive(pid) for pid in pids):
        time.sleep(0.01)


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_a_script_that_we_leave_behind_is_known(tmp_path: Path, user: str) -> None:
    noted = RunningScripts(str(tmp_path / "running"))
    worker = Worker(user, noted)
    os.kill(worker.pid, signal.SIGSTOP)  # it hangs, and sees nothing of what follows
    if user != "root":
        os.kill(worker.starter, signal.SIGKILL)
    worker.die()
    (sentence,) = noted.kill_left()
    assert sentence.startswith("killed /bin/sh -c sleep 1000 & echo")
    until_dead(worker.helper)
    assert noted.kill_left() == []
    noted.close()


def test_a_starter_kills_what_it_runs_when_nobody_gives_orders_any_more() -> None:
    worker = Worker("nobody", RunningScripts())
    os.kill(worker.starter, signal.SIGSTOP)  # not even that keeps it
    worker.die()
    until_dead(worker.helper, worker.starter)


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter if it ends between open and read
        return False
