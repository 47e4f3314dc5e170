"""`alived convert`: to standard output and to files, refusals, and what it says on standard error."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest
from click.testing import CliRunner, Result

from alived.cli import convert as module
from alived.cli.main import main
from alived.config.load import load
from tests.config.helpers import instance_text

NOTIFY = "notify \"/bin/x 'y z'\" root # on every change"
YAML = """\
vrrp_instances:
  - name: VI_1
    interface: eth0
    virtual_router_id: 51
    priority: 100
    notify:  # on every change
      command: /bin/x 'y z'
      user: root
    virtual_ipaddress:
      - 192.0.2.10
"""


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "keepalived.conf"
    path.write_text(instance_text(NOTIFY))
    return path


def run(*arguments: object, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["convert", *map(str, arguments)], env=env)


def test_to_yaml_on_standard_output(source: pathlib.Path) -> None:
    result = run(source, "--to", "yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (0, YAML, "")


@pytest.mark.parametrize("language", ["keepalived", "yaml", "toml"])
def test_to_a_file_that_says_the_same(source: pathlib.Path, tmp_path: pathlib.Path, language: str) -> None:
    target = tmp_path / "out"
    assert run(source, "--to", language, "-o", target).exit_code == 0
    assert load(str(target)).config == load(str(source)).config
    assert run(target, "--to", language).stdout == target.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keepalived.conf", "out"]


def test_a_new_file_may_be_read_by_nobody_else_than_the_original(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    source.chmod(0o600)
    target = tmp_path / "new"
    run(source, "--to", "yaml", "-o", target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    target.chmod(0o640)
    run(source, "--to", "toml", "-o", target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_never_over_the_original_by_accident(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(source)
    before = source.read_text()
    result = run(source, "--to", "yaml", "-o", link)
    assert result.exit_code == 2 and "--force" in result.stderr
    assert source.read_text() == before
    assert run(source, "--to", "yaml", "-o", link, "--force").exit_code == 0
    assert source.read_text() == YAML and link.is_symlink()


def test_a_file_that_cannot_be_written(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    result = run(source, "--to", "yaml", "-o", tmp_path / "none" / "x")
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr


def test_what_fails_leaves_nothing_behind(
    source: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    target.write_text("old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = run(source, "--to", "yaml", "-o", target)
    assert result.exit_code == 1 and "No space left on device" in result.stderr
    assert target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keepalived.conf", "out"]


def test_a_file_with_errors_is_not_converted(source: pathlib.Path) -> None:
    source.write_text(instance_text("advert_int x\nprioritty 5"))
    result = run(source, "--to", "yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{source}:5:12: error: 'x' is no value for 'advert_int' [invalid-value]" in result.stderr
    assert "prioritty" not in result.stderr  # a warning does not stand in the way
    assert f"{source} has errors: it is not converted" in result.stderr


def test_what_is_left_out_is_listed_and_stays_as_a_comment(source: pathlib.Path) -> None:
    source.write_text(instance_text("prioritty 5 # about it"))
    result = run(source, "--to", "yaml")
    assert result.exit_code == 0
    assert f"{source}:5:1: warning: 'prioritty' of 'vrrp_instance' is no keyword: kept as a comment" in result.stderr
    assert "    # prioritty 5  # about it\n    virtual_ipaddress:" in result.stdout


def test_what_is_left_out_at_the_end_of_a_block_stays_there(source: pathlib.Path) -> None:
    source.write_text("global_defs {\nrouter_id a\nnonsense {\nb\n}\n}\n" + instance_text())
    assert run(source, "--to", "yaml").stdout.startswith(
        "global_defs:\n  router_id: a\n  # nonsense {\n  #     b\n  # }\n\nvrrp_instances:\n"
    )


def test_an_unknown_keyword_stays_in_keepalived_conf(source: pathlib.Path) -> None:
    source.write_text(instance_text("prioritty 5"))
    result = run(source, "--to", "keepalived")
    assert "    prioritty 5\n" in result.stdout and result.stderr == ""


def test_what_keepalived_has_nothing_like_is_refused_thing_by_thing(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "alived.yaml"
    source.write_text(YAML + "web:\n  listen: 127.0.0.1:8080\nlogging:\n  level: info\n")
    result = run(source, "--to", "keepalived")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{source}:11:1: error: 'web' cannot stand in a keepalived.conf" in result.stderr
    assert f"{source}:13:1: error: 'logging' cannot stand in a keepalived.conf" in result.stderr
    assert run(source, "--to", "toml").exit_code == 0


def test_keywords_of_our_own_are_said(source: pathlib.Path) -> None:
    source.write_text(instance_text("conflict_check abort"))
    result = run(source, "--to", "keepalived")
    assert result.exit_code == 0 and "    conflict_check abort\n" in result.stdout
    assert f"{source}:5:1: warning: keepalived does not know 'conflict_check'" in result.stderr
    assert run(source, "--to", "yaml").stderr == ""


def test_a_word_that_keepalived_knows_in_another_block_is_said_where_it_does_not(source: pathlib.Path) -> None:
    check = "real_server 10.0.0.7 80 {\nTCP_CHECK {\nfall 3\n}\n}\n"
    script = "vrrp_script s {\nscript /bin/true\nfall 3\n}\n"
    servers = f"virtual_server 10.0.0.1 80 {{\nprotocol TCP\nlvs_sched rr\nlvs_method DR\n{check}}}\n"
    source.write_text(script + servers + instance_text())
    said = run(source, "--to", "keepalived").stderr
    (warning,) = [line for line in said.splitlines() if "does not know" in line]
    assert warning.startswith(f"{source}:11:1: warning: keepalived does not know 'fall': ")


def test_what_was_written_out_is_said(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "more.conf").write_text("global_defs {\nrouter_id more\n}\n")
    before = "include more.conf\n$PRIO=130\n"
    source.write_text(instance_text("@node1 priority $PRIO\n@node2 priority 7", before=before))
    result = run(source, "--to", "yaml", "-i", "node1")
    assert "router_id: more\n" in result.stdout and "priority: 130\n" in result.stdout
    assert result.stderr.splitlines()[:3] == [
        f"{source}: note: what was included is written out: {tmp_path}/more.conf",
        f"{source}: note: names are replaced by what they stand for: {source}:2:7",
        f"{source}: note: conditions are decided for 'node1': the result is for this node only",
    ]


def test_sequences_are_said_too(source: pathlib.Path) -> None:
    source.write_text(instance_text(vip="~SEQ(N, 1, 3) 192.0.2.$N"))
    result = run(source, "--to", "keepalived")
    assert f"{source}: note: sequences (~SEQ, ~LST) are written out\n" in result.stderr
    assert "        192.0.2.1\n        192.0.2.2\n        192.0.2.3\n" in result.stdout


def test_overrides_are_written_down(source: pathlib.Path) -> None:
    result = run(source, "--to", "yaml", "--set", "vrrp_instance.VI_1.priority=7")
    assert "    priority: 7\n" in result.stdout
    result = run(source, "--to", "yaml", env={"ALIVED_SET_VRRP_INSTANCE__PRIORITY": "8"})
    assert "    priority: 8\n" in result.stdout


def test_what_would_say_something_else_is_never_shown(source: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a writer is wrong, nobody gets its text."""
    monkeypatch.setattr(module, "write", lambda tree, language, findings: YAML.replace("100", "99"))
    result = run(source, "--to", "yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "would say something else in yaml" in result.stderr


def test_an_unknown_language_is_wrong_usage(source: pathlib.Path) -> None:
    assert run(source, "--to", "xml").exit_code == 2
    assert run(source).exit_code == 2
