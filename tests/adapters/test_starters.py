"""Starters: processes that are another account, whatever happens to them."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from pathlib import Path

import pytest

from alived.adapters.forked import forget_parent
from alived.adapters.running_scripts import RunningScripts
from alived.adapters.script_process import Account
from alived.adapters.scripts import ScriptHost, ScriptRunner
from alived.adapters.starters import IDLE_LOOKS, AnotherStarter, Failure
from tests.adapters.test_scripts import Scripts, children_of, is_alive, scripts, until_dead

scripts = scripts
NOBODY = pwd.getpwnam("nobody")
HANGS = "echo $$; exec sleep 1000"


@pytest.fixture
def nobody(scripts: Scripts) -> Scripts:
    scripts.account = Account("nobody", "")
    return scripts


def starter_of(nobody: Scripts) -> int:
    """Its process number; it is made by the first script."""
    before = set(children_of(os.getpid()))
    nobody.let_begin()
    (pid,) = set(children_of(os.getpid())) - before
    return pid


def our_end(nobody: Scripts) -> AnotherStarter:
    starter = nobody.host.starters.of(nobody.account)
    assert isinstance(starter, AnotherStarter)
    return starter


def hanging(nobody: Scripts) -> tuple[int, int]:
    """A script that runs, and its process number."""
    run = nobody.shell(HANGS)
    nobody.turn_until(lambda: nobody.lines)
    nobody.let_begin()
    return run, int(nobody.lines.pop())


def status_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def test_it_is_that_account_for_good(nobody: Scripts) -> None:
    status = status_of(starter_of(nobody))
    assert status["Uid"] == [str(NOBODY.pw_uid)] * 4
    assert status["Gid"] == [str(NOBODY.pw_gid)] * 4
    assert status["Groups"] == []
    assert [int(status[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0, 0, 0, 0]
    assert status["Name"] == ["alived-nobody"]


def test_its_memory_which_was_ours_is_out_of_reach_for_its_account(nobody: Scripts) -> None:
    starter = starter_of(nobody)
    lines = nobody.output_of(f"for name in mem environ maps; do cat /proc/{starter}/$name; done; ls /proc/{starter}/fd")
    assert len(lines) == 4
    assert all("Permission denied" in line for line in lines)


def test_it_holds_no_file_of_ours_but_its_line(nobody: Scripts, tmp_path: Path) -> None:
    noted = RunningScripts(str(tmp_path / "noted"))
    nobody.host = ScriptHost(nobody.loop, noted)
    nobody.runner = ScriptRunner(nobody.host, nobody.ended.__setitem__, nobody.failures.__setitem__, lambda *_: None)
    starter = starter_of(nobody)
    opened = {int(name): os.readlink(f"/proc/{starter}/fd/{name}") for name in os.listdir(f"/proc/{starter}/fd")}
    assert [target.partition(":")[0] for fd, target in opened.items() if fd > 2] == ["socket"]
    assert "noted" not in Path(f"/proc/{starter}/maps").read_text()
    assert "noted" in Path("/proc/self/maps").read_text()
    run = nobody.shell("exec sleep 1000")
    nobody.let_begin()
    assert [line.partition(" (")[0] for line in noted.kill_left()] == ["killed sleep 1000"], "it is still ours"
    nobody.turn_until(lambda: nobody.is_over(run))


def test_files_that_an_older_process_had_under_the_same_numbers_do_not_matter(tmp_path: Path) -> None:
    """As in a worker, which has closed what its parent had open when it was forked."""
    if os.geteuid() != 0:
        pytest.skip("scripts are started by root")
    pid = os.fork()
    if pid == 0:
        noted = RunningScripts(str(tmp_path / "noted"))
        forget_parent(set())
        scripts = Scripts(noted)
        scripts.account = Account("nobody", "")
        scripts.let_begin()
        os._exit(scripts.ended[1])
    assert os.waitpid(pid, 0)[1] == 0


def test_one_for_each_account_however_many_scripts(nobody: Scripts) -> None:
    starter_of(nobody)
    before = children_of(os.getpid())
    runs = [nobody.shell("exit 0") for _ in range(20)]
    nobody.turn_until(lambda: all(map(nobody.is_over, runs)))
    assert children_of(os.getpid()) == before
    nobody.output_of("exit 0", Account("nobody", "daemon"))
    assert len(children_of(os.getpid())) == len(before) + 1


def test_more_orders_at_once_than_fit_into_a_socket(nobody: Scripts) -> None:
    words = "x" * 1000
    runs = [nobody.start("/bin/echo", words) for _ in range(600)]
    nobody.turn_until(lambda: all(map(nobody.is_over, runs)))
    assert nobody.lines == [words] * 600
    assert set(nobody.ended.values()) == {0}


def test_its_death_ends_what_it_ran_and_another_begins(nobody: Scripts) -> None:
    starter = starter_of(nobody)
    run, pid = hanging(nobody)
    os.kill(starter, signal.SIGKILL)
    nobody.turn_until(lambda: nobody.is_over(run))
    assert nobody.failures[run] == Failure(
        "the process that starts programs of nobody ended unexpectedly: killed by signal 9", ours=True
    )
    until_dead(pid)
    assert nobody.output_of("id -un") == ["nobody"]


def test_what_it_was_told_before_its_death_has_an_answer_too(nobody: Scripts) -> None:
    starter = starter_of(nobody)
    os.kill(starter, signal.SIGSTOP)
    run = nobody.shell("exit 0")
    os.kill(starter, signal.SIGKILL)
    nobody.turn_until(lambda: nobody.is_over(run))
    assert nobody.failures[run].ours


def test_one_that_hangs_is_killed_and_holds_up_nobody_else(nobody: Scripts) -> None:
    starter = starter_of(nobody)
    os.kill(starter, signal.SIGSTOP)
    run = nobody.shell("exit 0")
    our_end(nobody).look()
    mine = nobody.shell("exit 3", Account("root", ""))
    nobody.turn_until(lambda: nobody.is_over(mine))
    assert not nobody.is_over(run)
    our_end(nobody).look()
    nobody.turn_until(lambda: nobody.is_over(run))
    assert nobody.failures[run].why == "the process that starts programs of nobody gave no answer for 5 s"
    assert not is_alive(starter)


def test_a_script_is_killed_that_was_told_to_end_before_it_had_begun(nobody: Scripts) -> None:
    starter = starter_of(nobody)
    os.kill(starter, signal.SIGSTOP)
    run = nobody.shell(HANGS)
    nobody.runner.kill(run)
    os.kill(starter, signal.SIGCONT)
    nobody.turn_until(lambda: nobody.is_over(run))
    assert nobody.ended[run] == -signal.SIGKILL


def test_one_with_nothing_to_do_is_let_go(nobody: Scripts) -> None:
    starter = starter_of(nobody)
    run, _ = hanging(nobody)
    for _ in range(IDLE_LOOKS + 1):
        our_end(nobody).look()
    nobody.runner.kill(run)
    nobody.turn_until(lambda: nobody.is_over(run))
    for _ in range(IDLE_LOOKS):
        our_end(nobody).look()
    assert starter in children_of(os.getpid())
    our_end(nobody).look()
    nobody.turn_until(lambda: starter not in children_of(os.getpid()))
    assert nobody.output_of("echo again") == ["again"]


def test_what_it_says_about_processes_that_are_not_its_own_is_not_believed(nobody: Scripts) -> None:
    """Root kills nobody's choice of processes for no starter, whatever it says."""
    starter_of(nobody)
    starter = our_end(nobody)
    with subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True) as other:
        starter.signal_group(other.pid, signal.SIGKILL)
        assert is_alive(other.pid)
        other.kill()


def test_without_the_right_to_become_somebody_else_it_says_so() -> None:
    if os.geteuid() != 0:
        pytest.skip("a user without rights is made by root")
    told, tells = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresuid(NOBODY.pw_uid, NOBODY.pw_uid, NOBODY.pw_uid)
        mine = Scripts(RunningScripts())
        mine.account = Account("daemon", "")
        run = mine.shell("exit 0")
        mine.turn_until(lambda: mine.is_over(run))
        os.write(tells, mine.failures[run].why.encode())
        os._exit(0)
    assert os.read(told, 200) == b"cannot become the user daemon: Operation not permitted"
    os.waitpid(pid, 0)
    os.close(told)
    os.close(tells)
