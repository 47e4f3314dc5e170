"""`alived config show`: columns for people, JSON for programs."""

from __future__ import annotations

import json
import pathlib

import pytest
from click.testing import CliRunner, Result

from alived.cli.main import main
from tests.config.helpers import instance_text


@pytest.fixture
def file(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "f.conf"
    path.write_text(instance_text("nopreempt\n@node2 advert_int 2\nauthentication {\nauth_type PASS\nauth_pass x\n}"))
    return str(path)


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["config", "show", *arguments], env=env)


def test_what_is_said(file: str) -> None:
    result = run(file, "--set", "vrrp_instance.VI_1.priority=7")
    assert result.exit_code == 0
    lines = [line.replace(file, "f") for line in result.stdout.splitlines()]
    assert [line.split() for line in lines] == [
        ["vrrp_instance", "VI_1", "f:1:1"],
        ["interface", "eth0", "f:2:1"],
        ["virtual_router_id", "51", "f:3:1"],
        ["priority", "7", "--set", "vrrp_instance.VI_1.priority"],
        ["nopreempt", "on", "f:5:1"],
        ["virtual_ipaddress", "192.0.2.10", "f:12:1"],
        ["authentication", "f:7:1"],
        ["auth_type", "PASS", "f:8:1"],
        ["auth_pass", "(not", "shown)", "f:9:1"],
    ]
    assert len({line.index("f:") for line in lines if "f:" in line}) == 1, "origins stand in one column"


def test_what_holds(file: str) -> None:
    output = run(file, "--effective").stdout
    assert ["version", "2", "default"] in [line.split()[:3] for line in output.splitlines()]
    assert output.startswith("alived run\n")
    assert ["advert_int", "1", "default"] in [line.split() for line in output.splitlines()]
    values = [line for line in output.splitlines() if line.startswith("  ") and line.split()[-1] == "default"]
    longest = max(values, key=lambda line: len(line.split()[0]))
    assert longest.startswith(f"  {longest.split()[0]}  {longest.split()[1]}"), "the longest keyword makes the column"
    assert len({line.index(line.split()[1], len(line.split()[0]) + 2) for line in values}) == 1


def test_the_id_of_the_node_decides_conditions(file: str) -> None:
    assert "  advert_int         2  " in run(file, "-i", "node2").stdout
    assert "  advert_int         2  " in run(file, env={"ALIVED_CONFIG_ID": "node2"}).stdout
    assert "advert_int" not in run(file, "-i", "node1", env={"ALIVED_CONFIG_ID": "node2"}).stdout


def test_an_option_wins_over_a_variable(file: str) -> None:
    env = {"ALIVED_SET_VRRP_INSTANCE__VI_1__PRIORITY": "8"}
    assert "  priority           8  " in run(file, env=env).stdout
    assert "  priority           7  " in run(file, "--set", "vrrp_instance.priority=7", env=env).stdout


def test_options_of_the_daemon_from_the_environment(file: str) -> None:
    env = {"ALIVED_RUNTIME_DIR": "/run/other", "ALIVED_CONFIG_ID": "n7"}
    lines = run(file, "--effective", env=env).stdout.splitlines()
    options = [line.split() for line in lines[1 : lines.index("")]]
    assert ["runtime-dir", "/run/other", "environment", "ALIVED_RUNTIME_DIR"] in options
    assert ["config-id", "n7", "environment", "ALIVED_CONFIG_ID"] in options
    assert ["log-format", "text", "default"] in options
    lines = run(file, "--effective", "-i", "n8", env=env).stdout.splitlines()
    assert ["config-id", "n8", "--config-id"] in [line.split() for line in lines]


def test_the_form_of_the_log_is_that_of_the_file_if_nobody_else_says(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f.yaml"
    vrrp = "vrrp_instances: {V: {interface: eth0, virtual_router_id: 1, virtual_ipaddress: 192.0.2.9/24}}\n"
    path.write_text(f"logging: {{format: json}}\n{vrrp}")
    assert f"log-format   json {path}".split() in [
        line.split() for line in run(str(path), "--effective").stdout.split("\n")
    ]
    lines = run(str(path), "--effective", env={"ALIVED_LOG_FORMAT": "text"}).stdout.split("\n")
    assert ["log-format", "text", "environment", "ALIVED_LOG_FORMAT"] in [line.split() for line in lines]


def test_json(file: str) -> None:
    result = run(file, "--json", env={"ALIVED_SET_VRRP_INSTANCE__PRIORITY": "8"})
    found = json.loads(result.stdout)
    assert (found["file"], found["effective"]) == (file, False)
    (section,) = found["sections"]
    assert section["title"] == "vrrp_instance VI_1"
    assert section["origin"] == {"kind": "said", "place": file, "line": 1, "column": 1, "note": ""}
    assert section["entries"][2] == {
        "keyword": "priority",
        "value": "8",
        "origin": {
            "kind": "said",
            "place": "environment ALIVED_SET_VRRP_INSTANCE__PRIORITY",
            "line": 0,
            "column": 0,
            "note": "",
        },
    }
    assert [inner["title"] for inner in section["sections"]] == ["authentication"]
    effective = json.loads(run(file, "--json", "--effective").stdout)
    assert [section["title"] for section in effective["sections"]] == [
        "alived run",
        "global_defs",
        "vrrp_instance VI_1",
    ]


def test_a_file_with_errors(file: str) -> None:
    result = run(file, "--set", "vrrp_instance.VI_1.priority=x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--set vrrp_instance.VI_1.priority: error: 'x' is no value for 'priority'" in result.stderr
    assert f"{file} has errors" in result.stderr


@pytest.mark.parametrize("command", ["check", "convert"])
def test_overrides_count_in_all_commands_that_read(file: str, command: str) -> None:
    more = ["--to", "yaml"] if command == "convert" else []
    result = CliRunner().invoke(main, [command, file, *more], env={"ALIVED_SET_VRRP_INSTANCE__PRIORITY": "x"})
    assert result.exit_code == 1
    assert "environment ALIVED_SET_VRRP_INSTANCE__PRIORITY" in result.output
