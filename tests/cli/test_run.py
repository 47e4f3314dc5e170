"""`alived run` up to the point where it would touch the network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from alived.cli.main import main
from alived.daemon import main as daemon
from alived.daemon.options import Options
from alived.daemon.parent.parts import Parts
from alived.daemon.parent.reading import Load
from tests.config.helpers import instance_text

BAD = "vrrp_instance VI_1 {\n    interface lo\n    virtual_router_id 999\n    nonsense\n}\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "alived", "run", *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("option", ["-f", "--config"])
def test_all_errors_with_their_places_and_exit_1(tmp_path: Path, option: str) -> None:
    config = tmp_path / "bad.conf"
    config.write_text(BAD)
    done = run(option, str(config), "--runtime-dir", str(tmp_path / "run"))
    assert done.returncode == 1
    assert f"{config}:3:" in done.stderr and "999" in done.stderr
    assert f"in {config}: not started, nothing was touched" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "run").iterdir()) == [], "no pid file, no socket stays behind"


def test_errors_as_json_lines(tmp_path: Path) -> None:
    config = tmp_path / "bad.conf"
    config.write_text(BAD)
    done = run("-f", str(config), "--runtime-dir", str(tmp_path / "run"), "--log-format", "json")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines[-1]["code"] == "not-started"
    assert all(line["level"] in ("error", "warning") for line in lines)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = run("-f", str(tmp_path / "missing"), "--runtime-dir", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "missing: error: cannot be read: No such file or directory" in done.stderr


def test_a_runtime_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("-f", str(tmp_path / "x"), "--runtime-dir", str(tmp_path / "file" / "run"))
    assert done.returncode == 1
    assert "cannot use the runtime directory" in done.stderr


def test_without_a_config_it_is_wrong_usage() -> None:
    assert run().returncode == 2


def test_overrides_are_checked_like_the_file(tmp_path: Path) -> None:
    config = tmp_path / "good.conf"
    config.write_text(instance_text())
    done = run("-f", str(config), "--runtime-dir", str(tmp_path / "run"), "--set", "vrrp_instance.VI_1.priority=x")
    assert done.returncode == 1
    assert "--set vrrp_instance.VI_1.priority: error: 'x' is no value for 'priority'" in done.stderr


def test_overrides_hold_at_the_start_and_at_each_reload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon reads by one function, whenever it reads."""
    config = tmp_path / "good.conf"
    config.write_text(instance_text())
    priorities = []

    def read_twice(options: Options, read: Load, make_parts: Callable[[], Parts]) -> int:
        for advert_int in (1, 2):
            config.write_text(instance_text(f"advert_int {advert_int}"))
            reading = read(str(config))
            assert reading.config is not None
            vrrp = reading.config.instances[0].vrrp
            priorities.append((vrrp.advert_interval_cs, vrrp.priority))
        return 0

    monkeypatch.setattr(daemon, "serve", read_twice)
    monkeypatch.setenv("ALIVED_SET_VRRP_INSTANCE__PRIORITY", "7")
    result = CliRunner().invoke(main, ["run", "-f", str(config)])
    assert (result.exit_code, priorities) == (0, [(100, 7), (200, 7)]), result.output
