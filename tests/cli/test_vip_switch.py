"""`vip-switch` up to the point where it would touch the network: its flags win over the file, vip.conf is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from alived.cli import vip_switch
from alived.daemon import main as daemon
from alived.daemon.options import Options
from alived.daemon.parent.reading import Load, Reading

CONFIG = """
node: {id: node1, raft_addr: "192.0.2.1:7946", data_dir: /var/lib/vip-switch}
cluster:
  nodes:
    - {id: node1, addr: "192.0.2.1:7946"}
    - {id: node2, addr: "192.0.2.2:7946"}
    - {id: node3, addr: "192.0.2.3:7946"}
logging: {level: info, format: text}
"""
VIP_CONF = 'VIP_ADDRESS="192.0.2.100/24"\nINTERFACE="eth0"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


def read_by(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Options, Reading]:
    """What the daemon would have been started with."""
    found: list[tuple[Options, Reading]] = []

    def serve(options: Options, load: Load, _make_parts: object) -> int:
        found.append((options, load(options.config_path)))
        return 0

    monkeypatch.setattr(daemon, "serve", serve)
    result = CliRunner().invoke(vip_switch.main, arguments)
    assert (result.exit_code, len(found)) == (0, 1), result.output
    return found[0]


def places(reading: Reading) -> dict[str, str]:
    """Code -> file, of all findings."""
    return {one.code: one.location.file for one in reading.diagnostics}


def test_every_flag_wins_over_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--config", str(config), "--node-id", "nodeX", "--raft-addr", "nowhere", "--data-dir", "/a b/c"]
    options, reading = read_by([*arguments, "--log-level", "ERROR", "--log-format", "JSON"], monkeypatch)
    assert reading.config is None
    assert places(reading)["invalid-address"] == "--raft-addr"
    assert options.log_format == "json"
    assert not [one for one in reading.diagnostics if one.location.file in ("--data-dir", "--log-level")], "both right"
    _, reading = read_by([*arguments[:4], "--raft-addr", ":7000"], monkeypatch)
    assert places(reading)["unknown-node"] == "--node-id"


def test_a_relative_data_dir_is_warned_about_where_it_was_said(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, reading = read_by(["-f", str(config), "--data-dir", "data dir"], monkeypatch)
    (finding,) = [one for one in reading.diagnostics if one.code == "relative-path"]
    assert finding.location.file == "--data-dir"
    assert "'data dir'" in finding.message


def test_vip_conf_beside_the_configuration_is_read(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (config.parent / "vip.conf").write_text("VIP_ADDRESS=$(id)\nINTERFACE=eth0\n")
    _, reading = read_by(["-f", str(config)], monkeypatch)
    assert places(reading)["shell-expansion"] == str(config.parent / "vip.conf")


def test_another_vip_conf_can_be_said(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (config.parent / "vip.conf").write_text("VIP_ADDRESS=$(id)\n")
    other = tmp_path / "other.conf"
    other.write_text(VIP_CONF)
    _, reading = read_by(["-f", str(config), "--vip-conf", str(other)], monkeypatch)
    assert "shell-expansion" not in places(reading)
    _, reading = read_by(["-f", str(config), "--vip-conf", str(tmp_path / "missing")], monkeypatch)
    assert places(reading)["unreadable-file"] == str(tmp_path / "missing")


@pytest.mark.parametrize("text", ['a"b', "a\\", "a\nb", ""])
def test_what_cannot_be_quoted_is_wrong_usage(config: Path, text: str) -> None:
    result = CliRunner().invoke(vip_switch.main, ["-f", str(config), "--data-dir", text])
    assert result.exit_code == 2
    assert "--data-dir" in result.output


def test_errors_end_it_before_anything_is_touched(config: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "alived.cli.vip_switch", "--config", str(config), "--node-id", "nobody"]
    done = subprocess.run([*command, "--runtime-dir", str(tmp_path / "run")], capture_output=True, text=True)
    assert done.returncode == 1
    assert "--node-id: error: this node, 'nobody', is not among the nodes of cluster" in done.stderr
    assert "nothing was touched" in done.stderr and "Traceback" not in done.stderr


def test_without_a_configuration_it_is_wrong_usage() -> None:
    assert CliRunner().invoke(vip_switch.main, []).exit_code == 2
