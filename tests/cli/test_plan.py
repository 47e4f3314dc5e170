"""`alived plan`: two files compared, and a stand-in for the daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from alived.adapters.control_client import NotRunning
from alived.cli import plan as module
from alived.config.load import load
from alived.config.model import Config
from alived.daemon.parent.plan import make_plan


def text(*names: str, priority: int = 100, vip: str = "192.0.2.100", extra: str = "") -> str:
    return "".join(
        f"vrrp_instance {name} {{\n interface eth0\n virtual_router_id {number}\n priority {priority}\n"
        f" virtual_ipaddress {{\n  {vip}/24 dev eth{number}\n }}\n{extra}\n}}\n"
        for number, name in enumerate(names, 51)
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old.conf", tmp_path / "new.conf"
    old.write_text(text("VI_1", "VI_2"))
    return old, new


def run(*arguments: object) -> Result:
    return CliRunner().invoke(module.plan, [str(argument) for argument in arguments])


class Daemon:
    """Answers as the running one would, with no state known."""

    def __init__(self, running: Path) -> None:
        self.running = running
        self.refusal: str | NotRunning = ""

    def ask(self, directory: str, name: str, command: str, arguments: dict[str, Any], limit_s: float) -> dict[str, Any]:
        assert (directory, command) == ("/somewhere", "plan")
        if isinstance(self.refusal, NotRunning):
            raise self.refusal
        if self.refusal:
            return {"ok": False, "result": None, "error": self.refusal}
        sent = msgspec.convert(json.loads(json.dumps(arguments["config"])), Config)
        config = load(str(self.running)).config
        assert config
        return {"ok": True, "result": make_plan(config, sent, None), "error": ""}


@pytest.fixture
def daemon(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Daemon:
    daemon = Daemon(files[0])
    monkeypatch.setattr(module, "ask", daemon.ask)
    return daemon


def test_nothing_changes(files: tuple[Path, Path]) -> None:
    old, new = files
    new.write_text("# another comment\n" + old.read_text())
    result = run(new, "--from", old)
    assert (result.exit_code, result.output) == (0, "Nothing would change: 2 instances stay as they are.\n")


def test_each_field_and_each_address_is_told(files: tuple[Path, Path]) -> None:
    old, new = files
    new.write_text(text("VI_1", priority=90) + text("VI_3", vip="192.0.2.103").replace("51", "53"))
    result = run(new, "--from", old)
    assert result.exit_code == 3
    assert result.output.splitlines() == [
        "stop instance VI_2",
        "change instance VI_1",
        "    priority 100 -> 90",
        "start instance VI_3",
        "address 192.0.2.100/24 dev eth51 may move: "
        "if VI_1 is MASTER here: a router with a priority above 90 takes over from VI_1",
        "address 192.0.2.100/24 dev eth52 gone: if VI_2 is MASTER here: taken away from this node: VI_2 is removed",
        "address 192.0.2.103/24 dev eth53 new: VI_3 listens 3.609 s for another MASTER first",
        "0 instances stay as they are.",
    ]


def test_the_daemon_is_asked_with_the_configuration_itself(files: tuple[Path, Path], daemon: Daemon) -> None:
    new = files[1]
    new.write_text(text("VI_1", "VI_2", priority=150))
    result = run(new, "--runtime-dir", "/somewhere")
    assert result.exit_code == 3
    assert "    priority 100 -> 150\n" in result.output
    assert "No address moves or is interrupted." in result.output
    shown = json.loads(run(new, "--runtime-dir", "/somewhere", "--json").output)
    assert shown["file"] == str(new)
    assert [change["sentence"] for change in shown["changes"]] == [
        "instance VI_1: priority 100 -> 150",
        "instance VI_2: priority 100 -> 150",
    ]


@pytest.mark.parametrize("refusal", ["cannot take such a configuration", NotRunning("no alived runs")])
def test_no_answer_is_an_error(files: tuple[Path, Path], daemon: Daemon, refusal: str | NotRunning) -> None:
    files[1].write_text(files[0].read_text())
    daemon.refusal = refusal
    result = run(files[1], "--runtime-dir", "/somewhere")
    assert (result.exit_code, result.output) == (1, f"Error: {refusal}\n")


@pytest.mark.parametrize("broken", ["new", "old", "absent"])
def test_a_file_that_cannot_run(files: tuple[Path, Path], broken: str) -> None:
    old, new = files
    new.write_text(text("VI_1", priority=999 if broken == "new" else 100))
    if broken == "old":
        old.write_text(text("VI_1", priority=999))
    result = run(new.with_name("absent") if broken == "absent" else new, "--from", old)
    assert result.exit_code == 1
    assert "cannot run" in result.output
    assert "999" in result.output or broken == "absent"
    shown = json.loads(run(new.with_name("absent"), "--from", old, "--json").output)
    assert shown["diagnostics"]


def test_wrong_usage() -> None:
    assert run().exit_code == 2
    assert run("--nonsense").exit_code == 2


def test_secrets_are_not_shown(files: tuple[Path, Path]) -> None:
    old, new = files
    auth = "authentication {{\n auth_type PASS\n auth_pass {}\n}}"
    old.write_text(text("VI_1", extra=auth.format("hush1")))
    new.write_text(text("VI_1", extra=auth.format("hush2")))
    result = run(new, "--from", old)
    assert "auth_pass changed" in result.output
    assert "hush" not in result.output + run(new, "--from", old, "--json").output


def test_what_this_version_does_not_run_is_said_to_be_so(files: tuple[Path, Path]) -> None:
    old, new = files
    session = "bfd_instance peer {\n neighbor_ip 192.0.2.2\n multiplier 3\n}\n"
    old.write_text(session + text("VI_1"))
    new.write_text(session.replace("3", "5") + text("VI_1"))
    lines = run(new, "--from", old).output.splitlines()
    assert lines[:2] == [
        "change bfd_instance peer (read and checked; this version does not run it)",
        "    multiplier 3 -> 5",
    ]
