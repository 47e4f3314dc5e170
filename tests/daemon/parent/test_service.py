"""What the running daemon does for operators: configurations, signals, clients, scripts, the service manager."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from alived.adapters.control_client import socket_address
from alived.hooks.config import NotifyScripts, Script
from tests.daemon.processes import PATIENCE_S, Daemon, eventually, make_config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bad", ":2:1: error: line 2 is wrong [fake-error]\n    hint: mend it"),
        ("crash", "the process that read the file died"),
    ],
)
def test_a_config_that_cannot_run_touches_nothing(daemon: Daemon, text: str, message: str) -> None:
    daemon.start(text)
    assert daemon.wait() == 1
    assert message in daemon.log()
    assert "not started, nothing was touched" in daemon.log()
    assert not (daemon.run_dir / "reaped").exists()
    assert not (daemon.run_dir / "bound").exists()


def test_the_errors_of_a_config_as_json_lines(daemon: Daemon) -> None:
    daemon.start("bad", "--json")
    assert daemon.wait() == 1
    codes = [json.loads(line)["code"] for line in daemon.log().splitlines()]
    assert codes == ["config-fake-error", "config-fake-error", "not-started"]


def test_a_runtime_directory_that_takes_no_socket(daemon: Daemon) -> None:
    (daemon.run_dir / "alived.sock").mkdir()
    daemon.start(make_config("VI_1"))
    assert daemon.wait() == 1
    assert "cannot write to the runtime directory" in daemon.log()
    assert not (daemon.run_dir / "reaped").exists()


def test_reload_takes_a_good_config(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    daemon.config.write_text(make_config("VI_1", "VI_2"))
    answer = daemon.ask("reload")
    assert answer == {"ok": True, "result": {"changes": ["2 instances now"], "diagnostics": []}, "error": ""}
    assert daemon.bound() == ["VI_1", "VI_2"]


def test_reload_keeps_the_old_config_if_the_new_one_is_bad(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    pids = daemon.pid_of("engine"), daemon.pid_of("worker")
    daemon.config.write_text("bad")
    answer = daemon.ask("reload")
    assert not answer["ok"]
    assert "2 errors in" in answer["error"] and "the old configuration stays in force" in answer["error"]
    assert len(answer["result"]["diagnostics"]) == 2
    assert "line 1 is wrong" in daemon.log() and "line 2 is wrong" in daemon.log()
    assert daemon.bound() == ["VI_1"]
    assert (daemon.pid_of("engine"), daemon.pid_of("worker")) == pids


def test_sighup_reloads_while_clients_are_served(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    daemon.config.write_text("hang")
    daemon.signal(signal.SIGHUP)
    assert daemon.ask("status")["result"]["fresh"], "a reader that never ends keeps nobody waiting"
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert daemon.bound() == []


def test_a_reload_that_comes_during_a_reload_is_served_after_it(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    daemon.config.write_text(make_config("VI_1", "VI_2"))
    for _ in range(3):
        daemon.signal(signal.SIGHUP)
    assert daemon.ask("reload")["ok"]
    assert daemon.bound() == ["VI_1", "VI_2"]


def test_a_file_that_vanished_is_no_configuration(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    daemon.config.unlink()
    answer = daemon.ask("reload")
    assert not answer["ok"] and "cannot be read: No such file" in answer["result"]["diagnostics"][0]
    daemon.config.write_text(make_config("VI_1", "VI_2"))
    assert daemon.ask("reload")["ok"]
    assert daemon.bound() == ["VI_1", "VI_2"]


def test_a_file_that_was_replaced_by_a_rename_is_read(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    fresh = daemon.config.with_suffix(".new")
    fresh.write_text(make_config("VI_2"))
    fresh.rename(daemon.config)
    assert daemon.ask("reload")["ok"]
    assert daemon.bound() == ["VI_1", "VI_2"], "the fake engine forgets nothing"


def test_a_storm_of_signals_ends_with_what_the_file_says_last(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    for number in range(200):
        if number % 20 == 0:
            fresh = daemon.config.with_suffix(".new")
            fresh.write_text("bad" if number % 40 else make_config("VI_1", f"VI_{number}"))
            fresh.rename(daemon.config)
        daemon.signal(signal.SIGHUP)
    daemon.config.write_text(make_config("VI_1", "VI_last"))
    daemon.signal(signal.SIGHUP)
    eventually(lambda: "VI_last" in daemon.bound(), "the last one is in force")
    assert {p["restarts"] for p in daemon.processes().values()} == {0}


def adopted(daemon: Daemon, name: str) -> bool:
    """Whether the parent has this instance in its configuration, whatever the engine has."""
    daemon.signal(signal.SIGUSR1)
    data = daemon.run_dir / "alived.data"
    if not data.exists():
        return False
    first: str = json.loads(data.read_text())["config"]["instances"][0]["vrrp"]["name"]
    return first == name


def test_a_reload_in_which_the_engine_dies_says_so(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    engine = daemon.pid_of("engine")
    os.kill(engine, signal.SIGSTOP)
    daemon.config.write_text(make_config("VI_2"))
    daemon.signal(signal.SIGHUP)
    eventually(lambda: adopted(daemon, "VI_2"), "the parent has the new configuration, the engine has not")
    os.kill(engine, signal.SIGKILL)
    eventually(lambda: " reloaded: " in daemon.log(), "the next one has taken the configuration")
    assert "reloaded: the engine died meanwhile: everything of it starts with the new configuration" in daemon.log()
    assert daemon.bound() == ["VI_2"]


def test_a_daemon_that_was_started_again_compares_with_what_it_runs(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    daemon.config.write_text(make_config("VI_1", "VI_2"))
    wanted = json.loads(daemon.config.read_text())
    planned = daemon.ask("plan", config=wanted)["result"]
    assert [change["sentence"] for change in planned["changes"]] == ["instance VI_2 added"]
    assert planned["unchanged"] == ["VI_1"]
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    (daemon.directory / "log").unlink()
    daemon.start_and_wait(daemon.config.read_text())
    assert daemon.ask("plan", config=wanted)["result"]["changes"] == []


def test_both_configurations_are_reaped_if_the_engine_dies_in_a_reload(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    engine = daemon.pid_of("engine")
    os.kill(engine, signal.SIGSTOP)
    daemon.config.write_text(make_config("VI_2"))
    daemon.signal(signal.SIGHUP)
    eventually(lambda: adopted(daemon, "VI_2"), "the parent has the new configuration, the engine has not")
    os.kill(engine, signal.SIGKILL)
    eventually(lambda: " removed VI_1" in daemon.log(), "the old configuration's is removed")
    eventually(lambda: daemon.bound() == ["VI_2"], "the next engine has the new configuration")


def test_usr1_and_usr2_write_files_for_the_owner_only(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    daemon.signal(signal.SIGUSR1)
    daemon.signal(signal.SIGUSR2)
    data, stats = daemon.run_dir / "alived.data", daemon.run_dir / "alived.stats"
    eventually(lambda: data.exists() and stats.exists(), "the files appear")
    content = json.loads(data.read_text())
    assert content["config"]["instances"][0]["vrrp"]["name"] == "VI_1"
    assert content["status"]["fresh"]
    assert json.loads(stats.read_text())["receive_errors"]["checksum"] == daemon.pid_of("engine")
    assert data.stat().st_mode & 0o777 == 0o600


def test_history_outlives_the_daemon(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    (daemon.directory / "log").unlink()
    daemon.start_and_wait(make_config("VI_1"))
    changes = [(t["old"], t["new"]) for t in daemon.ask("history")["result"]]
    assert changes == [("BACKUP", "MASTER"), ("MASTER", "INIT"), ("BACKUP", "MASTER")]
    assert len(daemon.ask("history", count=1)["result"]) == 1


@pytest.mark.parametrize(
    ("request_line", "error"),
    [
        (b"no json\n", "this is not a request"),
        (b"[]\n", "this is not a request"),
        (b"\n", "this is not a request"),
        (b"\xff\xfe\n", "this is not a request"),
        (b'{"command": "explode"}\n', "unknown command 'explode'"),
        (b'{"command": "history", "arguments": {"count": "many"}}\n', "count must be a number"),
        (b'{"command": "history", "arguments": {"count": 0}}\n', "count must be a number"),
        (b'{"command": "plan"}\n', "cannot take such a configuration"),
        (b'{"command": "plan", "arguments": {"config": {"instances": 7}}}\n', "cannot take such a configuration"),
    ],
)
def test_nonsense_on_the_control_socket_gets_an_error(daemon: Daemon, request_line: bytes, error: str) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    with socket.socket(socket.AF_UNIX) as sock, socket_address(str(daemon.run_dir), "alived.sock") as address:
        sock.settimeout(PATIENCE_S)
        sock.connect(address)
        sock.sendall(request_line)
        answer = json.loads(sock.makefile("rb").readline())
    assert not answer["ok"] and error in answer["error"]
    assert daemon.ask("version")["ok"]


def test_the_control_socket_is_for_the_owner(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    assert (daemon.run_dir / "alived.sock").stat().st_mode & 0o777 in (0o600, 0o660)


def test_a_flood_of_log_lines_is_counted_instead(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    daemon.order("flood")
    eventually(lambda: "VI_flood: suppressed 9" in daemon.log(), "the flood is counted")
    assert daemon.log().count("VI_flood: line ") < 100


def test_scripts_run_in_order_in_the_worker(daemon: Daemon) -> None:
    out = daemon.directory / "out"
    append = ("/bin/sh", "-c", f'echo "$0 $* $ALIVED_STATE" >> {out}')
    scripts = NotifyScripts(
        master=Script(argv=(*append, "master")),
        stop=Script(argv=(*append, "stop")),
        notify=Script(argv=(*append, "notify")),
    )
    daemon.start_and_wait(make_config("VI_1", notify=scripts))
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert out.read_text().splitlines() == [
        "master  MASTER",
        "notify INSTANCE VI_1 MASTER 100 MASTER",
        "stop  STOP",
        "notify INSTANCE VI_1 STOP 100 STOP",
    ]


def test_a_script_that_its_worker_did_not_survive_runs_again(daemon: Daemon) -> None:
    out = daemon.directory / "out"
    script = ("/bin/sh", "-c", f"test -e {out}.go || {{ echo begin >> {out}; exec sleep 1000; }}; echo end >> {out}")
    daemon.start_and_wait(make_config("VI_1", notify=NotifyScripts(master=Script(argv=script))))
    eventually(out.exists, "the script begins")
    Path(f"{out}.go").touch()
    os.kill(daemon.pid_of("worker"), signal.SIGKILL)
    eventually(lambda: out.read_text() == "begin\nend\n", "it begins again and ends")


def test_a_stop_does_not_wait_for_a_stop_script_for_ever(daemon: Daemon) -> None:
    scripts = NotifyScripts(stop=Script(argv=("/bin/sleep", "1000")))
    daemon.start_and_wait(make_config("VI_1", notify=scripts))
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert "the worker did not end in time" in daemon.log()


def test_a_service_manager_hears_of_it(daemon: Daemon) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        name = f"alived-test-{os.getpid()}-{id(daemon)}"
        sock.bind(f"\0{name}")
        sock.settimeout(PATIENCE_S)
        daemon.start(make_config("VI_1"), NOTIFY_SOCKET=f"@{name}", WATCHDOG_USEC="300000", WATCHDOG_PID="")
        heard: list[str] = []

        def hear(wanted: str) -> None:
            while wanted not in heard:
                heard.extend(sock.recv(4096).decode().splitlines())

        hear("STATUS=1 instance")
        assert "READY=1" in heard
        daemon.config.write_text(make_config("VI_1", "VI_2"))
        daemon.signal(signal.SIGHUP)
        hear("RELOADING=1")
        heard.clear()
        hear("STATUS=2 instances")
        assert "READY=1" in heard
        daemon.signal(signal.SIGTERM)
        hear("STOPPING=1")
        assert daemon.wait() == 0


def test_single_has_everything_in_one_process(daemon: Daemon) -> None:
    out = daemon.directory / "out"
    scripts = NotifyScripts(notify=Script(argv=("/bin/sh", "-c", f'echo "$*" >> {out}', "-")))
    daemon.start_and_wait(make_config("VI_1", notify=scripts), "--single")
    assert daemon.process is not None
    assert {p["pid"] for p in daemon.processes().values()} == {daemon.process.pid}
    daemon.config.write_text(make_config("VI_1", "VI_2", notify=scripts))
    assert daemon.ask("reload")["result"]["changes"] == ["2 instances now"]
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert daemon.bound() == []
    assert "INSTANCE VI_2 STOP 100" in out.read_text()


def test_children_have_names_and_only_the_capabilities_they_need(daemon: Daemon) -> None:
    if os.geteuid() != 0:
        pytest.skip("nothing to give up")
    daemon.start_and_wait(make_config("VI_1"))

    def status(pid: int) -> dict[str, str]:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    engine, worker = status(daemon.pid_of("engine")), status(daemon.pid_of("worker"))
    assert (engine["Name"], worker["Name"]) == ("alived: engine", "alived: worker")
    allowed = 1 << 12 | 1 << 13 | 1 << 14 | 1 << 23
    assert int(engine["CapEff"], 16) & ~allowed == 0
    assert int(engine["CapBnd"], 16) & ~allowed == 0
    assert int(worker["CapEff"], 16) & 1 << 21 == 0, "no CAP_SYS_ADMIN"
    assert int(worker["CapBnd"], 16) == int(status(os.getpid())["CapBnd"], 16), "root's scripts are root's"
