"""`alived check` and the list of commands: output, JSON shape, exit status."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from alived.cli.main import COMMANDS, LazyGroup, main
from tests.config.helpers import instance_text

CLEAN = instance_text()
WARNS = instance_text("prioritty 5")
ERRORS = instance_text("prioritty 5\nadvert_int x")


@pytest.fixture
def files(tmp_path: pathlib.Path) -> dict[str, str]:
    texts = {"clean": CLEAN, "warnings": WARNS, "errors": ERRORS}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: str(tmp_path / name) for name in texts}


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["clean"], 0),
        (["warnings"], 3),
        (["errors"], 1),
        (["clean", "warnings"], 3),
        (["errors", "warnings"], 1),
        ([], 2),
    ],
)
def test_exit_status(files: dict[str, str], names: list[str], status: int) -> None:
    assert run("check", *(files[name] for name in names))[0] == status


def test_text_is_sorted_with_hints_and_a_summary(files: dict[str, str]) -> None:
    _, output = run("check", files["errors"])
    path = files["errors"]
    assert output.splitlines() == [
        f"{path}:5:1: warning: unknown keyword 'prioritty' in 'vrrp_instance': skipped [unknown-keyword]",
        "    hint: did you mean 'priority'?",
        f"{path}:6:12: error: 'x' is no value for 'advert_int' [invalid-value]",
        "    hint: expected: seconds, such as 1",
        f"{path}: will not run: 1 error, 1 warning",
    ]


@pytest.mark.parametrize(
    ("name", "summary"),
    [("clean", "clean"), ("warnings", "runs, with 1 warning"), ("errors", "will not run: 1 error, 1 warning")],
)
def test_summaries(files: dict[str, str], name: str, summary: str) -> None:
    assert run("check", files[name])[1].splitlines()[-1] == f"{files[name]}: {summary}"


def test_json_has_the_shape_that_programs_rely_on(files: dict[str, str]) -> None:
    status, output = run("check", "--json", files["clean"], files["warnings"], "/nonexistent")
    assert status == 1
    assert json.loads(output) == {
        "files": [
            {"file": files["clean"], "verdict": "clean", "diagnostics": []},
            {
                "file": files["warnings"],
                "verdict": "warnings",
                "diagnostics": [
                    {
                        "severity": "warning",
                        "file": files["warnings"],
                        "line": 5,
                        "column": 1,
                        "code": "unknown-keyword",
                        "message": "unknown keyword 'prioritty' in 'vrrp_instance': skipped",
                        "hint": "did you mean 'priority'?",
                    }
                ],
            },
            {
                "file": "/nonexistent",
                "verdict": "errors",
                "diagnostics": [
                    {
                        "severity": "error",
                        "file": "/nonexistent",
                        "line": 0,
                        "column": 0,
                        "code": "unreadable-file",
                        "message": "cannot be read: No such file or directory",
                        "hint": "",
                    }
                ],
            },
        ]
    }


def test_a_missing_file_in_text() -> None:
    status, output = run("check", "/nonexistent")
    assert status == 1
    assert "/nonexistent: error: cannot be read: No such file or directory" in output


def test_version_and_help() -> None:
    assert run("--version") == (0, "alived, version 0.1.0\n")
    status, output = run("--help")
    assert status == 0
    for name, entry in COMMANDS.items():
        assert name in output and entry.help[:40] in output


def test_the_list_for_completion() -> None:
    assert LazyGroup(name="alived").list_commands(click.Context(main)) == list(COMMANDS)


def test_an_unknown_command_is_wrong_usage() -> None:
    assert run("chekc")[0] == 2


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_of_the_list_exists(name: str) -> None:
    status, output = run(name, "--help")
    assert status == 0
    assert output.startswith("Usage:")


def test_the_list_of_commands_imports_none_of_them() -> None:
    code = "import sys; from alived.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "loaded = [m for m in sys.modules if m.startswith(('alived.config', 'alived.daemon', 'yaml', 'rich'))]\n"
    code += "assert not loaded, loaded"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_keepalived_conf_is_checked_without_pyyaml_and_daemon(files: dict[str, str]) -> None:
    code = f"import sys; from alived.config.load import load; assert load({files['clean']!r}).config\n"
    code += (
        "loaded = [m for m in sys.modules if m.startswith(('alived.daemon', 'alived.adapters', 'yaml', 'difflib'))]\n"
    )
    code += "assert not loaded, loaded"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
