"""`alived check` and the list of commands: output, JSON shape, exit status."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from alived.base import Location
from alived.cli.check_files import expand
from alived.cli.excerpt import Excerpts
from alived.cli.main import COMMANDS, LazyGroup, main
from tests.config.helpers import instance_text

CLEAN, WARNS, ERRORS = (
    instance_text(body).replace("eth0", "nosuch0") for body in ("", "prioritty 5", "prioritty 5\nadvert_int x")
)
UNVERIFIED = [{"kind": "interface", "name": "nosuch0", "reason": "not on this machine"}]


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
    assert run("check", "--separate", *(files[name] for name in names))[0] == status


def test_text_is_sorted_with_lines_hints_and_a_summary(files: dict[str, str]) -> None:
    _, output = run("check", files["errors"])
    path = files["errors"]
    assert output.splitlines() == [
        f"{path}:5:1: warning: unknown keyword 'prioritty' in 'vrrp_instance': skipped [unknown-keyword]",
        "    5 | prioritty 5",
        "      | ^^^^^^^^^",
        "    hint: did you mean 'priority'?",
        f"{path}:6:12: error: 'x' is no value for 'advert_int' [invalid-value]",
        "    6 | advert_int x",
        "      |            ^",
        "    hint: expected: seconds, such as 1",
        f"{path}: not verified: interface nosuch0 (not on this machine)",
        f"{path}: will not run: 1 error, 1 warning",
    ]


def test_several_files_are_summed_up(files: dict[str, str]) -> None:
    _, output = run("check", "--separate", *files.values())
    assert output.splitlines()[-1] == "3 files: 1 clean, 1 with warnings, 1 with errors"


class TestWhatIsGiven:
    def test_a_directory_stands_for_its_configurations(self, tmp_path: pathlib.Path) -> None:
        for name in ("b.conf", "a.yaml", "notes.txt"):
            (tmp_path / name).write_text(CLEAN)
        assert expand([str(tmp_path)]) == [str(tmp_path / "a.yaml"), str(tmp_path / "b.conf")]

    def test_a_pattern_stands_for_the_files_that_match(self, files: dict[str, str], tmp_path: pathlib.Path) -> None:
        assert expand([f"{tmp_path}/*n*", files["clean"]]) == [files["clean"], files["warnings"]]

    def test_a_file_is_given_once_whatever_it_is_called(self, files: dict[str, str], tmp_path: pathlib.Path) -> None:
        (tmp_path / "link").symlink_to(files["clean"])
        assert expand([files["clean"], f"{tmp_path}/./clean", str(tmp_path / "link")]) == [files["clean"]]

    def test_a_name_that_looks_like_a_pattern_is_a_name(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "a[1].conf").write_text(CLEAN)
        assert expand([str(tmp_path / "a[1].conf")]) == [str(tmp_path / "a[1].conf")]

    @pytest.mark.parametrize("name", ["", "*.conf"])
    def test_nothing_is_wrong_usage(self, tmp_path: pathlib.Path, name: str) -> None:
        assert run("check", str(tmp_path / name))[0] == 2

    def test_standard_input(self) -> None:
        result = CliRunner().invoke(main, ["check", "-"], input=WARNS)
        assert result.exit_code == 3
        assert result.output.splitlines()[:2] == [
            "<stdin>:5:1: warning: unknown keyword 'prioritty' in 'vrrp_instance': skipped [unknown-keyword]",
            "    5 | prioritty 5",
        ]


class TestNodes:
    @pytest.fixture
    def pair(self, tmp_path: pathlib.Path) -> list[str]:
        """Two nodes that share their address and have the same priority."""
        for name in ("one", "two"):
            (tmp_path / name).write_text(CLEAN)
        return [str(tmp_path / "one"), str(tmp_path / "two")]

    def test_files_that_belong_together_are_compared(self, pair: list[str]) -> None:
        status, output = run("check", "--json", *pair)
        report = json.loads(output)
        assert status == 3
        assert report["clusters"] == [pair]
        one, two = report["files"]
        assert (one["verdict"], two["verdict"]) == ("clean", "warnings")
        assert [found["code"] for found in two["diagnostics"]] == ["equal-priority"]
        assert f"{pair[0]}:4:1" in two["diagnostics"][0]["message"]
        assert f"compared as nodes of one cluster: {', '.join(pair)}" in run("check", *pair)[1].splitlines()

    def test_files_that_run_alone_but_not_together(self, pair: list[str], tmp_path: pathlib.Path) -> None:
        (tmp_path / "two").write_text(CLEAN.replace("_id 51", "_id 52").replace("priority 100", "priority 90"))
        status, output = run("check", *pair)
        assert status == 1
        assert f"{pair[1]}: runs alone, but not with the other nodes: 1 error" in output.splitlines()
        assert [one["runs"] for one in json.loads(run("check", "--json", *pair)[1])["files"]] == [True, True]

    def test_unless_they_are_separate(self, pair: list[str]) -> None:
        status, output = run("check", "--json", "--separate", *pair)
        assert (status, json.loads(output)["clusters"]) == (0, [])

    def test_strangers_are_compared_only_on_request(self, pair: list[str], tmp_path: pathlib.Path) -> None:
        (tmp_path / "two").write_text(CLEAN.replace("192.0.2.10", "192.0.2.11").replace("_id 51", "_id 52"))
        assert run("check", *pair)[0] == 0
        status, output = run("check", "--cluster", *pair)
        assert status == 3 and output.count("[one-node-only]") == 2


def test_a_file_for_this_machine_must_find_its_interface(files: dict[str, str]) -> None:
    status, output = run("check", "--here", files["clean"])
    assert status == 3 and "interface nosuch0 is not on this machine" in output


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("a\n\tprio 5", Location("f", 2, 2), ["2 |  prio 5", "  |  ^^^^"]),
        ("变量 x", Location("f", 1, 4), ["1 | 变量 x", "  |      ^"]),
        ("变量 x", Location("f", 1, 1), ["1 | 变量 x", "  | ^^^^"]),
        ("a\x1b[31m b", Location("f", 1, 8), ["1 | a?[31m b", "  |        ^"]),
        ("auth_pass secret99", Location("f", 1, 11), ["1 | auth_pass ********", "  |           ^^^^^^^^"]),
        ("a", Location("f", 1, 2), ["1 | a", "  |  ^"]),
        ("a", Location("f", 2, 1), []),
        ("a", Location("f"), []),
    ],
)
def test_excerpts(text: str, place: Location, expected: list[str]) -> None:
    assert Excerpts(lambda path: text.encode()).at(place) == expected


def test_of_a_long_line_the_part_around_the_word_is_shown() -> None:
    line, mark = Excerpts(lambda path: b"x" * 500 + b" word " + b"y" * 500).at(Location("f", 1, 502))
    assert len(line) < 110
    assert line[mark.index("^") : mark.rindex("^") + 1] == "word"


def test_a_file_that_is_gone_has_no_excerpt() -> None:
    def gone(path: str) -> bytes:
        raise OSError

    assert Excerpts(gone).at(Location("f", 1, 1)) == []


def test_colours_are_for_terminals(files: dict[str, str]) -> None:
    coloured = CliRunner().invoke(main, ["check", files["errors"]], color=True).output
    assert "\x1b[31m" in coloured and "\x1b" not in run("check", files["errors"])[1]
    plain = CliRunner().invoke(main, ["check", files["errors"]], color=True, env={"NO_COLOR": "1"}).output
    assert "\x1b" not in plain


@pytest.mark.parametrize(
    ("name", "summary"),
    [("clean", "clean"), ("warnings", "runs, with 1 warning"), ("errors", "will not run: 1 error, 1 warning")],
)
def test_summaries(files: dict[str, str], name: str, summary: str) -> None:
    assert run("check", files[name])[1].splitlines()[-1] == f"{files[name]}: {summary}"


def test_json_has_the_shape_that_programs_rely_on(files: dict[str, str]) -> None:
    status, output = run("check", "--json", "--separate", files["clean"], files["warnings"], "/nonexistent")
    assert status == 1
    assert json.loads(output) == {
        "files": [
            {"file": files["clean"], "verdict": "clean", "runs": True, "diagnostics": [], "unverified": UNVERIFIED},
            {
                "file": files["warnings"],
                "verdict": "warnings",
                "runs": True,
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
                "unverified": UNVERIFIED,
            },
            {
                "file": "/nonexistent",
                "verdict": "errors",
                "runs": False,
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
                "unverified": [],
            },
        ],
        "clusters": [],
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
