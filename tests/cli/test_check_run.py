"""`alived check run`, against a stand-in for the daemon and without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from alived.adapters.control_client import NotRunning
from alived.cli import check_run
from alived.cli.main import main
from tests.cli.stand_in import Daemon
from tests.daemon.checked import listening, unused_port

STAGE: dict[str, Any] = {
    "url": "",
    "ok": False,
    "reason": "HTTP status 503, not 200-299",
    "took_ms": 1.2,
    "said": [
        {"side": "happened", "octets": 9, "lines": ["connected"]},
        {"side": "sent", "octets": 18, "lines": ["GET / HTTP/1.0", ""]},
        {"side": "heard", "octets": 9000, "lines": ["HTTP/1.0 503 no", "x"]},
    ],
    "left_out": 0,
    "exit_status": None,
    "output": [],
    "certificate_until": None,
}
REPORT: dict[str, Any] = {
    "name": "web",
    "subject": "check web",
    "kind": "HTTP_GET",
    "target": "192.0.2.1:80",
    "timeout_s": 5.0,
    "ok": False,
    "stages": [STAGE],
    "verdict": "up",
    "meaning": "the check is up: 2 results in a row like this of its own would take it down",
}


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    daemon = Daemon(REPORT)
    monkeypatch.setattr(check_run, "ask", daemon.ask)
    return daemon


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ("check", "run", *arguments))


def test_it_explains(daemon: Daemon) -> None:
    result = run("web", "--runtime-dir", "/r")
    assert daemon.asked == ("/r", "alived.sock", "check-run", {"name": "web"}, check_run.LIMIT_S)
    assert result.output.splitlines() == [
        "web: HTTP_GET 192.0.2.1:80, time for an answer 5 s",
        "  * connected",
        "  > GET / HTTP/1.0",
        "  > ",
        "  < HTTP/1.0 503 no",
        "  < x",
        "  < ... 9000 octets in all",
        "  failed after 1.2 ms: HTTP status 503, not 200-299",
        "check web failed. The check is up: 2 results in a row like this of its own would take it down; this run "
        "changed nothing.",
    ]
    assert result.exit_code == 1


def test_exit_status(daemon: Daemon) -> None:
    for ok, status in ((True, 0), (False, 1), (None, 2)):
        daemon.answer = {"ok": True, "result": REPORT | {"ok": ok, "stages": [STAGE | {"ok": ok}]}, "error": ""}
        assert run("web").exit_code == status
        assert json.loads(run("web", "--json").output)["ok"] is ok
    assert "This machine could not ask, which says nothing about the server" in run("web").output


@pytest.mark.parametrize(
    "answer", [{"ok": False, "result": None, "error": "there is no check 'web'"}, NotRunning("no alived runs")]
)
def test_what_cannot_be_performed_is_neither_success_nor_failure(daemon: Daemon, answer: Any) -> None:
    daemon.answer = answer
    result = run("web")
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")


def test_usage() -> None:
    result = run()
    assert result.exit_code == 2
    assert "Missing argument 'NAME'" in result.output


def test_urls_certificates_commands_and_long_talks() -> None:
    stage = STAGE | {"url": "/a", "ok": True, "reason": "fine", "said": [], "left_out": 3}
    stage |= {"certificate_until": 86_400 * 365, "output": ["busy"]}
    lines = [click.unstyle(line) for line in check_run.report_lines(REPORT | {"ok": True, "stages": [stage, STAGE]})]
    assert lines[1:4] == ["  /a", "  ... and 3 pieces more", "  | busy"]
    assert lines[4].startswith("  the certificate of the server expires on 197")
    assert lines[5] == "  succeeded after 1.2 ms: fine"
    assert lines[-1].startswith("check web succeeded. The check is up")


# -- without a daemon --


INSTANCE = """vrrp_instance VI {
  interface eth0
  virtual_router_id 7
  virtual_ipaddress {
    192.0.2.9
  }
}
"""


def configuration(tmp_path: Path, port: int) -> str:
    path = tmp_path / "alived.conf"
    path.write_text(f"{INSTANCE}check web {{\n  tcp {{\n    target 127.0.0.1 {port}\n  }}\n}}\n")
    return str(path)


def test_a_configuration_without_a_daemon(tmp_path: Path) -> None:
    with listening() as port:
        result = run("-f", configuration(tmp_path, port), "web")
    assert result.exit_code == 0
    assert result.output.splitlines()[1] == "  * connected"
    assert result.output.splitlines()[2].endswith(": connected")
    refused = run("-f", configuration(tmp_path, unused_port()), "web")
    assert refused.exit_code == 1
    assert "ms: connection refused" in refused.output


def test_a_configuration_without_the_check_or_with_errors(tmp_path: Path) -> None:
    path = configuration(tmp_path, 1)
    missing = run("-f", path, "mail")
    assert (missing.exit_code, missing.output) == (2, "Error: there is no check 'mail'; there are: web\n")
    Path(path).write_text("check web { tcp { } }\n")
    wrong = run("-f", path, "web")
    assert wrong.exit_code == 2
    assert "cannot run:" in wrong.output and "[missing-keyword]" in wrong.output


# -- beside `alived check FILE` --


def test_a_file_that_is_called_run_can_be_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").write_text(INSTANCE)
    assert json.loads(CliRunner().invoke(main, ["check", "./run", "--json"]).output)["files"][0]["file"] == "./run"
    assert json.loads(CliRunner().invoke(main, ["check", "--json", "run"]).output)["files"][0]["file"] == "run"
